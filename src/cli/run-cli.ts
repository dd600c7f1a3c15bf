import { CommanderError } from 'commander';
import { exitCodes } from '../common/exit-codes.ts';
import { Interrupted } from './interrupts.ts';
import { createProgram } from './program.ts';
import { createTerminal } from './terminal.ts';
import { adviceAfterUsageError, UsageError } from './usage-error.ts';

/** Runs one command line and answers the exit code; what there is to say has been said by then. */
export async function runCli(args: readonly string[]): Promise<number> {
  const terminal = createTerminal();
  const program = createProgram(terminal);
  try {
    if (args.length === 0) program.help();
    await program.parseAsync(deepHelp(args), { from: 'user' });
    return program.exitCode();
  } catch (error) {
    if (error instanceof Interrupted) return error.exitCode;
    if (error instanceof CommanderError) return exitCodeOf(error);
    if (error instanceof UsageError) {
      terminal.stderr(`error: ${error.message}\n${adviceAfterUsageError}\n`);
      return exitCodes.usage;
    }
    const { wordsOf } = await import('./failure.ts');
    terminal.stderr(wordsOf(error, args.includes('--debug')));
    return exitCodes.failure;
  }
}

/** The library's `help` command looks at one word alone: `help run list` is asked as `run list --help`. */
function deepHelp(args: readonly string[]): readonly string[] {
  return args[0] === 'help' && args.length > 2 ? [...args.slice(1), '--help'] : args;
}

/** Help and version are thrown as well, with 0; whatever else is thrown was a wrong command line. */
function exitCodeOf(error: CommanderError): number {
  return error.exitCode === 0 ? exitCodes.success : exitCodes.usage;
}
