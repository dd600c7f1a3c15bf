import { readdir } from 'node:fs/promises';
import { sleep, systemClock } from '../../src/common/clock.ts';
import { isTerminal, type RunState } from '../../src/protocol/states.ts';
import type { ConsoleStream } from '../../src/protocol/streams.ts';
import { readTraces, type RunRecord, type Traces } from './ledger.ts';
import { controlGroups, survivors } from './processes.ts';
import { isCounted, linesOf } from './run-script.ts';
import type { Stage } from './stage.ts';

/** What is asked of every scenario; each list names what went wrong, and all of them must be empty. */
export interface Losses {
  /** Runs that were acknowledged and never ended. */
  lost: string[];
  /** Runs whose script began twice, or that ended twice. */
  doubled: string[];
  /** Runs that are shown otherwise than they were. */
  untrue: string[];
  /** Runs whose teardown did not follow exactly once. */
  teardowns: string[];
  /** Runs whose transcript or console has holes, doubles or too little. */
  holes: string[];
  surviving: string[];
  left: string[];
}

export interface Verdict {
  acknowledged: number;
  faults: number;
  losses: Losses;
  /** Milliseconds from what happened to a run until the server showed it. */
  longest: number;
}

interface Seen {
  states: { state: RunState; at: number }[];
  said: string;
  message: string;
  console: { stream: ConsoleStream; offset: number; bytes: Buffer }[];
}

export interface JudgeOptions {
  /** For all runs to end, in milliseconds. */
  patience: number;
  mayLoseConsole: boolean;
}

/** Waits until every run has ended and nothing is under way any more, and judges. */
export async function judge(stage: Stage, { patience, mayLoseConsole }: JudgeOptions): Promise<Verdict> {
  const deadline = systemClock.now() + patience;
  const unended = await untilAllOver(stage, deadline);
  // A worker that came back late still ends what the server has given up: its teardown is looked at after that.
  const ours = stage.daemons.map((daemon) => daemon.pid());
  const folder = stage.host.folder;
  const surviving = await untilNone(async () => survivors(folder, await readTraces(stage.out), ours));
  const left = await untilNone(() => leftovers(stage));
  const traces = await readTraces(stage.out);
  const losses: Losses = { lost: [], doubled: [], untrue: [], teardowns: [], holes: [], surviving, left };
  let longest = 0;
  for (const record of stage.records) {
    const name = `run ${record.plan.number} (${record.runId})`;
    const seen = await look(stage, record);
    const last = seen.states.at(-1);
    if (!last || !isTerminal(last.state) || unended.has(record))
      losses.lost.push(`${name}: ${last?.state}, ${seen.message}`);
    const add = (list: string[], problem: string | undefined) => problem && list.push(`${name}: ${problem}`);
    add(losses.doubled, doubles(record, seen, traces));
    add(losses.untrue, untruth(record, seen, traces));
    add(losses.teardowns, teardownProblem(record, traces));
    add(losses.holes, hole(record, seen, traces, mayLoseConsole));
    longest = Math.max(longest, timeToTruth(record, seen, traces));
  }
  return { acknowledged: stage.records.length, faults: stage.faults, losses, longest };
}

async function untilAllOver(stage: Stage, deadline: number): Promise<Set<RunRecord>> {
  const left = new Set(stage.records);
  while (left.size > 0 && systemClock.now() < deadline) {
    for (const record of left) {
      const run = await stage.client.getRun(record.runId);
      if (isTerminal(run.state) && !run.is_sandbox_running) left.delete(record);
    }
    if (left.size > 0) await sleep(systemClock, 100);
  }
  return left;
}

/** What goes away takes a moment to do so: this long at most, in milliseconds. */
const timeToGo = 10_000;

async function untilNone(find: () => Promise<string[]>): Promise<string[]> {
  const deadline = systemClock.now() + timeToGo;
  let found = await find();
  while (found.length > 0 && systemClock.now() < deadline) {
    await sleep(systemClock, 100);
    found = await find();
  }
  return found;
}

async function leftovers(stage: Stage): Promise<string[]> {
  const { host } = stage;
  const [workspaces, temporary, groups] = await Promise.all([
    host.listWorkspaces(),
    readdir(host.path('tmp')),
    controlGroups(await stage.executionIds()),
  ]);
  return [
    ...workspaces.map((name) => `workspace ${name}`),
    ...temporary.map((name) => `temporary ${name}`),
    ...groups.map((name) => `control group ${name}`),
  ];
}

