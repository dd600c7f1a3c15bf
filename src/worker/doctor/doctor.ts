import { styleText } from 'node:util';
import { systemClock } from '../../common/clock.ts';
import { exitCodes } from '../../common/exit-codes.ts';
import { resolveConfig } from '../config/config.ts';
import { parseDoctorFlags } from '../config/flags.ts';
import { checkFolders } from './check-folders.ts';
import { checkContainment, checkIsolation, checkOz, checkService } from './check-host.ts';
import { checkLink, checkServer } from './check-server.ts';
import type { Finding } from './finding.ts';

export interface DoctorOptions {
  /** What follows `doctor`: the worker's own flags, and the format. */
  args: readonly string[];
  host: Readonly<Record<string, string | undefined>>;
  /** The `oz` that came with this daemon. */
  ozBeside: string;
  print: (text: string) => void;
  /** The width of the terminal; undefined where nobody watches. */
  columns: number | undefined;
}

/** Says whether a worker with these settings would work here, and what to mend. Changes nothing. Answers the exit code. */
export async function runDoctor({ args, host, ozBeside, print, columns }: DoctorOptions): Promise<number> {
  const { outputFormat, ...flags } = parseDoctorFlags(args);
  const config = await resolveConfig(flags, host);
  const server = { config, host, clock: systemClock };
  const findings = await Promise.all([
    checkServer(server),
    checkLink(server),
    checkOz(config, host, ozBeside),
    checkFolders(config),
    checkContainment(config),
    checkIsolation(config),
    checkService(config),
  ]);
  const all = findings.flat();
  const isGood = all.every(({ status }) => status !== 'fail');
  if (outputFormat === 'json') print(`${JSON.stringify({ ok: isGood, checks: all }, null, 2)}\n`);
  else print(all.map((finding) => inWords(finding, columns, columns !== undefined && !host['NO_COLOR'])).join(''));
  return isGood ? exitCodes.success : exitCodes.failure;
}

const colours = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

/** Where what is said of a thing begins. */
const indent = 22;

function inWords({ status, what, detail, advice }: Finding, columns: number | undefined, isColoured: boolean): string {
  const word = status.padEnd(4);
  const shown = isColoured ? styleText(colours[status], word, { validateStream: false }) : word;
  const line = `${shown}  ${what.padEnd(14)}  ${wrap(detail, indent, columns)}\n`;
  return advice === undefined ? line : `${line}${' '.repeat(indent)}→ ${wrap(advice, indent + 2, columns)}\n`;
}

/** Breaks a text that begins in this column where the terminal ends; a longer word, such as a path, stays whole. */
function wrap(text: string, column: number, columns = Infinity): string {
  const width = Math.max(columns - column, 20);
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines.push(`${lines.pop()} ${word}`);
    else lines.push(word);
  }
  return lines.join(`\n${' '.repeat(column)}`);
}
