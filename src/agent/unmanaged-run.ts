import { tmpdir } from 'node:os';
import type { Clock } from '../common/clock.ts';
import { secretValues } from '../common/secret-names.ts';
import type { ReportTurn } from '../protocol/agent-calls.ts';
import { CodedError } from '../protocol/errors.ts';
import { chooseHarness, type Wishes } from './harness-choice.ts';
import { harnessEnvironment } from './harness-environment.ts';
import { maskingRecorder, maskOutcome } from './masking-recorder.ts';
import type { Recorder } from './recorder.ts';

export interface UnmanagedRun {
  prompt: string;
  wishes: Wishes;
  cwd: string;
  env: NodeJS.ProcessEnv;
  cliPath: string;
  show: Recorder;
  clock: Clock;
  stop: AbortSignal;
}

/** Answers a prompt right here; no server hears of it. Throws `feature_not_available` for what this version cannot do. */
export async function runUnmanaged(task: UnmanagedRun): Promise<ReportTurn> {
  const harness = chooseHarness(task.wishes);
  if ('refusal' in harness) throw new CodedError('feature_not_available', harness.refusal);
  const { prompt, cwd, clock, stop: signal } = task;
  const secrets = secretValues(task.env);
  const recorder = maskingRecorder(task.show, { secrets, clock });
  const env = harnessEnvironment(task.env, { cliPath: task.cliPath, harness: task.wishes.harness ?? 'oz' });
  recorder.userMessage(prompt);
  const outcome = await harness.run({ prompt, cwd, scratch: tmpdir(), env, recorder, signal, clock });
  signal.throwIfAborted();
  return maskOutcome(outcome, secrets);
}
