import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface Import {
  /** Path from the folder that was searched. */
  file: string;
  specifier: string;
  /** What a relative specifier names, as a path from that folder; undefined for a package or a module of Node's. */
  target: string | undefined;
}

/** Every import in the sources under `folder`, but not in their tests. */
export function importsOf(folder: string): Import[] {
  const files = globSync('**/*.{ts,tsx}', { cwd: folder }).filter((file) => !file.includes('.test.'));
  return files.flatMap((file) =>
    specifiersIn(readFileSync(join(folder, file), 'utf8')).map((specifier) => ({
      file,
      specifier,
      target: specifier.startsWith('.') ? join(dirname(file), specifier) : undefined,
    })),
  );
}

/** Static and dynamic, value and type imports, and re-exports. */
export function specifiersIn(source: string): string[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const pattern = /(?:\bfrom\s*|\bimport\s*\(?\s*|\brequire(?:\.resolve)?\s*\(\s*)(['"`])([^'"`\n]+)\1/g;
  return Array.from(code.matchAll(pattern), (match) => match[2] ?? '');
}

/** The files of each import cycle, in the order of importing. */
export function cyclesIn(imports: Import[]): string[][] {
  const targets = new Map<string, string[]>();
  for (const { file, target } of imports) {
    if (target !== undefined) targets.set(file, [...(targets.get(file) ?? []), target]);
  }
  const cycles: string[][] = [];
  const done = new Set<string>();
  const visit = (file: string, path: string[]) => {
    const start = path.indexOf(file);
    if (start >= 0) cycles.push([...path.slice(start), file]);
    if (start >= 0 || done.has(file)) return;
    for (const target of targets.get(file) ?? []) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of targets.keys()) visit(file, []);
  return cycles;
}
