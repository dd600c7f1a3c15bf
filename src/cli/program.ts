import { Command, Option } from 'commander';
import { version } from '../common/version.ts';
import { addCommandGroup, type CliContext } from './command.ts';
import { addGlobalOptions, globalOptions } from './global-options.ts';
import { defineAgentRun } from './commands/agent-run.ts';
import { defineAgentRunCloud } from './commands/agent-run-cloud.ts';
import { defineRunCancel } from './commands/run-cancel.ts';
import { defineRunGet } from './commands/run-get.ts';
import { defineRunList } from './commands/run-list.ts';
import { defineRunLogs } from './commands/run-logs.ts';
import type { Terminal } from './terminal.ts';
import { adviceAfterUsageError } from './usage-error.ts';

const examples = `
Examples:
  oz agent run-cloud --harness shell --prompt 'echo hello' --wait
  oz run list --state in-progress
  oz run logs ID --follow`;

/** The whole command line. Only the commands' names and flags are loaded here; what they need, when they run. */
export function createProgram(terminal: Terminal): Command & { exitCode(): number } {
  const context: CliContext = { terminal, exitCode: 0 };
  const program = new Command('oz')
    .description('Run coding agents in the background, on machines you own.')
    .version(`oz ${version}`, '-V, --version', 'show the version')
    .addHelpOption(new Option('-h, --help', 'show this help').helpGroup(globalOptions))
    .helpCommand('help [command]', 'show help for a command')
    .enablePositionalOptions()
    .showSuggestionAfterError()
    .showHelpAfterError(adviceAfterUsageError)
    .configureHelp({ showGlobalOptions: false })
    .addHelpText('after', examples)
    .exitOverride();
  addGlobalOptions(program);

  const agent = addCommandGroup(program, 'agent', 'run agents, here or on a worker');
  defineAgentRun(agent, context);
  defineAgentRunCloud(agent, context);

  const run = addCommandGroup(program, 'run', 'see and end runs').alias('task');
  defineRunList(run, context);
  defineRunGet(run, context);
  defineRunCancel(run, context);
  defineRunLogs(run, context);

  return Object.assign(program, { exitCode: () => context.exitCode });
}
