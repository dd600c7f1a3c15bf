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
 * On a new connection it goes on where the server says that it stands; where that is before what was kept, or far ahead
 * because this is a new daemon, the file is read and masked again from its start. The same bytes come out, as long as the
 * secrets are the same. After a silence, when chunks seem to have been lost, only the first chunk is sent until the server
 * has said how far it got.
 */
export interface ConsoleStreamShipper {
  /** Goes on as far as it can: there is more to read, or to send. */
  pump(): void;
  acknowledge(offset: number): void;
  /** There is a new connection; the server has stored this many bytes. */
  resume(offset: number): void;
  /** How many bytes the server has stored, as far as it is known. */
  acknowledged(): number;
  /** The command is over: resolves when all that it wrote by now is stored. What still holds the file open is not heard. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

export interface ConsoleStreamOptions {
  file: string;
  secrets: readonly string[];
  /** Bytes that the server has stored, where an earlier daemon has begun this stream. Default: none. */
  offset?: number | undefined;
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
  readonly #delivered = Promise.withResolvers<void>();
  #masker: Masker;
  #file: GrowingFile | undefined;
  /** Bytes of the file that were read, and masked bytes that came of them. */
  #position = 0;
  #end = 0;
  /** Masked bytes from `#acknowledged` to `#end`; none while the file is read up to where the server stands. */
  #kept = Buffer.alloc(0);
  #acknowledged: number;
  #sent: number;
  /** Where the server stands on a new connection, until that is heeded. */
  #resumeAt: number | undefined;
  /** Whether one chunk alone may be under way, because where the server stands is not known. */
  #probing = true;
  #isCommandOver = false;
  /** Bytes of the file when the command was over: what comes behind them is somebody else's. */
  #size: number | undefined;
  #isAllRead = false;
  #isClosed = false;
  #pumping: Promise<void> | undefined;
  #again = false;
  #cancelSilence: (() => void) | undefined;

  constructor(options: ConsoleStreamOptions) {
    // Secrets that become known later must not change what the same bytes become when they are read again.
    this.#options = { ...options, secrets: [...options.secrets] };
    this.#masker = createMasker(options.secrets);
    this.#acknowledged = this.#sent = options.offset ?? 0;
  }

  async open(): Promise<void> {
    this.#file = await openIfThere(this.#options, () => this.pump());
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
    if (stored <= 0 || stored > this.#kept.length || this.#resumeAt !== undefined) return;
    this.#goOnAt(offset);
    this.pump();
  }

  resume(offset: number): void {
    this.#resumeAt = offset;
    this.pump();
  }

  acknowledged(): number {
    return this.#acknowledged;
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
        this.#heedResume();
        await this.#read();
        if (this.#resumeAt === undefined) this.#sendKept();
      }
    } catch (error) {
      this.#isClosed = true;
      this.#options.onError(error);
      this.#delivered.resolve();
    }
  }

  #heedResume(): void {
    const offset = this.#resumeAt;
    if (offset === undefined) return;
    this.#resumeAt = undefined;
    if (offset < this.#acknowledged || offset > this.#end) this.#startOver();
    this.#goOnAt(offset);
    this.#sent = offset;
  }

  /** The server stands where nothing is kept: it has lost what it had, or it had it from an earlier daemon. */
  #startOver(): void {
    this.#masker = createMasker(this.#options.secrets);
    this.#position = this.#end = 0;
    this.#kept = Buffer.alloc(0);
    this.#isAllRead = false;
  }

  #goOnAt(offset: number): void {
    this.#kept = offset < this.#end ? this.#kept.subarray(this.#kept.length - (this.#end - offset)) : Buffer.alloc(0);
    this.#acknowledged = offset;
    if (this.#probing || this.#sent < offset) this.#sent = offset;
    this.#probing = false;
    this.#listenForSilence();
  }

  async #read(): Promise<void> {
    // Without a file there is only a note to send, and its place is where the server stands.
    if (this.#file === undefined && this.#sent === 0 && this.#probing) return;
    while (!this.#isAllRead && this.#kept.length < window && this.#resumeAt === undefined) {
      if (this.#isCommandOver) this.#size ??= (await this.#file?.size()) ?? 0;
      const max = Math.min(window - this.#kept.length, (this.#size ?? Infinity) - this.#position);
      const bytes = max > 0 ? ((await this.#file?.read(this.#position, max)) ?? Buffer.alloc(0)) : Buffer.alloc(0);
      this.#position += bytes.length;
      if (bytes.length > 0) this.#keep(this.#masker.push(bytes));
      else if (this.#size !== undefined) this.#keepLast();
      else return;
    }
  }

  #keepLast(): void {
    this.#keep(this.#masker.flush());
    this.#isAllRead = true;
    const isLost = this.#file === undefined || this.#end < this.#acknowledged;
    if (!isLost) return;
    // The server has more than there is, or there is nothing where something should be.
    this.#end = this.#acknowledged;
    this.#append(Buffer.from('\n[What follows is lost: the file that it was kept in is gone.]\n'));
  }

  #keep(masked: Buffer): void {
    const limit = this.#options.limit ?? defaultLimit;
    if (masked.length <= limit - this.#end) return this.#append(masked);
    const note = Buffer.from(`\n[What follows is not shown: the limit is ${limit} bytes.]\n`);
    this.#append(Buffer.concat([masked.subarray(0, limit - this.#end), note]));
    this.#isAllRead = true;
  }

  /** What the server has stored already is passed over. */
  #append(masked: Buffer): void {
    this.#kept = Buffer.concat([this.#kept, masked.subarray(Math.max(0, this.#acknowledged - this.#end))]);
    this.#end += masked.length;
  }

  #sendKept(): void {
    while (this.#sent < this.#end && !(this.#probing && this.#sent > this.#acknowledged)) {
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
    if (this.#sent <= this.#acknowledged || this.#isClosed) return;
    this.#cancelSilence = this.#options.clock.after(silence, () => {
      this.#cancelSilence = undefined;
      this.#sent = this.#acknowledged;
      this.#probing = true;
      this.pump();
    });
  }
}

/** A file that an earlier daemon's task wrote may be gone by now. */
async function openIfThere(
  { file, clock }: ConsoleStreamOptions,
  onGrowth: () => void,
): Promise<GrowingFile | undefined> {
  try {
    return await openGrowingFile(file, onGrowth, clock);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return undefined;
  }
}
