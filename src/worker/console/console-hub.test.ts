import { randomUUID } from 'node:crypto';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createManualClock } from '../../../test/helpers/manual-clock.ts';
import { randomFrom } from '../../../test/helpers/random.ts';
import { sleep, systemClock, type Clock } from '../../common/clock.ts';
import { createLogger } from '../../common/logger.ts';
import { createMasker } from '../../common/masker.ts';
import type { ExecutionId, RunId } from '../../protocol/ids.ts';
import type { Assignment, WorkerMessage } from '../../protocol/worker-link.ts';
import { createConsoleHub, type ConsoleHub } from './console-hub.ts';

type ConsoleMessage = Extract<WorkerMessage, { type: 'console' }>;

const secrets = ['sesame-open', 'mellon'];

test.each(Array.from({ length: 12 }, (_, index) => index + 1))(
  'through cuts, losses and new daemons every masked byte is stored once (seed %i)',
  async (seed) => {
    const random = randomFrom(seed);
    const { file, assignment } = await newTask();
    const server = createStore(random);
    let written = 'first ';
    let daemon = await startDaemon(server, assignment, file);
    for (let step = 0; step < 25; step += 1) {
      const piece = pieceOf(random);
      written += piece;
      await appendFile(file, piece);
      const chance = random();
      if (chance < 0.1) server.forgetSome();
      if (chance < 0.3) daemon.hub.resume(...server.stands(assignment));
      else if (chance < 0.4) {
        await daemon.kill();
        daemon = await startDaemon(server, assignment, file);
      }
      if (random() < 0.5) await sleep(systemClock, Math.floor(random() * 8));
    }
    server.heal();
    daemon.hub.resume(...server.stands(assignment));
    await daemon.finish();
    const masker = createMasker(secrets);
    const expected = Buffer.concat([masker.push(Buffer.from(written)), masker.flush()]);
    expect(server.stored().equals(expected)).toBe(true);
  },
);

test('a server that takes nothing more is given up, one that is away is waited for', async () => {
  const { file, assignment } = await newTask();
  const clock = createManualClock();
  let isConnected = false;
  const hub = createConsoleHub({
    send: () => isConnected,
    isWanted: () => true,
    isConnected: () => isConnected,
    clock: soonButForWaits(clock),
    log,
  });
  const console = hub.open(assignment);
  await console.open('agent', file, []);
  let isOver = false;
  const finished = (async () => {
    await console.finish(15_000);
    isOver = true;
  })();
  for (let round = 0; round < 10; round += 1) await pass(clock);
  expect(isOver).toBe(false);
  isConnected = true;
  await pass(clock);
  expect(isOver).toBe(false);
  await pass(clock);
  await vi.waitFor(() => expect(isOver).toBe(true));
  await finished;
});

test('a daemon that is in a hurry waits for no server that is away', async () => {
  const { file, assignment } = await newTask();
  const clock = createManualClock();
  const hub = createConsoleHub({
    send: () => false,
    isWanted: () => true,
    isConnected: () => false,
    clock: soonButForWaits(clock),
    log,
  });
  const console = hub.open(assignment);
  await console.open('agent', file, []);
  const finished = console.finish(15_000);
  hub.hurry();
  await pass(clock);
  await pass(clock);
  await expect(finished).resolves.toBeUndefined();
});

const log = createLogger({ name: 'test', level: 'error' });

async function pass(clock: ReturnType<typeof createManualClock>): Promise<void> {
  clock.advance(15_000);
  await new Promise(setImmediate);
}

/** Reading goes on in real time; the waits for the server are the test's. */
function soonButForWaits(clock: Clock): Clock {
  return { now: () => clock.now(), after: (delay, run) => (delay < 10_000 ? systemClock : clock).after(delay, run) };
}

async function newTask(): Promise<{ file: string; assignment: Assignment }> {
  const folder = await mkdtemp(join(tmpdir(), 'console-hub-test-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'agent.log');
  await writeFile(file, 'first ');
  return {
    file,
    assignment: { task_id: randomUUID() as RunId, execution_id: randomUUID() as ExecutionId } as Assignment,
  };
}

/** Ordinary text, secrets, and beginnings of secrets that come to nothing. */
function pieceOf(random: () => number): string {
  const noise = 'x'.repeat(Math.floor(random() * 90_000));
  const pieces = ['sesame-', 'open ', 'sesame-open', 'mel', 'lon', 'mellon\n', noise];
  return pieces[Math.floor(random() * pieces.length)] ?? '';
}

/** Stores what continues its offset, as the server does; loses chunks and answers on the way until it is healed. */
function createStore(random: () => number) {
  let stored = Buffer.alloc(0);
  let isFaulty = true;
  const isLost = () => isFaulty && random() < 0.1;
  return {
    stored: () => stored,
    heal: () => void (isFaulty = false),
    /** As a restored backup has. */
    forgetSome: () => void (stored = stored.subarray(0, Math.floor(random() * stored.length))),
    stands: ({ execution_id }: Assignment) => [execution_id as ExecutionId, { agent: stored.length }] as const,
    take({ data: { data, offset, ...ids } }: ConsoleMessage, hub: ConsoleHub) {
      if (isLost()) return;
      if (offset === stored.length) stored = Buffer.concat([stored, Buffer.from(data, 'base64')]);
      const ack = { ...ids, offset: stored.length };
      if (!isLost()) setImmediate(() => hub.acknowledge(ack));
    },
  };
}

/** A hundred times as fast. */
const hasty: Clock = { now: () => systemClock.now(), after: (delay, run) => systemClock.after(delay / 100, run) };

/** One that finds the server where it stands and goes on with the file. */
async function startDaemon(server: ReturnType<typeof createStore>, assignment: Assignment, file: string) {
  let isDead = false;
  const hub: ConsoleHub = createConsoleHub({
    send(message) {
      if (!isDead) server.take(message, hub);
      return !isDead;
    },
    isWanted: () => true,
    isConnected: () => !isDead,
    clock: hasty,
    log,
  });
  hub.resume(...server.stands(assignment));
  const console = hub.open(assignment);
  await console.open('agent', file, secrets);
  return {
    hub,
    finish: () => console.finish(1_000_000),
    async kill() {
      isDead = true;
      hub.hurry();
      await console.finish(0);
    },
  };
}
