import { join } from 'node:path';

const cache = join(import.meta.dirname, '../../.cache/compiled');
const enableCache = `import module from 'node:module'; module.enableCompileCache(${JSON.stringify(cache)})`;

/**
 * The arguments with which Node runs a program of `src/` as a process of its own. What it compiles is kept for the next
 * one: that is most of the time that such a process takes. Not by way of the environment, which tests look at.
 */
export function sourceProgram(main: string): string[] {
  const preload = `data:text/javascript,${encodeURIComponent(enableCache)}`;
  return ['--import', preload, join(import.meta.dirname, '../../src', main)];
}
