import { Option, type Command } from 'commander';
import type { Client } from '../client/client.ts';
import { addGlobalOptions, settingsOf, type Settings } from './global-options.ts';
import { parseRunId } from './run-id.ts';
import type { Terminal } from './terminal.ts';
import { UsageError } from './usage-error.ts';

/** What all commands of one command line share. */
export interface CliContext {
  readonly terminal: Terminal;
  exitCode: number;
}

/** What a command's work gets beside its own flags. */
export interface Invocation {
  terminal: Terminal;
  settings: Settings;
}

export function addCommandGroup(parent: Command, name: string, description: string): Command {
  const group = parent.command(name).description(description);
  addGlobalOptions(group);
  return group;
}

export function addCommand(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description);
}

/** A command about one run. */
export function addRunCommand(parent: Command, name: string, description: string): Command {
  return addCommand(parent, name, description).argument('<ID>', "the run's id", parseRunId);
}

/** `never` stands for the type that the command gives its own flags. */
type Work = (invocation: Invocation, options: never, operands: string[]) => Promise<number>;

/** Completes a command: `work` does it and answers the exit code. */
export function onRun(command: Command, context: CliContext, work: Work): void {
  addGlobalOptions(command);
  command.action(async (...given: unknown[]) => {
    const invoked = given.at(-1) as Command;
    const invocation = { terminal: context.terminal, settings: settingsOf(invoked) };
    context.exitCode = await work(invocation, invoked.opts<never>(), invoked.processedArgs as string[]);
  });
}

/** Flags of the official client that this version knows and cannot do yet: refused by name, never ignored. */
export function refuseForNow(command: Command, flags: readonly string[]): void {
  for (const flag of flags) {
    const option = new Option(flag).hideHelp();
    command.addOption(option);
    command.on(`option:${option.name()}`, () => {
      throw new UsageError(`\`${option.long}\` is not available in this version yet.`);
    });
  }
}

/** Refuses `--x` beside `--no-x`, of which otherwise the later would win in silence. */
export function excludeNegation(command: Command, name: string): void {
  const seen = new Set<string>();
  for (const flag of [name, `no-${name}`]) {
    command.on(`option:${flag}`, () => {
      seen.add(flag);
      if (seen.size > 1) throw new UsageError(`\`--${name}\` cannot be used with \`--no-${name}\`.`);
    });
  }
}

export function collect(value: string, former: string[] = []): string[] {
  return [...former, value];
}

/** The API client, loaded when a command first needs it. */
export async function connect({ settings }: Invocation): Promise<Client> {
  if (settings.apiKey === undefined) {
    throw new Error(
      'There is no API key: set the environment variable WARP_API_KEY or pass --api-key. `npm start` writes one to ' +
        'quickstart.env in its data folder; `oz-server api-key create` makes another.',
    );
  }
  const { createClient } = await import('../client/client.ts');
  return createClient({
    rootUrl: settings.rootUrl,
    credential: { apiKey: settings.apiKey },
    headers: { 'x-oz-api-source': process.env['GITHUB_ACTIONS'] === 'true' ? 'GITHUB_ACTION' : 'CLI' },
  });
}

/** Where people look at a run. */
export function runUrl({ settings }: Invocation, runId: string): string {
  return `${settings.rootUrl}/runs/${runId}`;
}
