import type { Command } from 'commander';
import { addRunCommand, connect, onRun, type CliContext, type Invocation } from '../command.ts';
import { filterOf, jqFlag, printJson } from '../print-json.ts';

interface GetOptions {
  conversation?: boolean;
  jq?: string;
}

export function defineRunGet(parent: Command, context: CliContext): void {
  const command = addRunCommand(parent, 'get', 'show one run')
    .option('--conversation', 'show its conversation instead, as JSON')
    .option(...jqFlag);
  onRun(command, context, getRun);
}

async function getRun(invocation: Invocation, options: GetOptions, [runId = '']: string[]): Promise<number> {
  const { terminal, settings } = invocation;
  const filter = await filterOf(options);
  const client = await connect(invocation);
  const path = `/agent/runs/${encodeURIComponent(runId)}`;
  const body = await client.getJson(options.conversation ? `${path}/conversation` : path);
  if (filter || options.conversation || settings.outputFormat === 'json') await printJson(terminal, body, filter);
  else if (settings.outputFormat === 'ndjson') terminal.stdout(`${JSON.stringify(body)}\n`);
  else await printForPeople(invocation, body);
  return 0;
}

async function printForPeople({ terminal, settings }: Invocation, body: unknown): Promise<void> {
  const [{ runItemSchema }, { runCard, runTable }] = await Promise.all([
    import('../../protocol/runs.ts'),
    import('../run-view.ts'),
  ]);
  const run = runItemSchema.parse(body);
  terminal.stdout(settings.outputFormat === 'text' ? runTable([run]) : runCard(run, terminal.colour));
}
