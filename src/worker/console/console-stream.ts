import { sleep, type Clock } from '../../common/clock.ts';
import { openGrowingFile, type GrowingFile } from '../../common/growing-file.ts';
import { createMasker, type Masker } from '../../common/masker.ts';
import { maxConsoleChunk } from '../../protocol/worker-link.ts';

/**
 * Sends what one command writes, masked, in numbered chunks, and keeps every byte until the server has stored it.
 *
 * ```
 * file ──read, mask──→ kept ──send──→ sent ──acknowledged──→ gone
 *                      └─── at most `window` bytes ───┘
 * ```
 *
 * After a reconnect only the first chunk is sent, until the server has said how far it got; so it is after a silence,
 * when chunks seem to have been lost.
 */
export interface ConsoleStreamShipper {
  /** Goes on as far as it can: there is more to read, or to send. */
  pump(): void;
  acknowledge(offset: number): void;
  /** What was sent on the last connection may never have arrived. */
  reconnect(): void;
  /** The command is over: resolves when all it wrote is stored. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

export interface ConsoleStreamOptions {
  file: string;
  secrets: readonly string[];
  /** False when nothing can be sent now; `pump` is called when it can. */
  send(offset: number, data: Buffer): boolean;
  clock: Clock;
  onError(error: unknown): void;
  /** Bytes of one stream that are shown; a note stands for the rest. */
  limit?: number;
}

const defaultLimit = 64 * 1024 * 1024;
/** Unacknowledged bytes at a time: enough to keep a distant server busy, little enough to keep for many tasks. */
const window = 4 * maxConsoleChunk;
/** How long the server may leave chunks unacknowledged before they are sent again, in milliseconds. */
const silence = 10_000;

export async function createConsoleStream(options: ConsoleStreamOptions): Promise<ConsoleStreamShipper> {
  const stream = new ConsoleStream(options);
  await stream.open();
  return stream;
}

class ConsoleStream implements ConsoleStreamShipper {
  readonly #options: ConsoleStreamOptions;
  readonly #masker: Masker;
  readonly #delivered = Promise.withResolvers<void>();
  #file: GrowingFile | undefined;
  /** Masked bytes from `#acknowledged` on. */
  #kept = Buffer.alloc(0);
  #acknowledged = 0;
  #sent = 0;
  /** Whether one chunk alone may be under way, because where the server stands is not known. */
  #probing = true;
  #isCommandOver = false;
  #isAllRead = false;
  #isClosed = false;
  #pumping: Promise<void> | undefined;
  #again = false;
  #cancelSilence: (() => void) | undefined;

  constructor(options: ConsoleStreamOptions) {
    this.#options = options;
    this.#masker = createMasker(options.secrets);
  }

  async open(): Promise<void> {
    this.#file = await openGrowingFile(this.#options.file, () => this.pump(), this.#options.clock);
    this.pump();
  }

  pump(): void {
    this.#again = true;
    this.#pumping ??= this.#run().finally(() => {
      this.#pumping = undefined;
      // Somebody called between the last look and now.
      if (this.#again && !this.#isClosed) this.pump();
    });
  }

  acknowledge(offset: number): void {
    const stored = offset - this.#acknowledged;
    // No progress: chunks were lost or refused, and the silence that follows makes them be sent again. Beyond what was
    // read: the server speaks of something else.
    if (stored <= 0 || stored > this.#kept.length) return;
    this.#kept = this.#kept.subarray(stored);
    this.#acknowledged = offset;
    if (this.#probing || this.#sent < offset) this.#sent = offset;
    this.#probing = false;
    this.#listenForSilence();
    this.pump();
  }

  reconnect(): void {
    this.#sent = this.#acknowledged;
    this.#probing = true;
    this.pump();
  }

  finish(): Promise<void> {
    this.#isCommandOver = true;
    this.pump();
    return this.#delivered.promise;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancelSilence?.();
    await this.#pumping;
    await this.#file?.close();
    this.#file = undefined;
  }

  async #run(): Promise<void> {
    try {
      while (this.#again && !this.#isClosed) {
        this.#again = false;
        // Lets writes that come one after another be read as one.
        await sleep(this.#options.clock, 1);
        await this.#read();
        this.#sendKept();
      }
    } catch (error) {
      this.#isClosed = true;
      this.#options.onError(error);
      this.#delivered.resolve();
    }
  }

  async #read(): Promise<void> {
    while (!this.#isAllRead && this.#kept.length < window) {
      const isCommandOver = this.#isCommandOver;
      const bytes = (await this.#file?.read(window - this.#kept.length)) ?? Buffer.alloc(0);
      if (bytes.length > 0) this.#keep(this.#masker.push(bytes));
      else if (isCommandOver) this.#keepLast();
      else return;
    }
  }

  #keepLast(): void {
    this.#keep(this.#masker.flush());
    this.#isAllRead = true;
  }

  #keep(masked: Buffer): void {
    const limit = this.#options.limit ?? defaultLimit;
    const room = limit - this.#acknowledged - this.#kept.length;
    if (masked.length <= room) {
      this.#kept = Buffer.concat([this.#kept, masked]);
      return;
    }
    const note = Buffer.from(`\n[What follows is not shown: the limit is ${limit} bytes.]\n`);
    this.#kept = Buffer.concat([this.#kept, masked.subarray(0, room), note]);
    this.#isAllRead = true;
  }

  #sendKept(): void {
    const end = this.#acknowledged + this.#kept.length;
    while (this.#sent < end && !(this.#probing && this.#sent > this.#acknowledged)) {
      const start = this.#sent - this.#acknowledged;
      const chunk = this.#kept.subarray(start, start + maxConsoleChunk);
      if (!this.#options.send(this.#sent, chunk)) return;
      this.#sent += chunk.length;
      if (this.#cancelSilence === undefined) this.#listenForSilence();
    }
    if (this.#isAllRead && this.#kept.length === 0) this.#delivered.resolve();
  }

  #listenForSilence(): void {
    this.#cancelSilence?.();
    this.#cancelSilence = undefined;
    if (this.#sent === this.#acknowledged || this.#isClosed) return;
    this.#cancelSilence = this.#options.clock.after(silence, () => {
      this.#cancelSilence = undefined;
      this.reconnect();
    });
  }
}
