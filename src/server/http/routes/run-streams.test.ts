import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunId } from '../../../protocol/ids.ts';
import type { Entry } from '../../../protocol/transcript.ts';
import { insertExecution } from '../../../../test/helpers/executions.ts';
import { createManualClock } from '../../../../test/helpers/manual-clock.ts';
import { startTestServer, type TestServer } from '../../../../test/helpers/test-server.ts';
import { hashToken, mintToken } from '../../auth/tokens.ts';

const clock = createManualClock();
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ clock });
});
afterAll(() => server[Symbol.asyncDispose]());

interface Agent {
  runId: RunId;
  report(state: string): Promise<Response>;
  /** Appends as many messages, numbered on from `from`. */
  say(from: number, count: number): Promise<Response>;
}

/** A run that an agent is about to begin. */
async function startAgent(): Promise<Agent> {
  const created = await server.api('POST', '/agent/runs', { body: { prompt: 'true' } });
  const { run_id: runId } = (await created.json()) as { run_id: RunId };
  const token = mintToken('run');
  await insertExecution(server.database.db, { runId, tokenHash: hashToken(token) });
  await server.database.db.updateTable('runs').set({ state: 'CLAIMED', fence: 1 }).where('id', '=', runId).execute();
  const headers = { authorization: `Bearer ${token}` };
  return {
    runId,
    report: (state) => server.api('PUT', `/agent/runs/${runId}/turns/1`, { body: { state }, headers }),
    say: (from, count) => {
      const entries = Array.from({ length: count }, (_, offset) => message(from + offset));
      return server.api('POST', `/agent/runs/${runId}/transcript`, { body: { entries }, headers });
    },
  };
}

function message(index: number): Entry {
  return { type: 'agent_message', index, turn: 1, at: '2026-01-01T00:00:00Z', text: `Message ${index}` };
}

interface Received {
  id: string;
  event: string;
  data: { index?: number; state?: string };
}

/** Reads a stream to its end, or to the event that satisfies `until`; then it is cut. */
async function readStream(
  path: string,
  lastEventId?: string,
  until?: (event: Received) => boolean,
): Promise<Received[]> {
  const cut = new AbortController();
  const headers: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  const response = await server.api('GET', path, { headers, signal: cut.signal });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const events: Received[] = [];
  let rest = '';
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const blocks = (rest + chunk).split('\n\n');
    rest = blocks.pop() ?? '';
    for (const block of blocks) {
      if (block.startsWith(':')) continue; // A comment.
      const event = parseEvent(block);
      events.push(event);
      if (!until?.(event)) continue;
      cut.abort();
      return events;
    }
  }
  return events;
}

function parseEvent(block: string): Received {
  const [, id = '', event = '', data = ''] = /^id: (.*)\nevent: (.*)\ndata: (.*)$/.exec(block) ?? [];
  return { id, event, data: JSON.parse(data) as Received['data'] };
}

const inWords = (events: Received[]) => events.map(({ event, data }) => `${event} ${data.index ?? data.state}`);

test('an entry that is numbered beyond all that can be stored is refused', async () => {
  const agent = await startAgent();
  const response = await agent.say(2 ** 31, 1);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ detail: expect.stringContaining('`entries.0.index`') });
});

test('a watcher is told states and entries as they come, the outcome last', async () => {
  const agent = await startAgent();
  const watching = readStream(`/agent/runs/${agent.runId}/stream`);
  await agent.report('INPROGRESS');
  await agent.say(0, 2);
  await agent.say(2, 1);
  await agent.report('SUCCEEDED');
  expect(inWords(await watching)).toEqual([
    'state QUEUED',
    'state INPROGRESS',
    'entry 0',
    'entry 1',
    'entry 2',
    'state SUCCEEDED',
    'end SUCCEEDED',
  ]);
});

