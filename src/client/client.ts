import type { z } from 'zod';
import { systemClock, type Clock } from '../common/clock.ts';
import { reportedTurnSchema, type ReportedTurn, type ReportTurn } from '../protocol/agent-calls.ts';
import { runItemSchema, runListSchema, createdRunSchema } from '../protocol/runs.ts';
import type { CreatedRun, createRunSchema, listRunsQuerySchema, RunItem, RunList } from '../protocol/runs.ts';
import type { ConsoleStreamEvent, RunStreamEvent } from '../protocol/streams.ts';
import {
  appendedEntriesSchema,
  conversationSchema,
  transcriptSchema,
  type Conversation,
  type Entry,
  type Transcript,
} from '../protocol/transcript.ts';
import { connectedWorkersSchema, sessionSchema, type ConnectedWorkers, type Session } from '../protocol/session.ts';
import type { StreamOptions } from './event-stream.ts';
import { defaultRetryPolicy, type RetryPolicy } from './retry.ts';
import { streamConsole, streamRun } from './run-streams.ts';
import { requestJson, type ApiRequest, type Query, type Transport } from './transport.ts';

export interface ClientOptions {
  /** Where the server is, without `/api/v1`; empty for the origin of the page. */
  rootUrl: string;
  /** An API key or an agent's token, or the browser's session cookie. Default: none. */
  credential?: { apiKey: string } | 'cookie';
  /** Sent with every request. */
  headers?: Record<string, string>;
  retry?: Partial<RetryPolicy>;
  fetch?: typeof fetch;
  clock?: Clock;
}

interface CallOptions {
  signal?: AbortSignal | undefined;
}

/** With an idempotency key of the caller's own, two calls make one run; without, only a call's own retries do. */
interface CreateRunOptions extends CallOptions {
  idempotencyKey?: string | undefined;
}

/**
 * The typed API of one server. Every method throws `ApiError` for a refusal, `NetworkError` when the server cannot be
 * reached, and the signal's reason when it is aborted.
 */
export interface Client {
  createRun(body: z.input<typeof createRunSchema>, options?: CreateRunOptions): Promise<CreatedRun>;
  listRuns(query?: Partial<z.input<typeof listRunsQuerySchema>>, options?: CallOptions): Promise<RunList>;
  getRun(runId: string, options?: CallOptions): Promise<RunItem>;
  cancelRun(runId: string, options?: CallOptions): Promise<void>;
  transcript(runId: string, options?: CallOptions): Promise<Transcript>;
  conversation(runId: string, options?: CallOptions): Promise<Conversation>;
  /** What has happened to a run and what it says, as it comes; see protocol/streams.ts. */
  streamRun(runId: string, options?: StreamOptions): AsyncGenerator<RunStreamEvent & { id: string }>;
  /** The raw output of a run's three commands, as it comes. */
  streamConsole(runId: string, options?: StreamOptions): AsyncGenerator<ConsoleStreamEvent & { id: string }>;
  reportTurn(runId: string, turn: number, report: ReportTurn, options?: CallOptions): Promise<ReportedTurn>;
  /** Answers the index that the server expects next. */
  appendEntries(runId: string, entries: readonly Entry[], options?: CallOptions): Promise<number>;
  session(options?: CallOptions): Promise<Session>;
  connectedWorkers(options?: CallOptions): Promise<ConnectedWorkers>;
  /** The body of a GET below `/api/v1` as the server wrote it, unknown fields and all. */
  getJson(path: string, query?: Query, options?: CallOptions): Promise<unknown>;
}

export function createClient(options: ClientOptions): Client {
  const transport = createTransport(options);
  const call = (request: ApiRequest) => requestJson(transport, request);
  const get = (path: string, query?: Query, options?: CallOptions) =>
    call({ method: 'GET', path, query, signal: options?.signal });

  return {
    async createRun(body, options) {
      const headers = { 'idempotency-key': options?.idempotencyKey ?? randomKey() };
      const signal = options?.signal;
      return createdRunSchema.parse(await call({ method: 'POST', path: '/agent/runs', body, headers, signal }));
    },
    listRuns: async (query, options) => runListSchema.parse(await get('/agent/runs', query as Query, options)),
    getRun: async (runId, options) => runItemSchema.parse(await get(runPath(runId), {}, options)),
    async cancelRun(runId, options) {
      await call({ method: 'POST', path: `${runPath(runId)}/cancel`, signal: options?.signal });
    },
    transcript: async (runId, options) =>
      transcriptSchema.parse(await get(`${runPath(runId)}/transcript`, {}, options)),
    conversation: async (runId, options) =>
      conversationSchema.parse(await get(`${runPath(runId)}/conversation`, {}, options)),
    streamRun: (runId, options = {}) => streamRun(transport, `${runPath(runId)}/stream`, options),
    streamConsole: (runId, options = {}) => streamConsole(transport, `${runPath(runId)}/console/stream`, options),
    async reportTurn(runId, turn, report, options) {
      const path = `${runPath(runId)}/turns/${turn}`;
      return reportedTurnSchema.parse(await call({ method: 'PUT', path, body: report, signal: options?.signal }));
    },
    async appendEntries(runId, entries, options) {
      const path = `${runPath(runId)}/transcript`;
      const answer = await call({ method: 'POST', path, body: { entries }, signal: options?.signal });
      return appendedEntriesSchema.parse(answer).next_index;
    },
    session: async (options) => sessionSchema.parse(await get('/session', {}, options)),
    connectedWorkers: async (options) =>
      connectedWorkersSchema.parse(await get('/agent/connected-self-hosted-workers', {}, options)),
    getJson: get,
  };
}

function createTransport(options: ClientOptions): Transport {
  const { credential } = options;
  const authorization = typeof credential === 'object' && { authorization: `Bearer ${credential.apiKey}` };
  return {
    baseUrl: `${options.rootUrl.replace(/\/+$/, '')}/api/v1`,
    headers: { ...authorization, ...options.headers },
    credentials: credential === 'cookie' ? 'same-origin' : 'omit',
    fetch: options.fetch ?? globalThis.fetch.bind(globalThis),
    retry: { ...defaultRetryPolicy, ...options.retry },
    clock: options.clock ?? systemClock,
  };
}

function runPath(runId: string): string {
  return `/agent/runs/${encodeURIComponent(runId)}`;
}

/** Not `crypto.randomUUID`: browsers offer that on secure origins alone, and a server may be reached by plain HTTP. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