/** All that the server shows of a run. */
async function look({ client }: Stage, { runId }: RunRecord): Promise<Seen> {
  const seen: Seen = { states: [], said: '', message: '', console: [] };
  for await (const event of client.streamRun(runId, { follow: false })) {
    if (event.event === 'state') {
      seen.states.push({ state: event.data.state, at: Date.parse(event.data.occurred_at) });
      seen.message = event.data.status_message?.message ?? '';
    }
    if (event.event === 'entry' && event.data.type === 'delta') seen.said += event.data.text;
  }
  for await (const event of client.streamConsole(runId, { follow: false })) {
    if (event.event === 'console') {
      const { stream, offset, data } = event.data;
      seen.console.push({ stream, offset, bytes: Buffer.from(data, 'base64') });
    }
  }
  return seen;
}

function doubles({ plan }: RunRecord, { states }: Seen, { begun }: Traces): string | undefined {
  const begins = begun.get(String(plan.number)) ?? 0;
  if (begins > 1) return `its script began ${begins} times`;
  const ends = states.filter(({ state }) => isTerminal(state));
  return ends.length > 1 ? `it ended as ${ends.map(({ state }) => state).join(', ')}` : undefined;
}

/** What its script did is what must be shown, unless something was done to it that makes another end true. */
function untruth(record: RunRecord, { states, message }: Seen, { ended }: Traces): string | undefined {
  const state = states.at(-1)?.state;
  const end = ended.get(String(record.plan.number));
  const byScript = end && (end.code === 0 ? 'SUCCEEDED' : 'FAILED');
  if (state === undefined || !isTerminal(state) || state === byScript || record.excused.has(state)) return undefined;
  return `shown as ${state} (${message}), but its script ${end ? `exited with ${end.code}` : 'did not end'}`;
}

/** Each workspace that was prepared is torn down, and none of them twice, prepared or not. */
function teardownProblem({ runId }: RunRecord, { setups, teardowns }: Traces): string | undefined {
  const ofRun = (counts: Map<string, number>) => [...counts].filter(([workspace]) => workspace.startsWith(runId));
  const forgotten = ofRun(setups).find(([workspace]) => !teardowns.has(workspace));
  if (forgotten) return `prepared and never torn down: ${forgotten[0]}`;
  const twice = ofRun(teardowns).find(([, count]) => count > 1);
  return twice && `torn down ${twice[1]} times: ${twice[0]}`;
}

/** A script that ended by itself has said all that it was to say; another one has said the beginning of it. */
function hole(record: RunRecord, seen: Seen, { ended }: Traces, mayLoseConsole: boolean): string | undefined {
  const endedByItself = ended.has(String(record.plan.number)) && !record.agentKilledAt && !record.cancelledAt;
  const isWhole = endedByItself && seen.states.at(-1)?.state !== 'ERROR';
  const transcript = missing('transcript', seen.said, record, isWhole);
  if (transcript || mayLoseConsole) return transcript;
  const agent = Buffer.concat(seen.console.filter(({ stream }) => stream === 'agent').map(({ bytes }) => bytes));
  return missing('console', agent.toString(), record, isWhole) ?? gap(seen);
}

function missing(where: string, text: string, { plan }: RunRecord, isWhole: boolean): string | undefined {
  const expected = linesOf(plan);
  const lines = text.split('\n').filter(isCounted);
  if (!lines.every((line, index) => line === expected[index])) return `its ${where} is not what it said`;
  if (isWhole && lines.length < expected.length) return `its ${where} has ${lines.length} lines of ${expected.length}`;
  return undefined;
}

/** The chunks of a stream follow each other, or begin anew with another execution. */
function gap({ console }: Seen): string | undefined {
  const ends = new Map<ConsoleStream, number>();
  for (const { stream, offset, bytes } of console) {
    const expected = ends.get(stream) ?? 0;
    if (offset !== expected && offset !== 0) return `its ${stream} console goes on at ${offset} after ${expected}`;
    ends.set(stream, offset + bytes.length);
  }
  return undefined;
}

function timeToTruth(record: RunRecord, { states }: Seen, { ended }: Traces): number {
  const last = states.at(-1);
  const happened = record.agentKilledAt ?? record.cancelledAt ?? ended.get(String(record.plan.number))?.at;
  return last && happened && isTerminal(last.state) ? Math.max(0, last.at - happened) : 0;
}
