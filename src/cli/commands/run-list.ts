import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Query } from '../../client/transport.ts';
import type { RunState } from '../../protocol/states.ts';
import { addCommand, collect, connect, onRun, refuseForNow, type CliContext, type Invocation } from '../command.ts';
import { filterOf, jqFlag, printJson } from '../print-json.ts';

const states: Record<string, RunState> = {
  queued: 'QUEUED',
  pending: 'PENDING',
  claimed: 'CLAIMED',
  'in-progress': 'INPROGRESS',
  succeeded: 'SUCCEEDED',
  failed: 'FAILED',
  error: 'ERROR',
  blocked: 'BLOCKED',
  cancelled: 'CANCELLED',
};

interface ListOptions {
  limit: number;
  state?: string[];
  sortBy?: string;
  sortOrder?: string;
  cursor?: string;
  jq?: string;
}

const examples = `
Examples:
  oz run list --state queued --state in-progress
  oz run list --limit 100 --jq '.runs[] | [.run_id, .state] | @tsv'`;

export function defineRunList(parent: Command, context: CliContext): void {
  const command = addCommand(parent, 'list', "list the team's runs, the latest first")
    .option('-L, --limit <N>', 'how many runs to show', parseLimit, 10)
    .addOption(stateOption())
    .addOption(new Option('--sort-by <FIELD>', 'what to sort by').choices(['updated-at', 'created-at']))
    .addOption(new Option('--sort-order <ORDER>', 'which end comes first').choices(['asc', 'desc']))
    .option('--cursor <CURSOR>', 'go on where a former list ended')
    .option(...jqFlag)
    .addHelpText('after', examples);
  refuseForNow(command, [
    '--source <SOURCE>',
    '--execution-location <LOCATION>',
    '--creator <UID>',
    '--environment <ID>',
    '--skill <SPEC>',
    '--schedule <ID>',
    '--ancestor-run <ID>',
    '--name <NAME>',
    '--model <ID>',
    '--artifact-type <TYPE>',
    '--created-after <TIME>',
    '--created-before <TIME>',
    '--updated-after <TIME>',
    '-q, --query <TEXT>',
  ]);
  onRun(command, context, listRuns);
}

async function listRuns(invocation: Invocation, options: ListOptions): Promise<number> {
  const { terminal, settings } = invocation;
  const filter = await filterOf(options);
  const body = await (await connect(invocation)).getJson('/agent/runs', queryOf(options));
  if (filter || settings.outputFormat === 'json') await printJson(terminal, body, filter);
  else if (settings.outputFormat === 'ndjson') printLines(invocation, body);
  else await printForPeople(invocation, body);
  return 0;
}

function queryOf(options: ListOptions): Query {
  return {
    limit: options.limit,
    state: options.state?.map((name) => states[name] ?? name),
    sort_by: options.sortBy?.replace('-', '_'),
    sort_order: options.sortOrder,
    cursor: options.cursor,
  };
}

function printLines({ terminal }: Invocation, body: unknown): void {
  for (const run of (body as { runs: unknown[] }).runs) terminal.stdout(`${JSON.stringify(run)}\n`);
}

async function printForPeople({ terminal, settings }: Invocation, body: unknown): Promise<void> {
  const [{ runListSchema }, { runCard, runTable }] = await Promise.all([
    import('../../protocol/runs.ts'),
    import('../run-view.ts'),
  ]);
  const { runs, page_info: page } = runListSchema.parse(body);
  if (runs.length === 0) terminal.stdout('No runs found.\n');
  else if (settings.outputFormat === 'text') terminal.stdout(runTable(runs));
  else terminal.stdout(runs.map((run) => runCard(run, terminal.colour)).join('\n'));
  if (page.has_next_page) terminal.stderr(`There are more: --cursor ${page.next_cursor}\n`);
}

function stateOption(): Option {
  const names = Object.keys(states);
  return new Option('--state <STATE>', `only runs in this state; may be given again (${names.join(', ')})`).argParser(
    (value: string, former?: string[]) => {
      if (!names.includes(value)) throw new InvalidArgumentError(`Allowed choices are ${names.join(', ')}.`);
      return collect(value, former);
    },
  );
}

function parseLimit(value: string): number {
  const limit = Number(value);
  if (!Number.isInteger(limit) || limit < 1 || limit > 500) throw new InvalidArgumentError('It must be 1 to 500.');
  return limit;
}