test('a late watcher is told the same, and a stream that was cut goes on without a gap or a repeat', async () => {
  const agent = await startAgent();
  await agent.report('INPROGRESS');
  await agent.say(0, 500);
  await agent.report('FAILED');
  const path = `/agent/runs/${agent.runId}/stream`;
  const whole = await readStream(path);
  expect(whole).toHaveLength(504);
  for (const cutAt of [0, 1, 2, 199, 200, 201, 450, 501, 502]) {
    const start = whole.slice(0, cutAt + 1);
    const end = await readStream(path, start.at(-1)?.id);
    expect([...start, ...end]).toEqual(whole);
  }
});

test('with follow=false a stream ends at what there is now', async () => {
  const agent = await startAgent();
  await agent.report('INPROGRESS');
  await agent.say(0, 1);
  expect(inWords(await readStream(`/agent/runs/${agent.runId}/stream?follow=false`))).toEqual([
    'state QUEUED',
    'state INPROGRESS',
    'entry 0',
  ]);
});

test('what no wake told of is found by the slow look', async () => {
  const agent = await startAgent();
  await agent.report('INPROGRESS');
  const reachedEnd = Promise.withResolvers<void>();
  const watching = readStream(`/agent/runs/${agent.runId}/stream`, undefined, ({ event, data }) => {
    if (data.state === 'INPROGRESS') reachedEnd.resolve();
    return event === 'entry';
  });
  await reachedEnd.promise;
  // As another server would: straight into the database.
  const entry = JSON.stringify(message(0));
  const { id } = await server.database.db
    .selectFrom('executions')
    .select('id')
    .where('run_id', '=', agent.runId)
    .executeTakeFirstOrThrow();
  await server.database.db
    .insertInto('transcript_entries')
    .values({ run_id: agent.runId, index: 0, execution_id: id, entry })
    .execute();
  const looking = setInterval(() => clock.advance(5_000), 5);
  expect(inWords(await watching)).toContain('entry 0');
  clearInterval(looking);
});

test('the console comes as written, and its stream ends only when no execution lives', async () => {
  const agent = await startAgent();
  const { runId } = agent;
  const { db } = server.database;
  const execution = await db
    .selectFrom('executions')
    .select('id')
    .where('run_id', '=', runId)
    .executeTakeFirstOrThrow();
  const write = (stream: 'setup' | 'agent', byte_offset: number, text: string) =>
    db
      .insertInto('console_chunks')
      .values({ run_id: runId, execution_id: execution.id, stream, byte_offset, data: Buffer.from(text) })
      .execute();
  await write('setup', 0, 'ready\n');
  await write('agent', 0, 'a\u0000b');
  await agent.report('INPROGRESS');
  await agent.report('SUCCEEDED');
  const path = `/agent/runs/${runId}/console/stream`;
  const chunks = await readStream(`${path}?follow=false`);
  expect(chunks.map(({ data }) => data)).toEqual([
    { stream: 'setup', offset: 0, data: Buffer.from('ready\n').toString('base64') },
    { stream: 'agent', offset: 0, data: Buffer.from('a\u0000b').toString('base64') },
  ]);
  await db.updateTable('executions').set({ state: 'ended' }).where('id', '=', execution.id).execute();
  expect((await readStream(path, chunks[0]?.id)).map(({ event }) => event)).toEqual(['console', 'end']);
});

test.each(['x', '1', '1.x', '-2.0'])('the event id %j is refused', async (id) => {
  const { runId } = await startAgent();
  const response = await server.api('GET', `/agent/runs/${runId}/stream`, { headers: { 'last-event-id': id } });
  expect(response.status).toBe(400);
});

test('an idle stream is kept open by comments, and ends when the server stops', async () => {
  const standing = createManualClock();
  const other = await startTestServer({ clock: standing });
  const created = await other.api('POST', '/agent/runs', { body: { prompt: 'true' } });
  const { run_id } = (await created.json()) as { run_id: string };
  const response = await other.api('GET', `/agent/runs/${run_id}/stream`);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader?.read())?.value).toContain('QUEUED');
  standing.advance(15_000);
  expect((await reader?.read())?.value).toBe(': still here\n\n');
  await other[Symbol.asyncDispose]();
  expect((await reader?.read())?.done).toBe(true);
});
