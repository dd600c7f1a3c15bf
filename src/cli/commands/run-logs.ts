import { Option, type Command } from 'commander';
import { addRunCommand, connect, onRun, type CliContext, type Invocation } from '../command.ts';
import { abortOnInterrupt } from '../interrupts.ts';
import { filterOf, jqFlag, printJson } from '../print-json.ts';

interface LogsOptions {
  follow?: boolean;
  console?: boolean;
  jq?: string;
}

export function defineRunLogs(parent: Command, context: CliContext): void {
  const command = addRunCommand(parent, 'logs', 'show what a run has said and done')
    .option('-f, --follow', 'go on as it happens, until the run has ended')
    .option('--console', 'show the raw output of its setup command, agent and teardown command instead')
    .addOption(new Option(...jqFlag).conflicts(['follow', 'console']));
  onRun(command, context, showLogs);
}

async function showLogs(invocation: Invocation, options: LogsOptions, [runId = '']: string[]): Promise<number> {
  const filter = await filterOf(options);
  const client = await connect(invocation);
  const { terminal, settings } = invocation;
  const isWhole = !options.follow && !options.console;
  if (filter || (isWhole && settings.outputFormat === 'json')) {
    await printJson(terminal, await client.transcript(runId), filter);
    return 0;
  }
  const { followConsole, followRun } = await import('../follow-run.ts');
  const stream = { client, runId, signal: abortOnInterrupt(), follow: options.follow ?? false };
  if (options.console) await followConsole(invocation, stream);
  else await followRun(invocation, stream);
  return 0;
}
