import { expect, test } from 'vitest';
import { parseOptions, usage } from './options.ts';
import { QuickstartError } from './quickstart-error.ts';

const folders = { root: '/repo', workingDirectory: '/home/me' };

test('without flags, the port is 8080 and the data folder is beside the sources', () => {
  expect(parseOptions([], folders)).toEqual({ port: 8080, dataDir: '/repo/.data' });
});

test('a relative data folder is relative to where the user stands', () => {
  expect(parseOptions(['--port', '0', '--data-dir', 'oz'], folders)).toEqual({ port: 0, dataDir: '/home/me/oz' });
  expect(parseOptions(['--data-dir=/srv/oz'], folders)?.dataDir).toBe('/srv/oz');
});

test('help is asked for, not refused, and names every flag', () => {
  expect(parseOptions(['--help'], folders)).toBeUndefined();
  expect(usage).toContain('--port');
  expect(usage).toContain('--data-dir');
});

test.for([
  [['--prot', '80'], "'--prot'"],
  [['--port', 'http'], "'http'"],
  [['--port', '65536'], "'65536'"],
  [['--port', '-1'], '--port'],
  [['--port'], '--port'],
  [['--data-dir', ''], '--data-dir'],
  [['now'], "'now'"],
] as const)('%j is refused in one line that names %s', ([args, culprit]) => {
  const refused = refusalOf([...args]);
  expect(refused.exitCode).toBe(2);
  expect(refused.message).toContain(culprit);
  expect(refused.message).not.toContain('\n');
});

function refusalOf(args: string[]): QuickstartError {
  try {
    parseOptions(args, folders);
  } catch (error) {
    if (error instanceof QuickstartError) return error;
    throw error;
  }
  throw new Error(`${args.join(' ')} was not refused`);
}
