import { execFile } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { parseConfigFile } from '../src/worker/config/config-file.ts';
import { blocksOf, commandLinesOf, localLinksOf } from './helpers/markdown.ts';

const root = join(import.meta.dirname, '..');
const documents = globSync(['*.md', 'docs/**/*.md'], { cwd: root });
const sources: Record<string, string> = {
  oz: 'src/cli/main.ts',
  'oz-server': 'src/server/main.ts',
  'oz-agent-worker': 'src/worker/main.ts',
};
/** What a block may be: of these, `console` is an illustration. `sh` is run as it stands by test/e2e/readme.test.ts. */
const languages = ['console', 'text', 'json', 'yaml', 'ts', 'ini', ''];
const executed = ['README.md', 'docs/quickstart.md'];

test('README.md stays under 120 lines', () => {
  expect(readFileSync(join(root, 'README.md'), 'utf8').split('\n').length).toBeLessThan(120);
});

test.for(documents)('every link in %s leads to a file', (document) => {
  const folder = dirname(join(root, document));
  expect(localLinksOf(join(root, document)).filter((target) => !existsSync(join(folder, target)))).toEqual([]);
});

test.for(documents)('every block in %s says what it is, and commands to run stand where they are run', (document) => {
  const used = blocksOf(join(root, document)).map(({ language }) => language);
  const allowed = executed.includes(document) ? [...languages, 'sh'] : languages;
  expect(used.filter((language) => !allowed.includes(language))).toEqual([]);
});

test.for(documents)('the programs know every command and flag that %s shows', async (document) => {
  const calls = commandLinesOf(join(root, document)).flatMap(callsIn);
  const unknown = await Promise.all(calls.map(async (call) => ({ line: call.line, flags: await unknownFlags(call) })));
  expect(unknown.filter(({ flags }) => flags.length > 0)).toEqual([]);
});

test.for(documents)('every `npm run` that %s shows is a script', (document) => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
  const names = commandLinesOf(join(root, document)).flatMap((line) => /^npm run ([\w-]+)/.exec(line)?.[1] ?? []);
  expect(names.filter((name) => !(name in scripts))).toEqual([]);
});

test.for([
  ['oz-server', ['serve'], 'docs/server.md'],
  ['oz-agent-worker', [], 'docs/run-a-worker.md'],
] as const)('every flag of %s %j is in %s', async ([program, words, document]) => {
  const text = readFileSync(join(root, document), 'utf8');
  const flags = flagsIn(await helpOf(program, [...words])).filter((flag) => !['--help', '--version'].includes(flag));
  expect(flags).not.toEqual([]);
  expect(flags.filter((flag) => !text.includes(`\`${flag}\``))).toEqual([]);
});

test('the worker reads the config file that its guide shows', () => {
  const guide = join(root, 'docs/run-a-worker.md');
  const files = blocksOf(guide).filter(({ language }) => language === 'yaml');
  expect(files.map(({ text }) => parseConfigFile(text, 'docs/run-a-worker.md').backend?.direct)).toEqual([
    expect.objectContaining({ environment: [{ name: 'MY_VAR', value: 'hello' }] }),
  ]);
});

interface Call {
  line: string;
  program: string;
  /** The subcommand, a word or two, or none. */
  words: string[];
  flags: string[];
}

/** The calls of our programs in a command line. */
function callsIn(line: string): Call[] {
  const withoutTexts = line.replaceAll(/'[^']*'|"[^"]*"|#.*$/g, 'TEXT');
  return withoutTexts.split(/\s*(?:&&|;|\|)\s*/).flatMap((part) => {
    const [program = '', ...rest] = part.replace(/^(?:\w+=\S*\s+)*(?:npx\s+)?/, '').split(/\s+/);
    if (!(program in sources) || rest.length === 0) return [];
    const firstOther = rest.findIndex((word) => !/^[a-z][a-z-]*$/.test(word));
    const words = rest.slice(0, firstOther < 0 ? rest.length : firstOther);
    const flags = rest.filter((word) => word.startsWith('-')).map((word) => word.split('=', 1)[0] ?? '');
    return [{ line, program, words, flags }];
  });
}

/** What a program does when no command is named. */
const defaultCommands: Record<string, string[]> = { 'oz-server': ['serve'] };

/** The call's flags that the help of its command does not name; the command itself, where there is none such. */
async function unknownFlags({ program, words, flags }: Call): Promise<string[]> {
  const help = await helpOf(program, words.length > 0 ? words : (defaultCommands[program] ?? []));
  const usage = /^Usage: .*$/m.exec(help)?.[0] ?? '';
  const lost = words.filter((word) => !usage.includes(word));
  const known = flagsIn(help);
  return [...lost, ...flags.filter((flag) => flag.startsWith('--') && !known.includes(flag))];
}

function flagsIn(help: string): string[] {
  return Array.from(help.matchAll(/^\s+(?:-\w, )?(--[a-z-]+)/gm), ([, flag = '']) => flag);
}

const helps = new Map<string, Promise<string>>();

function helpOf(program: string, words: string[]): Promise<string> {
  const key = [program, ...words].join(' ');
  const help = helps.get(key) ?? askForHelp(program, words);
  helps.set(key, help);
  return help;
}

async function askForHelp(program: string, words: string[]): Promise<string> {
  const command = [join(root, sources[program] ?? ''), ...words, '--help'];
  return (await promisify(execFile)(process.execPath, command, { env: {} })).stdout;
}
