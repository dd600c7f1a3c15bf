import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startFakeServer, type FakeServer } from '../../../test/helpers/fake-server.ts';
import { noObserver } from '../observer.ts';
import { createManualClock } from '../../../test/helpers/manual-clock.ts';
import { randomFrom } from '../../../test/helpers/random.ts';
import { systemClock, type Clock } from '../../common/clock.ts';
import { createLogger } from '../../common/logger.ts';
import type { ExecutionId, RunId } from '../../protocol/ids.ts';
import type { ExecutionIds, Hello, TaskMessage } from '../../protocol/worker-link.ts';
import { createConnection, type Connection, type ConnectionOptions } from './connection.ts';

test.each(Array.from({ length: 16 }, (_, index) => index + 1))(
  'wherever the line is cut, each word about a task is heard, in its order, before it counts as said (seed %i)',
  async (seed) => {
    const random = randomFrom(seed);
    await using server = await startFakeServer();
    const tasks = [newIds(), newIds(), newIds()];
    const connection = connect(server, { executions: tasks });
    let cuts = 4;
    server.spoilWith(() => {
      if (cuts === 0 || random() < 0.6) return undefined;
      cuts -= 1;
      return (['unheard', 'unanswered', 'answered'] as const)[Math.floor(random() * 3)];
    });
    await Promise.all(
      shuffledLives(tasks, random).map(async (message) => {
        await connection.send(message);
        expect(server.received).toContainEqual(expect.objectContaining(message));
      }),
    );
    for (const ids of tasks) {
      const own = server.received.filter(({ data }) => data.task_id === ids.task_id);
      expect(own.map(({ type, data }) => ({ type, data }))).toEqual(lifeOf(ids));
    }
  },
);

test('message ids rise, and a word that is said again keeps its own', async () => {
  await using server = await startFakeServer();
  const ids = newIds();
  const connection = connect(server, { executions: [ids] });
  server.withholdAcks();
  const [claimed, preparing] = lifeOf(ids) as [TaskMessage, TaskMessage];
  const sent = connection.send(claimed);
  await server.until(() => server.heard.length === 1);
  server.cut();
  void connection.send(preparing);
  await server.until(() => server.heard.length === 3);
  expect(server.heard.map(({ message_id }) => message_id)).toEqual([1, 1, 2]);
  server.acknowledge();
  await sent;
});

test('hello comes first, and nothing else before the welcome, whatever there is to say', async () => {
  await using server = await startFakeServer();
  server.withholdWelcome();
  const ids = newIds();
  const connection = connect(server, { executions: [ids] });
  const sent = connection.send(lifeOf(ids)[0] as TaskMessage);
  await server.until(() => server.hellos.length === 1);
  connection.announce({ max_concurrent_tasks: 1, draining: true });
  const chunk = { ...ids, stream: 'agent', offset: 0, data: '' } as const;
  expect(connection.trySend({ type: 'console', data: chunk })).toBe(false);
  expect([server.hellos[0]?.executions, server.heard, server.opened()]).toEqual([[ids], [], 0]);
  server.welcome();
  await sent;
  expect(server.capacities.map(({ draining }) => draining)).toEqual([false, true]);
});

test('room is said when it changes, and only then', async () => {
  await using server = await startFakeServer();
  const connection = connect(server, {});
  await vi.waitFor(() => expect(connection.isOpen()).toBe(true));
  connection.announce({ max_concurrent_tasks: 4, draining: false });
  connection.announce({ max_concurrent_tasks: 4, draining: true });
  connection.announce({ max_concurrent_tasks: 4, draining: true });
  connection.announce({ max_concurrent_tasks: null, draining: true });
  await server.until(() => server.capacities.length === 3);
  expect(server.capacities).toEqual([
    { max_concurrent_tasks: 4, draining: false },
    { max_concurrent_tasks: 4, draining: true },
    { max_concurrent_tasks: null, draining: true },
  ]);
});

test('a lease is renewed three times while it lasts', async () => {
  const clock = createManualClock();
  await using server = await startFakeServer({ leaseSeconds: 30 });
  const connection = connect(server, { clock });
  await vi.waitFor(() => expect(connection.isOpen()).toBe(true));
  for (let beats = 1; beats <= 2; beats += 1) {
    clock.advance(9_999);
    expect(server.heartbeats()).toBe(beats - 1);
    clock.advance(1);
    await server.until(() => server.heartbeats() === beats);
  }
});

test('a server that stops answering is noticed within a minute, and what it missed is said when it is back', async () => {
  const clock = createManualClock();
  await using server = await startFakeServer();
  const ids = newIds();
  const connection = connect(server, { clock, executions: [ids] });
  await vi.waitFor(() => expect(connection.isOpen()).toBe(true));
  const contact = connection.lastContact();
  server.freeze();
  const sent = connection.send(lifeOf(ids)[0] as TaskMessage);
  clock.advance(59_999);
  expect(connection.isOpen()).toBe(true);
  clock.advance(1);
  await vi.waitFor(() => expect(connection.isOpen()).toBe(false));
  expect(connection.lastContact()).toBe(contact);
  await advanceUntil(clock, () => connection.isOpen());
  await sent;
  // What the frozen server reads later on the old line is nothing new to it.
  server.thaw();
  expect(server.received).toHaveLength(1);
  expect(connection.lastContact()).toBeGreaterThan(contact ?? Infinity);
});

