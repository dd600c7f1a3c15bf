import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { parseDuration } from '../common/durations.ts';
import { logLevels, type LogLevel } from '../common/logger.ts';
import type { RunSettings } from './runs/settings.ts';

export interface ServerConfig extends RunSettings {
  host: string;
  /** 0 takes a free one. */
  port: number;
  dataDir: string;
  /** Where people and links reach this server, without a slash at the end; absent, the address it listens on. */
  publicUrl?: string | undefined;
  logLevel: LogLevel;
  /** A Postgres of the operator's own; absent, the embedded one. */
  databaseUrl?: string | undefined;
  masterKey?: Buffer | undefined;
}

/** One setting: how the command line and the environment name it, and what it may be. */
export interface Setting {
  key: keyof ServerConfig;
  /** As commander spells it; a secret has none, because everybody on the machine can read a command line. */
  flag?: string;
  env: string;
  description: string;
  default?: string;
  schema: z.ZodType;
}

const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== undefined && ms > 0) return ms;
  context.addIssue('must be a duration above zero such as "60s", "2m" or "1h30m"');
  return z.NEVER;
});

const port = z
  .string()
  .regex(/^\d{1,5}$/, 'must be a port number')
  .transform(Number)
  .refine((number) => number <= 65_535, 'must be at most 65535');

const url = z
  .url({ protocol: /^https?$/, error: 'must be an http or https address' })
  .transform((text) => text.replace(/\/+$/, ''));

const masterKey = z.string().transform((text, context) => {
  const key = /^[0-9a-f]{64}$/i.test(text) ? Buffer.from(text, 'hex') : Buffer.from(text, 'base64');
  if (key.length === 32) return key;
  context.addIssue('must be 32 bytes in base64 or hexadecimal, as from `openssl rand -base64 32`');
  return z.NEVER;
});

export const settings: readonly Setting[] = [
  {
    key: 'host',
    flag: '--host <address>',
    env: 'OZ_HOST',
    description: 'address to listen on',
    default: '127.0.0.1',
    schema: z.string(),
  },
  {
    key: 'port',
    flag: '--port <number>',
    env: 'OZ_PORT',
    description: 'port to listen on, 0 for a free one',
    default: '8080',
    schema: port,
  },
  {
    key: 'dataDir',
    flag: '--data-dir <folder>',
    env: 'OZ_DATA_DIR',
    description: 'where the server keeps its database and secrets (default: emerald in the state folder of the user)',
    schema: z
      .string()
      .min(1, 'must name a folder')
      .transform((path) => resolve(path)),
  },
  {
    key: 'publicUrl',
    flag: '--public-url <url>',
    env: 'OZ_PUBLIC_URL',
    description: 'address that people and links reach the server by (default: where it listens)',
    schema: url,
  },
  {
    key: 'logLevel',
    flag: '--log-level <level>',
    env: 'OZ_LOG_LEVEL',
    description: logLevels.join(', '),
    default: 'info',
    schema: z.enum(logLevels, `must be one of ${logLevels.join(', ')}`),
  },
  {
    key: 'offerTimeout',
    flag: '--offer-timeout <duration>',
    env: 'OZ_OFFER_TIMEOUT',
    description: 'for a worker to claim a run it was offered',
    default: '10s',
    schema: duration,
  },
  {
    key: 'cancelTimeout',
    flag: '--cancel-timeout <duration>',
    env: 'OZ_CANCEL_TIMEOUT',
    description: 'for a worker to end a cancelled run',
    default: '60s',
    schema: duration,
  },
  {
    key: 'queueExpiry',
    flag: '--queue-expiry <duration>',
    env: 'OZ_QUEUE_EXPIRY',
    description: 'for a run to find a worker',
    default: '24h',
    schema: duration,
  },
  {
    key: 'runTimeLimit',
    flag: '--run-time-limit <duration>',
    env: 'OZ_RUN_TIME_LIMIT',
    description: 'for a run on a worker',
    default: '12h',
    schema: duration,
  },
  {
    key: 'lease',
    flag: '--lease <duration>',
    env: 'OZ_LEASE',
    description: 'for a worker to be silent before its runs are shown as unreachable',
    default: '45s',
    schema: duration,
  },
  {
    key: 'lostAfter',
    flag: '--lost-after <duration>',
    env: 'OZ_LOST_AFTER',
    description: 'for a silent worker to come back',
    default: '10m',
    schema: duration,
  },
  {
    key: 'retryAfter',
    flag: '--retry-after <duration>',
    env: 'OZ_RETRY_AFTER',
    description: 'the same where another attempt may start',
    default: '2m',
    schema: duration,
  },
  {
    key: 'maxAttempts',
    flag: '--max-attempts <number>',
    env: 'OZ_MAX_ATTEMPTS',
    description: 'how often an agent may begin when the platform fails it, if its run says nothing of it',
    default: '1',
    schema: z
      .string()
      .regex(/^([1-9]|10)$/, 'must be a number from 1 to 10')
      .transform(Number),
  },
  {
    key: 'databaseUrl',
    env: 'DATABASE_URL',
    description: 'a Postgres of your own, 14 or newer, instead of the embedded one',
    schema: z.string().regex(/^postgres(ql)?:\/\//, 'must start with postgres://'),
  },
  {
    key: 'masterKey',
    env: 'OZ_MASTER_KEY',
    description: 'secret of 32 bytes, base64 or hexadecimal (default: a file in the data folder)',
    schema: masterKey,
  },
];

/** Names the setting that is wrong, and how it was given. */
export class ConfigError extends Error {}

export type Flags = Partial<Record<string, string>>;
export type Environment = Record<string, string | undefined>;

/** Reads every setting once. A flag beats the environment, an empty variable counts as unset. */
export function readConfig(flags: Flags, env: Environment): ServerConfig {
  const values = settings.map((setting) => [setting.key, readSetting(setting, flags, env)]);
  return Object.fromEntries(values) as ServerConfig;
}

function readSetting(setting: Setting, flags: Flags, env: Environment): unknown {
  const flagged = flags[setting.key];
  const text = flagged ?? (env[setting.env] || (setting.key === 'dataDir' ? defaultDataDir(env) : setting.default));
  if (text === undefined) return undefined;
  const parsed = setting.schema.safeParse(text);
  if (parsed.success) return parsed.data;
  const name = flagged === undefined ? setting.env : setting.flag?.split(' ')[0];
  // A secret is named, never shown.
  const shown = setting.flag ? ` "${text}"` : '';
  throw new ConfigError(`${name}${shown} ${parsed.error.issues[0]?.message}.`);
}

function defaultDataDir(env: Environment): string {
  return join(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'emerald');
}
