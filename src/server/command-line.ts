import { Command, CommanderError, Option } from 'commander';
import { exitCodes } from '../common/exit-codes.ts';
import { version } from '../common/version.ts';
import { ConfigError, readConfig, settings, type Environment, type ServerConfig, type Setting } from './config.ts';

/** What the program can be asked to do. */
export interface Commands {
  serve(config: ServerConfig): Promise<void>;
  signInLink(config: ServerConfig, options: { email?: string }): Promise<void>;
  createApiKey(config: ServerConfig, options: { name: string; outputFormat: 'json' | 'text' }): Promise<void>;
}

/** Runs the command that the arguments name. Answers the exit code; what went wrong is one line on standard error. */
export async function runCommandLine(args: string[], env: Environment, commands: Commands): Promise<number> {
  try {
    await createProgram(env, commands).parseAsync(args, { from: 'user' });
    return exitCodes.success;
  } catch (error) {
    // Commander has written its own line, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.success : exitCodes.usage;
    process.stderr.write(`Error: ${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof ConfigError ? exitCodes.usage : exitCodes.failure;
  }
}

function createProgram(env: Environment, commands: Commands): Command {
  const program = new Command('oz-server')
    .description('The control plane of background coding agents.')
    .version(`oz-server ${version}`, '-V, --version', 'show the version')
    .helpOption('-h, --help', 'show this help')
    .helpCommand('help [command]', 'show help for a command')
    .addHelpText('after', '\nThe flags of the server itself: oz-server serve --help')
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'Error: ')) });

  withSettings(program.command('serve', { isDefault: true }))
    .description('Run the server (the default).')
    .action(async (flags) => await commands.serve(readConfig(flags, env)));

  withSettings(program.command('sign-in-link'), ['dataDir', 'publicUrl'])
    .description('Print a link that signs a person in, once, within ten minutes.')
    .option('--email <address>', 'whom to sign in (default: the first admin)')
    .action(async (flags) => await commands.signInLink(readConfig(flags, env), flags));

  const apiKey = program.command('api-key').description("Manage the keys of the team's machines.");
  withSettings(apiKey.command('create'), ['dataDir'])
    .description('Make an API key and print it: this once, it is not kept.')
    .requiredOption('--name <name>', 'what the key is for')
    .addOption(new Option('--output-format <format>', 'how to show the key').choices(['json', 'text']).default('text'))
    .action(async (flags) => await commands.createApiKey(readConfig(flags, env), flags));
  return program;
}

function withSettings(command: Command, keys?: (keyof ServerConfig)[]): Command {
  const wanted = settings.filter(({ key }) => keys === undefined || keys.includes(key));
  for (const { flag, description, default: standard, env } of wanted.filter(({ flag }) => flag !== undefined)) {
    const hints = [`env: ${env}`, ...(standard === undefined ? [] : [`default: ${standard}`])];
    command.option(flag as string, `${description} (${hints.join(', ')})`);
  }
  const secrets = wanted.filter(({ flag }) => flag === undefined).map(describeSecret);
  return secrets.length > 0 ? command.addHelpText('after', `\nEnvironment only:\n${secrets.join('\n')}`) : command;
}

function describeSecret({ env, description }: Setting): string {
  return `  ${env.padEnd(15)} ${description}`;
}
