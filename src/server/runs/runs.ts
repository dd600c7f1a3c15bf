import { appendEntries } from './append-entries.ts';
import { cancelRun } from './cancel-run.ts';
import { createCancellations } from './cancellations.ts';
import { ConsoleLog } from './console-log.ts';
import type { RunContext } from './context.ts';
import { createRun } from './create-run.ts';
import { Deadlines } from './deadlines.ts';
import { Dispatcher } from './dispatcher.ts';
import { watchIdle } from './idle.ts';
import { LastSeen } from './last-seen.ts';
import { Leases } from './leases.ts';
import { reportTurn } from './report-turn.ts';
import type { RunService } from './run-service.ts';
import type { WorkerConnection } from './seat.ts';
import { Seats } from './seats.ts';
import type { RunSettings } from './settings.ts';
import { createSignals } from './signals.ts';
import { whyWaiting } from './why-waiting.ts';
import { createWorkerLink, type WorkerLink } from './worker-link.ts';

/** Everything about runs: what people and agents call, what workers are linked to, and what happens by itself. */
export interface Runs {
  service: RunService;
  link: WorkerLink & { console(connection: WorkerConnection): ConsoleLog; givingUp: AbortSignal };
  /** To be called before a worker can connect: what is overdue is acted on and what waits is offered from then on. */
  start(): Promise<void>;
  /** What cannot be written because the database is away is tried no more. */
  giveUp(): void;
  /** To be called once no worker is connected any more. */
  stop(): Promise<void>;
}

export type RunsOptions = Omit<RunContext, 'signals' | 'lastSeen' | 'givingUp'>;

export function createRuns(options: RunsOptions): Runs {
  const givingUp = new AbortController();
  const own = { signals: createSignals(), lastSeen: new LastSeen(), givingUp: givingUp.signal };
  const context: RunContext = { ...options, ...own, settings: withSafeLease(options.settings) };
  const seats = new Seats();
  const dispatcher = new Dispatcher(context, seats);
  const leases = new Leases(context, seats);
  const deadlines = new Deadlines(context, seats, dispatcher, leases);
  watchIdle(context.signals, seats, () => dispatcher.dispatch());
  const cancellations = createCancellations(context, seats);
  return {
    service: {
      create: (by, request) => createRun(context, by, request),
      cancel: (by, runId) => cancelRun(context, by, runId),
      reportTurn: (by, turn, report) => reportTurn(context, by, turn, report),
      appendEntries: (by, entries) => appendEntries(context, by, entries),
      whyWaiting: (run) => whyWaiting(seats, run),
    },
    link: {
      ...createWorkerLink({ context, seats, dispatcher, cancellations, leases }),
      console: (connection) => new ConsoleLog(context, connection),
      givingUp: givingUp.signal,
    },
    giveUp: () => givingUp.abort(),
    async start() {
      await deadlines.start();
      await dispatcher.start();
    },
    async stop() {
      await dispatcher.stop();
      await deadlines.stop();
      await cancellations.idle();
    },
  };
}

/** A worker is asked to be heard of twice at least before it is given up, whatever is set. */
function withSafeLease(settings: RunSettings): RunSettings {
  const { lease, lostAfter, retryAfter } = settings;
  return { ...settings, lease: Math.min(lease, lostAfter / 2, retryAfter / 2) };
}
