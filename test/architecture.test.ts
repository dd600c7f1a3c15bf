import { globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cyclesIn, importsOf, specifiersIn, type Import } from './helpers/imports.ts';

const root = join(import.meta.dirname, '..');
const architecture = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
// The package's own manifest is no source: whoever needs the version may read it.
const imports = importsOf(join(root, 'src')).filter(({ target }) => target !== '../package.json');
const folderRules = tableUnder('| folder | may import |');

test('every folder of src/ is in the import table', () => {
  const folders = new Set(imports.map(({ file }) => topOf(file)));
  expect([...folders].filter((folder) => !folderRules.has(folder))).toEqual([]);
});

test('a folder imports only what the table allows', () => {
  const strangers = imports.filter(({ target }) => target !== undefined).filter(breaks(folderRules, ''));
  expect(strangers.map(inWords)).toEqual([]);
});

test.for(['server', 'worker'])('inside %s, the layers import downwards only', (folder) => {
  const rules = tableUnder(`| ${folder}/ | may import of ${folder}/ |`);
  const inside = imports.filter(({ file, target }) => topOf(file) === folder && target?.startsWith(`${folder}/`));
  expect(inside.filter(breaks(rules, `${folder}/`)).map(inWords)).toEqual([]);
});

test('protocol imports zod alone', () => {
  expect(
    packageImportsOf('protocol')
      .filter(({ specifier }) => specifier !== 'zod')
      .map(inWords),
  ).toEqual([]);
});

test("common imports Node's standard library, and pino", () => {
  const strangers = packageImportsOf('common').filter(({ specifier }) => !isBuiltin(specifier) && specifier !== 'pino');
  expect(strangers.map(inWords)).toEqual([]);
});

test.for(['protocol', 'client', 'web'])("%s is browser-safe: it imports no module of Node's", (folder) => {
  expect(
    packageImportsOf(folder)
      .filter(({ specifier }) => isBuiltin(specifier))
      .map(inWords),
  ).toEqual([]);
});

test('there are no import cycles, of types neither', () => {
  expect(cyclesIn(imports).map((cycle) => cycle.join(' → '))).toEqual([]);
});

test('every relative import names a file that exists', () => {
  const files = new Set(globSync('src/**/*', { cwd: root }).map((file) => file.slice('src/'.length)));
  const lost = imports.filter(({ target }) => target !== undefined && !files.has(target));
  expect(lost.map(inWords)).toEqual([]);
});

test('all forms of import are found', () => {
  const source = `
    import a from 'one';
    import { b,
      c } from "two";
    import type { D } from './three.ts';
    import 'four';
    export * from './five.ts';
    const e = await import('./six.ts');
    type F = import('seven').F;
    // import g from 'no';
    /* import h from 'no'; */
  `;
  expect(specifiersIn(source)).toEqual(['one', 'two', './three.ts', 'four', './five.ts', './six.ts', 'seven']);
});

test('a cycle is found', () => {
  const chain = [
    ['a.ts', 'b.ts'],
    ['b.ts', 'c.ts'],
    ['c.ts', 'a.ts'],
  ].map(([file = '', target]) => ({ file, target, specifier: '' }));
  expect(cyclesIn(chain)).toEqual([['a.ts', 'b.ts', 'c.ts', 'a.ts']]);
});

/** Folder → the folders it may import, from the table of ARCHITECTURE.md that has this head. */
function tableUnder(head: string): Map<string, string[]> {
  const lines = architecture.split('\n');
  const start = lines.findIndex((line) => line.replaceAll(/ +/g, ' ') === head);
  if (start < 0) throw new Error(`ARCHITECTURE.md has no table with the head ${head}`);
  const rows = lines.slice(start + 2);
  const length = rows.findIndex((line) => !line.startsWith('|'));
  return new Map(rows.slice(0, length).map(parseRow));
}

function parseRow(row: string): [string, string[]] {
  const [folder = '', allowed = ''] = row.slice(1).split('|', 2);
  return [folder.trim(), allowed.trim() === '–' ? [] : allowed.split(',').map((name) => name.trim())];
}

/** Whether an import leaves its folder for one that the rules do not name. A file of no folder is free. */
function breaks(rules: Map<string, string[]>, prefix: string): (found: Import) => boolean {
  return ({ file, target = '' }) => {
    const from = topOf(file.slice(prefix.length));
    if (!rules.has(from) && prefix !== '') return from !== file.slice(prefix.length);
    const to = topOf(target.slice(prefix.length));
    return to !== from && !(rules.get(from) ?? []).includes(to);
  };
}

function packageImportsOf(folder: string): Import[] {
  return imports.filter(({ file, target }) => topOf(file) === folder && target === undefined);
}

function topOf(path: string): string {
  return path.split('/', 1)[0] ?? '';
}

function inWords({ file, specifier }: Import): string {
  return `src/${file} imports ${specifier}`;
}
