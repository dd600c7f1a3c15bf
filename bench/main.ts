import { arch, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { parts } from './parts.ts';
import { printFigures, type Figure } from './table.ts';

/**
 * The figures of what this is built to be fast at, measured on the release build in a few minutes, or in less with
 * `npm run bench -- --only part,…`. A benchmark, not a test: run it on a machine that does nothing else.
 */
const { values } = parseArgs({ options: { only: { type: 'string' } } });
const names = values.only?.split(',') ?? Object.keys(parts);
const unknown = names.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.error(`There is no ${unknown.join(', ')} in the benchmark; there is ${Object.keys(parts).join(', ')}.`);
  process.exit(2);
}
console.log(machine());
const figures: Figure[] = [];
for (const name of names) figures.push(...((await parts[name]?.()) ?? []));
printFigures(figures);

function machine(): string {
  const processors = cpus();
  const memory = Math.round(totalmem() / 1024 ** 3);
  const name = `${processors.length} × ${processors[0]?.model ?? arch()}, ${memory} GB, ${platform()} ${release()}`;
  return `${name}, Node ${process.versions.node}, load before ${loadavg()[0]?.toFixed(1)}`;
}
