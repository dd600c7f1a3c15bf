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
  isTerminal: boolean;
}

/** Says whether a worker with these settings would work here, and what to mend. Changes nothing. Answers the exit code. */
export async function runDoctor({ args, host, ozBeside, print, isTerminal }: DoctorOptions): Promise<number> {
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
  else print(all.map((finding) => inWords(finding, isTerminal && !host['NO_COLOR'])).join(''));
  return isGood ? exitCodes.success : exitCodes.failure;
}

const colours = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

function inWords({ status, what, detail, advice }: Finding, isColoured: boolean): string {
  const word = status.padEnd(4);
  const shown = isColoured ? styleText(colours[status], word, { validateStream: false }) : word;
  const line = `${shown}  ${what.padEnd(14)}  ${detail}\n`;
  return advice === undefined ? line : `${line}${' '.repeat(22)}→ ${advice}\n`;
}
