import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { ReportTurn } from '../../src/protocol/agent-calls.ts';
import { errorKinds, type ErrorCode } from '../../src/protocol/errors.ts';
import { createRunSchema, type CreateRun, type RunItem } from '../../src/protocol/runs.ts';
import { appendEntriesSchema, type Entry } from '../../src/protocol/transcript.ts';

/**
 * The server's API for one run, in memory, over real HTTP, for tests of what calls it. Answers can be spoiled: a test
 * says for each request what goes wrong with it.
 */
export interface FakeApi extends AsyncDisposable {
  readonly url: string;
  readonly requests: FakeRequest[];
  readonly run: RunItem;
  readonly created: CreateRun[];
  /** What the agent has reported and was believed. */
  readonly reports: ReportTurn[];
  readonly entries: Entry[];
  /** Connections of event streams, each a list of raw pieces; the last one stands for all that follow. */
  streams: StreamScript[];
  spoil: (request: FakeRequest) => Spoiling | undefined;
}

interface FakeRequest {
  method: string;
  /** Below `/api/v1`, with its query. */
  path: string;
  headers: IncomingMessage['headers'];
  body: unknown;
}

export interface Spoiling {
  /** The connection is cut before the request has an effect, or after it had. */
  cut?: 'before' | 'after';
  refuse?: ErrorCode;
  detail?: string;
  headers?: Record<string, string>;
  /** Milliseconds that the answer takes. */
  late?: number;
}

/** What one connection sends, and how it ends; `open` leaves it open. */
interface StreamScript {
  pieces: (string | Buffer)[];
  end: 'close' | 'cut' | 'open';
}

export const fakeRunId = '01a2b3c4-d5e6-4f70-8192-a3b4c5d6e7f8';

export async function startFakeApi(run: Partial<RunItem> = {}): Promise<FakeApi> {
  const state = {
    requests: [] as FakeRequest[],
    run: { ...fakeRun(), ...run },
    created: [] as CreateRun[],
    reports: [] as ReportTurn[],
    entries: [] as Entry[],
    streams: [] as StreamScript[],
    spoil: (): Spoiling | undefined => undefined,
  };
  const api: Omit<FakeApi, 'url' | typeof Symbol.asyncDispose> = state;
  const server = createServer((request, response) => {
    void handle(api, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  };
  return Object.assign(state, { url, [Symbol.asyncDispose]: close });
}

type State = Omit<FakeApi, 'url' | typeof Symbol.asyncDispose>;

async function handle(api: State, incoming: IncomingMessage, response: ServerResponse): Promise<void> {
  const request = await read(incoming);
  api.requests.push(request);
  const spoiling = api.spoil(request) ?? {};
  if (spoiling.late) await delay(spoiling.late);
  if (spoiling.cut === 'before') return void response.destroy();
  if (spoiling.refuse) return refuse(response, spoiling.refuse, spoiling);
  if (/\/stream(\?|$)/.test(request.path)) return stream(api, response);
  const answer = answerTo(api, request);
  if (spoiling.cut) return void response.destroy();
  if (answer === undefined) return refuse(response, 'resource_not_found', { detail: `No ${request.path}.` });
  send(response, 200, answer);
}

function answerTo(api: State, { method, path, body }: FakeRequest): unknown {
  const runPath = `/agent/runs/${api.run.run_id}`;
  if (method === 'POST' && path === '/agent/runs') {
    api.created.push(createRunSchema.parse(body));
    return { run_id: api.run.run_id, task_id: api.run.run_id, state: 'QUEUED' };
  }
  if (method === 'GET' && path.startsWith('/agent/runs?')) {
    return { runs: [{ ...api.run, field_of_a_newer_server: 1 }], page_info: { has_next_page: false } };
  }
  if (!path.startsWith(runPath)) return undefined;
  switch (`${method} ${path.slice(runPath.length)}`) {
    case 'GET ':
      return { ...api.run, field_of_a_newer_server: 1 };
    case 'POST /cancel':
      return api.run.run_id;
    case 'GET /transcript':
      return { run_id: api.run.run_id, entries: api.entries };
    case 'GET /conversation':
      return { conversation_id: api.run.conversation_id, steps: [] };
    case 'PUT /turns/1':
      return takeReport(api, body as ReportTurn);
    case 'POST /transcript':
      return takeEntries(api, appendEntriesSchema.parse(body).entries);
    default:
      return undefined;
  }
}

function takeReport(api: State, report: ReportTurn): unknown {
  if (api.reports.at(-1)?.state !== report.state) api.reports.push(report);
  return { state: report.state, next_entry: api.entries.length };
}

/** Takes what continues the numbering, as the server does. */
function takeEntries(api: State, entries: readonly Entry[]): unknown {
  for (const entry of entries) if (entry.index === api.entries.length) api.entries.push(entry);
  return { next_index: api.entries.length };
}

function stream(api: State, response: ServerResponse): void {
  const script = api.streams.length > 1 ? api.streams.shift() : api.streams[0];
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.flushHeaders();
  for (const piece of script?.pieces ?? []) response.write(piece);
  if (script?.end === 'close') response.end();
  // What was written must have left before the line is cut.
  if (script?.end === 'cut') setTimeout(() => response.destroy(), 20);
}

function refuse(response: ServerResponse, code: ErrorCode, { detail, headers }: Spoiling): void {
  const { status, title } = errorKinds[code];
  const problem = { type: `/errors/${code}`, title, status, error: title, ...(detail && { detail }) };
  response.writeHead(status, { 'content-type': 'application/problem+json', ...headers });
  response.end(JSON.stringify(problem));
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

async function read(request: IncomingMessage): Promise<FakeRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  const path = (request.url ?? '').replace(/^\/api\/v1/, '');
  return { method: request.method ?? '', path, headers: request.headers, body: text ? JSON.parse(text) : undefined };
}

function fakeRun(): RunItem {
  return {
    run_id: fakeRunId as RunItem['run_id'],
    task_id: fakeRunId as RunItem['run_id'],
    title: 'Say hello',
    state: 'CLAIMED',
    prompt: 'echo hello',
    created_at: '2026-08-01T10:00:00.000Z',
    updated_at: '2026-08-01T10:00:01.000Z',
    started_at: null,
    source: 'CLI',
    execution_location: 'REMOTE',
    creator: { type: 'user', uid: 'u1' },
    agent_config: { harness: { type: 'shell' }, worker_host: 'local' },
    conversation_id: '11a2b3c4-d5e6-4f70-8192-a3b4c5d6e7f8',
    is_sandbox_running: true,
    is_run_type_cancellable: true,
    metadata: {},
    artifacts: [],
    children: [],
    last_event_sequence: 1,
    scope: { type: 'Team', uid: '21a2b3c4-d5e6-4f70-8192-a3b4c5d6e7f8' },
  };
}
