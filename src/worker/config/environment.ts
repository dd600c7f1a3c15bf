import { CodedError } from '../../protocol/errors.ts';

export interface EnvironmentSources {
  /** The config file's `environment`; without a value the variable is inherited. */
  section: readonly { name: string; value?: string | undefined }[];
  /** `KEY=VALUE`, or `KEY` to inherit; they beat the file. */
  flags: readonly string[];
  /** The daemon's own environment. */
  host: Readonly<Record<string, string | undefined>>;
  /** The daemon's own key, which no task may get. */
  apiKey: string;
}

/** The variables that the configuration gives to every task. One to inherit that the daemon does not have is empty. */
export function resolveEnvironment({ section, flags, host, apiKey }: EnvironmentSources): Record<string, string> {
  const variables: Record<string, string> = {};
  for (const { name, value } of section) variables[name] = value ?? host[name] ?? '';
  for (const { name, value } of flags.map(parseEntry)) variables[name] = value ?? host[name] ?? '';
  const leak = Object.keys(variables).find((name) => holdsKey(variables[name], apiKey));
  if (leak === undefined) return variables;
  throw new CodedError('invalid_request', `The variable ${leak} holds this worker's own API key: no task may get it.`);
}

/** Whether a value gives the key away, alone or within something else. A key this short would be in everything. */
export function holdsKey(value: string | undefined, apiKey: string): boolean {
  return value === apiKey || (apiKey.length >= 8 && (value?.includes(apiKey) ?? false));
}

function parseEntry(entry: string): { name: string; value: string | undefined } {
  const [, name, assigned, value] = /^([^=\s]+)(=([^]*))?$/.exec(entry) ?? [];
  if (name !== undefined) return { name, value: assigned === undefined ? undefined : value };
  throw new CodedError('invalid_request', `--env "${entry}" is neither KEY=VALUE nor KEY.`);
}
