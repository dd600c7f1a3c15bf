import { InvalidArgumentError, Option, type Command } from 'commander';
import { isHeaderWord } from '../common/header-word.ts';
import { orVariable } from './env-option.ts';
import { UsageError } from './usage-error.ts';

const outputFormats = ['json', 'ndjson', 'pretty', 'text'] as const;
type OutputFormat = (typeof outputFormats)[number];

/** What holds for every command, from flags and environment. */
export interface Settings {
  apiKey: string | undefined;
  rootUrl: string;
  outputFormat: OutputFormat;
}

/**
 * Gives a command the flags that may stand anywhere on the line. Each command has them itself, and the words of a line
 * are read from left to right: a flag's value is never taken for a flag, whatever it looks like.
 */
export function addGlobalOptions(command: Command): void {
  const key = new Option('--api-key <KEY>', 'the API key to use').argParser(withPrefix);
  const format = new Option('--output-format <FORMAT>', 'how to show the answer').choices(outputFormats);
  const root = new Option('--server-root-url <URL>', 'where the server is (default: http://127.0.0.1:8080)');
  command.addOption(orVariable(key, 'WARP_API_KEY').helpGroup(globalOptions));
  command.addOption(orVariable(format.default('pretty'), 'WARP_OUTPUT_FORMAT').helpGroup(globalOptions));
  command.addOption(orVariable(root.argParser(parseRootUrl), 'WARP_SERVER_ROOT_URL').helpGroup(globalOptions));
  command.addOption(new Option('--debug', 'say more about a failure').helpGroup(globalOptions));
  // Official workers pass them; here runs and streams share the server's own address.
  command.addOption(new Option('--ws-server-url <URL>').hideHelp());
  command.addOption(new Option('--session-sharing-server-url <URL>').hideHelp());
}

/** The help's heading above them. */
export const globalOptions = 'Global options:';

/** Whether the answer is read by a program, an object or a line of objects at a time. */
export function isForPrograms({ outputFormat }: Settings): boolean {
  return outputFormat === 'json' || outputFormat === 'ndjson';
}

/** A flag beside the command beats one before it; both beat the environment. */
export function settingsOf(command: Command): Settings {
  return {
    apiKey: usableKey(lookUp(command, 'apiKey') as string | undefined),
    rootUrl: (lookUp(command, 'serverRootUrl') as string | undefined) || 'http://127.0.0.1:8080',
    outputFormat: lookUp(command, 'outputFormat') as OutputFormat,
  };
}

function lookUp(command: Command, name: string): unknown {
  const line: Command[] = [];
  for (let one: Command | null = command; one; one = one.parent) line.push(one);
  const flagged = line.find((one) => one.getOptionValueSource(name) === 'cli');
  return (flagged ?? command).getOptionValue(name);
}

/** Said here and not by the flag's own parser, whose complaint would repeat the key. */
function usableKey(key: string | undefined): string | undefined {
  if (!key || isHeaderWord(key)) return key || undefined;
  throw new UsageError('The API key holds a character that no key has: look for a blank or a letter with an accent.');
}

function withPrefix(given: string): string {
  const key = given.trim();
  return key === '' || key.startsWith('wk-') ? key : `wk-${key}`;
}

function parseRootUrl(value: string): string {
  if (value === '') return value;
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return value.replace(/\/+$/, '');
  throw new InvalidArgumentError('It must be an http:// or https:// URL.');
}
