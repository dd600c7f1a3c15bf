import type { HarnessType, RunItem } from '../protocol/runs.ts';

interface HarnessFacts {
  /** This program, for scripts that call it. */
  cliPath: string;
  harness: HarnessType;
  /** Absent where no server knows of the run. */
  run?: RunItem;
}

/** What a harness and its children see: the agent's own environment and who they are, under both of its names. */
export function harnessEnvironment(env: NodeJS.ProcessEnv, { cliPath, harness, run }: HarnessFacts): NodeJS.ProcessEnv {
  const facts = {
    CLI: cliPath,
    HARNESS: harness,
    ...(run && { RUN_ID: run.run_id }),
    ...(run?.parent_run_id && { PARENT_RUN_ID: run.parent_run_id }),
  };
  const named = Object.entries(facts).flatMap(([name, value]) => [
    [`OZ_${name}`, value],
    [`WARP_${name}`, value],
  ]);
  return { ...env, ...Object.fromEntries(named) };
}
