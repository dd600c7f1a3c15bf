import { tmpdir } from 'node:os';
import { ApiError } from '../client/api-error.ts';
import { createClient, type Client } from '../client/client.ts';
import type { Clock } from '../common/clock.ts';
import { secretValues } from '../common/secret-names.ts';
import type { ReportTurn } from '../protocol/agent-calls.ts';
import { CodedError } from '../protocol/errors.ts';
import type { RunItem } from '../protocol/runs.ts';
import { chooseHarness, wishesOf, type Wishes } from './harness-choice.ts';
import { harnessEnvironment } from './harness-environment.ts';
import { idle, idleTimeAfter } from './idle.ts';
import { maskingRecorder, maskOutcome } from './masking-recorder.ts';
import { teeRecorder, type Recorder } from './recorder.ts';
import { transcriptRecorder } from './transcript-recorder.ts';
import { createTranscriptWriter, type TranscriptWriter } from './transcript-writer.ts';
import { openUnsentCalls, type UnsentCalls } from './unsent-calls.ts';

/** An execution is one process, and without follow-ups it answers one prompt. */
const turn = 1;
/** Milliseconds to reach the server before anything was done: longer than a restart takes, not as long as a run. */
const beginLimit = 10 * 60_000;
/** Milliseconds that an ended harness's last entries and its outcome may take to be delivered, the server being away. */
const deliveryLimit = 10 * 60_000;
/** The same where the worker delivers what is left: no reason to hold its slot for long. */
const briefDeliveryLimit = 2 * 60_000;
/** Milliseconds for the last entries of an agent that was told to stop. */
const farewellLimit = 5_000;

export interface ManagedRun {
  runId: string;
  rootUrl: string;
  /** The token that came with the offer, good for this run alone. */
  token: string;
  flags: Wishes;
  cwd: string;
  env: NodeJS.ProcessEnv;
  /**
   * Where to leave what the server could not be told, for the worker to tell it. What the agent needs for itself is there
   * too: the worker removes the folder after the task, however the agent ended.
   */
  unsentFolder?: string | undefined;
  /** How the harness's children may call this program. */
  cliPath: string;
  /** What the agent shows of itself on its own output, already masked. */
  show: Recorder;
  onStart(run: RunItem): void;
  clock: Clock;
  /** Aborted when the worker ends the agent: it then says nothing about the outcome, the worker does. */
  stop: AbortSignal;
}

/**
 * Does a run that the server has given to this agent's worker: fetches it, reports in progress, lets the harness work
 * while the transcript is delivered, and reports the outcome, which is also the answer; then it may wait for a
 * follow-up. When the server says that the execution is over or fenced, the harness is ended and `conflict` thrown; when
 * told to stop, the harness is ended and the reason of `stop` thrown.
 */
export async function runManaged(task: ManagedRun): Promise<ReportTurn> {
  const life = new AbortController();
  const end = AbortSignal.any([task.stop, life.signal]);
  const client = createAgentClient(task);
  const { run, firstIndex } = await begin(task, client);
  task.onStart(run);
  const unsent = openUnsentCalls(task.unsentFolder);
  const writer = createTranscriptWriter({
    unsent,
    firstIndex,
    turn,
    clock: task.clock,
    append: (entries) => client.appendEntries(run.run_id, entries, { signal: life.signal }),
    release: end,
    onLost: (error) => life.abort(error),
  });
  try {
    const outcome = await play(task, run, writer, end);
    const idleTime = idleTimeAfter(outcome, run);
    const isIdle = idleTime !== undefined;
    const wasHeard = await deliver(task, { client, run, writer, unsent, outcome, isIdle });
    if (isIdle && wasHeard) await idle(idleTime, task);
    return outcome;
  } catch (error) {
    throw explain(error);
  } finally {
    life.abort();
  }
}

/** The agent lives as long as its run: a server that is away is waited for. */
function createAgentClient(task: ManagedRun): Client {
  return createClient({
    rootUrl: task.rootUrl,
    credential: { apiKey: task.token },
    headers: { 'x-warp-cloud-agent-id': task.runId, 'x-oz-api-source': 'CLI' },
    retry: { retries: Infinity, firstDelay: 250, maxDelay: 10_000 },
    clock: task.clock,
  });
}

