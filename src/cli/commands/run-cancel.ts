import type { Command } from 'commander';
import { addRunCommand, connect, onRun, type CliContext, type Invocation } from '../command.ts';
import { isForPrograms } from '../global-options.ts';

export function defineRunCancel(parent: Command, context: CliContext): void {
  onRun(addRunCommand(parent, 'cancel', 'end a run'), context, cancelRun);
}

async function cancelRun(invocation: Invocation, _options: object, [runId = '']: string[]): Promise<number> {
  const { terminal, settings } = invocation;
  await (await connect(invocation)).cancelRun(runId);
  terminal.stdout(
    isForPrograms(settings) ? `${JSON.stringify({ run_id: runId })}\n` : `Run ${runId} is being cancelled.\n`,
  );
  return 0;
}
