import { join } from 'node:path';
import { aborted } from '../../src/common/aborted.ts';
import type { Load } from './load.ts';
import { createRandom, type Random } from './random.ts';
import type { RunPlan } from './run-script.ts';
import { raiseStage, type Stage, type StageSettings } from './stage.ts';
import { judge, type Verdict } from './verdict.ts';

export interface Scenario {
  readonly name: string;
  /** What it breaks, for the reader of the table. */
  readonly breaks: string;
  /** Runs of it in a thousand. */
  readonly share: number;
  /** Runs of it in `npm test`; 0 leaves it out there. */
  readonly few: number;
  readonly settings?: StageSettings;
  /** Whether the raw output may have holes, because of what is broken. */
  readonly mayLoseConsole?: boolean;
  /** What this machine lacks to break it, if it does. */
  lacks?(): string | undefined | Promise<string | undefined>;
  /** What its runs do otherwise than usual. */
  plan?(usual: RunPlan, random: Random): RunPlan;
  /** Has all runs of the load acknowledged and breaks things meanwhile; leaves everything running again. */
  play(stage: Stage, load: Load): Promise<void>;
  /** What else must hold, as sentences about what does not. */
  inspect?(stage: Stage): Promise<string[]>;
}

export interface Performance {
  seed: number;
  runs: number;
  /** Where the programs' output is written if anything is lost. */
  logs: string;
  /** Ends it midway; what it started is gone before its promise rejects. */
  stop?: AbortSignal;
}

/** For all runs to end once everything is whole again, in milliseconds. */
const patience = 90_000;

export async function perform(scenario: Scenario, { seed, runs, logs, stop }: Performance): Promise<Verdict> {
  const random = createRandom(seed).branch(scenario.name);
  await using stage = await raiseStage(random, scenario.settings ?? {});
  try {
    const verdict = await Promise.race([
      playAndJudge(scenario, stage, makePlans(scenario, random, runs)),
      stopped(stop),
    ]);
    if (lossesOf(verdict).length > 0) await stage.saveLogs(join(logs, scenario.name));
    return verdict;
  } catch (error) {
    await stage.saveLogs(join(logs, scenario.name));
    throw error;
  }
}

async function playAndJudge(scenario: Scenario, stage: Stage, plans: RunPlan[]): Promise<Verdict> {
  await scenario.play(stage, { plans });
  const verdict = await judge(stage, { patience, mayLoseConsole: scenario.mayLoseConsole ?? false });
  verdict.losses.untrue.push(...((await scenario.inspect?.(stage)) ?? []));
  return verdict;
}

async function stopped(stop: AbortSignal | undefined): Promise<never> {
  if (stop === undefined) return new Promise<never>(() => {});
  await aborted(stop);
  throw new Error('It was stopped midway.');
}

export function lossesOf({ losses }: Verdict): string[] {
  return Object.entries(losses).flatMap(([kind, found]) => (found as string[]).map((what) => `${kind}: ${what}`));
}

function makePlans(scenario: Scenario, random: Random, runs: number): RunPlan[] {
  const chance = random.branch('plans');
  return Array.from({ length: runs }, (_, index) => {
    const exitCode = chance.pick([0, 0, 0, 3]);
    const usual = { number: index + 1, exitCode, lines: chance.between(2, 60), duration: chance.between(20, 600) };
    return scenario.plan?.(usual, chance) ?? usual;
  });
}