test('the last contact is when that was said which the server answered: that it speaks does not say that it hears', async () => {
  const clock = createManualClock();
  const heard = vi.fn<() => void>();
  await using server = await startFakeServer({ leaseSeconds: 30 });
  const connection = connect(server, { clock, observer: { ...noObserver, heard } });
  await vi.waitFor(() => expect(connection.isOpen()).toBe(true));
  clock.advance(10_000);
  const contact = clock.now();
  await vi.waitFor(() => expect(connection.lastContact()).toBe(contact));
  server.freeze();
  clock.advance(10_000);
  heard.mockClear();
  server.send({ type: 'ack', data: { message_id: 1 } });
  await vi.waitFor(() => expect(heard).toHaveBeenCalled());
  expect(connection.lastContact()).toBe(contact);
});

test('a server that never welcomes is hung up on after half a minute', async () => {
  const clock = createManualClock();
  await using server = await startFakeServer();
  server.withholdWelcome();
  connect(server, { clock });
  await server.until(() => server.hellos.length === 1);
  clock.advance(30_000);
  await advanceUntil(clock, () => server.hellos.length === 2);
  expect(server.opened()).toBe(0);
});

test('the stock protocol is spoken with a server that knows no other, also where it knew one before or will', async () => {
  await using server = await startFakeServer();
  const ids = newIds();
  const connection = connect(server, { executions: [ids] });
  const [claimed, preparing, , completed] = lifeOf(ids) as [TaskMessage, TaskMessage, TaskMessage, TaskMessage];
  await connection.send(claimed);
  server.withholdAcks();
  const sent = connection.send(preparing);
  await server.until(() => server.heard.length === 2);
  server.speakV2(false);
  server.cut();
  await sent;
  expect(connection.protocol()).toBe('stock');
  await connection.send(completed);
  await server.until(() => server.heard.length === 3);
  const { message, task_id } = completed.data as { message: string; task_id: RunId };
  expect(server.heard[2]).toEqual({ type: 'task_completed', data: { task_id, message } });
  server.speakV2(true);
  server.cut();
  await server.until(() => server.hellos.length === 2);
});

test('what the server says is passed on behind its welcome', async () => {
  await using server = await startFakeServer();
  const ids = newIds();
  server.decide(ids.execution_id, 'end');
  const heard: unknown[] = [];
  server.greetWith({ type: 'leave_idle', data: ids });
  connect(server, {
    executions: [ids],
    onWelcome: ({ executions }) => heard.push(executions),
    onMessage: ({ type }) => heard.push(type),
  });
  await vi.waitFor(() => expect(heard).toHaveLength(2));
  expect(heard).toEqual([[{ ...ids, verdict: 'end', console: {} }], 'leave_idle']);
});

test('whoever watches learns what becomes of the line', async () => {
  await using server = await startFakeServer();
  const seen: string[] = [];
  server.refuseWith(503);
  const observer = {
    connected: () => void seen.push('connected'),
    disconnected: (reason: string) => void seen.push(reason),
    heard: () => undefined,
  };
  const connection = connect(server, { observer });
  await server.until(() => server.opened() === 1);
  server.cut();
  await server.until(() => server.opened() === 2);
  await vi.waitFor(() => expect(connection.isOpen()).toBe(true));
  await connection.close(0);
  expect(seen).toEqual(['dial_failed', 'connected', 'remote_close', 'connected']);
});

/** Delays pass fifty times as fast. */
const hasty: Clock = { now: () => systemClock.now(), after: (delay, run) => systemClock.after(delay / 50, run) };

interface Given extends Partial<ConnectionOptions> {
  executions?: ExecutionIds[];
}

function connect(server: FakeServer, { executions = [], ...given }: Given): Connection {
  const hello: Hello = {
    instance_id: randomUUID(),
    version: '0.0.0',
    backend: 'direct',
    max_concurrent_tasks: 4,
    draining: false,
    executions,
  };
  const connection = createConnection({
    url: `${server.url.replace('http', 'ws')}/api/v1/selfhosted/worker/ws`,
    workerId: 'test-worker',
    apiKey: 'wk-key',
    host: {},
    clock: hasty,
    log: createLogger({ name: 'test', level: 'error' }),
    observer: noObserver,
    hello: () => hello,
    onWelcome: () => undefined,
    onMessage: () => undefined,
    ...given,
  });
  const over = connection.run();
  onTestFinished(async () => {
    await connection.close(0);
    await over;
  });
  return connection;
}

function newIds(): ExecutionIds {
  return { task_id: randomUUID() as RunId, execution_id: randomUUID() as ExecutionId };
}

function lifeOf(ids: ExecutionIds): TaskMessage[] {
  return [
    { type: 'task_claimed', data: { ...ids, worker_id: 'test-worker' } },
    { type: 'task_phase', data: { ...ids, phase: 'preparing' } },
    { type: 'task_phase', data: { ...ids, phase: 'ending' } },
    { type: 'task_completed', data: { ...ids, message: 'It is over.' } },
  ];
}

/** The words of all lives, mixed; each life in its own order. */
function shuffledLives(tasks: readonly ExecutionIds[], random: () => number): TaskMessage[] {
  const left = tasks.map(lifeOf);
  const said: TaskMessage[] = [];
  while (left.some((life) => life.length > 0)) {
    const next = left[Math.floor(random() * left.length)]?.shift();
    if (next) said.push(next);
  }
  return said;
}

/** Lets waits pass while the network does its part in real time. */
async function advanceUntil(clock: ReturnType<typeof createManualClock>, condition: () => boolean): Promise<void> {
  await vi.waitFor(
    () => {
      if (!condition()) clock.advance(1_000);
      expect(condition()).toBe(true);
    },
    { timeout: 10_000, interval: 20 },
  );
}
