import type { Command } from 'commander';
import { addRunCommand, connect, onRun, type CliContext, type Invocation } from '../command.ts';

export function defineRunCancel(parent: Command, context: CliContext): void {
  onRun(addRunCommand(parent, 'cancel', 'end a run'), context, cancelRun);
}

async function cancelRun(invocation: Invocation, _options: object, [runId = '']: string[]): Promise<number> {
  const { terminal, settings } = invocation;
  await (await connect(invocation)).cancelRun(runId);
  const isJson = settings.outputFormat === 'json' || settings.outputFormat === 'ndjson';
  terminal.stdout(isJson ? `${JSON.stringify({ run_id: runId })}\n` : `Run ${runId} is being cancelled.\n`);
  return 0;
}
