import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { exitCodes } from '../common/exit-codes.ts';
import { QuickstartError } from './quickstart-error.ts';

export interface Options {
  /** 0 is any free port. */
  port: number;
  /** Absolute. */
  dataDir: string;
}

export interface Folders {
  /** The package's own folder: where the default data folder is. */
  root: string;
  /** What a relative data folder is relative to: where the user stood when starting npm. */
  workingDirectory: string;
}

export const usage = `Usage: npm start [-- --port N --data-dir DIR]

Starts a server, its database and a worker on this machine, and a first run.

  --port N        port on 127.0.0.1 (default 8080; 0: any free one)
  --data-dir DIR  where everything is kept (default .data)
  --help          shows this
`;

const flags = {
  port: { type: 'string' },
  'data-dir': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Undefined when the user asks for help. */
export function parseOptions(args: string[], { root, workingDirectory }: Folders): Options | undefined {
  const { port, 'data-dir': dataDir, help } = parseStrictly(args);
  if (help) return undefined;
  return {
    port: parsePort(port ?? '8080'),
    dataDir: dataDir === undefined ? resolve(root, '.data') : resolve(workingDirectory, parseFolder(dataDir)),
  };
}

function parseStrictly(args: string[]) {
  try {
    return parseArgs({ args, options: flags, strict: true, allowPositionals: false }).values;
  } catch (error) {
    // Node's message goes on with advice about its own syntax.
    throw usageError((error as Error).message.split(/\. |\.?\n/, 1)[0] ?? '');
  }
}

function parsePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw usageError(`--port must be a number from 0 to 65535, not '${text}'`);
}

function parseFolder(text: string): string {
  if (text !== '') return text;
  throw usageError('--data-dir must name a folder, and is empty');
}

function usageError(message: string): QuickstartError {
  return new QuickstartError(`${message}. See \`npm start -- --help\`.`, exitCodes.usage);
}