/** Nothing is lost by giving up here, and a server that does not answer may be one that never will. */
async function begin(task: ManagedRun, client: Client): Promise<{ run: RunItem; firstIndex: number }> {
  const tooLate = new CodedError(
    'resource_unavailable',
    `The server at ${task.rootUrl} could not be reached within ${inMinutes(beginLimit)}: nothing was begun.`,
  );
  return within(beginLimit, tooLate, task, async (signal) => {
    const run = await client.getRun(task.runId, { signal });
    const { next_entry } = await client.reportTurn(run.run_id, turn, { state: 'INPROGRESS' }, { signal });
    return { run, firstIndex: next_entry };
  });
}

/** Answers the prompt; the signal's reason is thrown when the harness had to be ended. */
async function play(
  task: ManagedRun,
  run: RunItem,
  writer: TranscriptWriter,
  signal: AbortSignal,
): Promise<ReportTurn> {
  const secrets = [...secretValues(task.env), task.token];
  const { cwd, clock } = task;
  const recorder = maskingRecorder(teeRecorder([transcriptRecorder(writer), task.show]), { secrets, clock });
  recorder.userMessage(run.prompt);
  const wishes = wishesOf(run.agent_config, task.flags);
  const harness = chooseHarness(wishes);
  if ('refusal' in harness) return unavailable(harness.refusal);
  const env = harnessEnvironment(task.env, { cliPath: task.cliPath, harness: wishes.harness ?? 'oz', run });
  const scratch = task.unsentFolder ?? tmpdir();
  const outcome = await harness.run({ prompt: run.prompt, cwd, scratch, env, recorder, signal, clock });
  if (task.stop.aborted) await sayFarewell(task, writer);
  signal.throwIfAborted();
  return maskOutcome(outcome, secrets);
}

function unavailable(message: string): ReportTurn {
  return { state: 'FAILED', status_message: { message, error_code: 'feature_not_available' } };
}

/** What cannot be sent in time is left to the worker, which is waiting for this process to end. */
async function sayFarewell({ clock }: ManagedRun, writer: TranscriptWriter): Promise<void> {
  writer.keepUnsent();
  const tooLate = new AbortController();
  const cancel = clock.after(farewellLimit, () => tooLate.abort());
  await writer.delivered(tooLate.signal).catch(() => undefined);
  cancel();
}

interface Delivery {
  client: Client;
  run: RunItem;
  writer: TranscriptWriter;
  unsent: UnsentCalls;
  outcome: ReportTurn;
  /** Whether the agent then waits. */
  isIdle: boolean;
}

/**
 * All entries first, then the outcome: whoever sees a run ended sees all of its transcript. False where the server could
 * not be told and the worker will.
 */
async function deliver(task: ManagedRun, delivery: Delivery): Promise<boolean> {
  const { client, run, writer, unsent, outcome, isIdle } = delivery;
  const keepOutcome = () => unsent.keep({ call: 'report_turn', turn, report: outcome });
  writer.keepUnsent();
  keepOutcome();
  const limit = unsent.areDelivered ? briefDeliveryLimit : deliveryLimit;
  const tooLate = new CodedError(
    'resource_unavailable',
    `The outcome ${outcome.state} could not be delivered within ${inMinutes(limit)}.`,
  );
  try {
    return await within(limit, tooLate, task, async (signal) => {
      await writer.delivered(signal);
      // What was kept together with the last entries was forgotten together with them.
      keepOutcome();
      await client.reportTurn(run.run_id, turn, isIdle ? { ...outcome, idle: true } : outcome, { signal });
      unsent.forget();
      return true;
    });
  } catch (error) {
    if (error === tooLate && unsent.areDelivered) return false;
    throw error;
  }
}

/** Does a step that may take `limit` milliseconds, and that the agent's end ends too. */
async function within<T>(
  limit: number,
  tooLate: CodedError,
  { clock, stop }: ManagedRun,
  step: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const cancel = clock.after(limit, () => late.abort(tooLate));
  try {
    return await step(AbortSignal.any([stop, late.signal]));
  } finally {
    cancel();
  }
}

function inMinutes(limit: number): string {
  return `${limit / 60_000} minutes`;
}

function explain(error: unknown): unknown {
  const isOver = error instanceof ApiError && error.status < 500 && error.code === 'conflict';
  if (!isOver) return error;
  return new CodedError('conflict', `This agent's execution is over, and its harness was ended: ${error.message}`);
}
