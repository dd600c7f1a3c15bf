import type { Clock } from '../common/clock.ts';
import { createMasking, type Masking } from '../common/masker.ts';
import type { ReportTurn } from '../protocol/agent-calls.ts';
import type { CallRecorder, OutputStream, Recorder } from './recorder.ts';

/**
 * Milliseconds of silence after which output that may be the beginning of a secret is let out, in so far as that is
 * harmless: a prompt without a line end must not wait for ever.
 */
const pause = 100;

/** Hides the secrets in all that is told to `inner`, also where one is split over two chunks of output. */
export function maskingRecorder(inner: Recorder, { secrets, clock }: MaskingOptions): Recorder {
  const masking = createMasking(secrets);
  const maskRecord: MaskRecord = (record) => maskStrings(record, masking) as Record<string, unknown>;
  return {
    userMessage: (text) => inner.userMessage(masking.text(text)),
    toolCall: (tool, input) => maskedCall(inner.toolCall(tool, maskRecord(input)), { masking, clock }, maskRecord),
    event: (name, data) => inner.event(name, maskRecord(data)),
    room: () => inner.room(),
  };
}

/** Hides the secrets in the words that an outcome is explained with. */
export function maskOutcome(outcome: ReportTurn, secrets: readonly string[]): ReportTurn {
  return maskStrings(outcome, createMasking(secrets)) as ReportTurn;
}

interface MaskingOptions {
  secrets: readonly string[];
  clock: Clock;
}

interface StreamOptions {
  masking: Masking;
  clock: Clock;
}

type MaskRecord = (record: Record<string, unknown>) => Record<string, unknown>;

function maskedCall(inner: CallRecorder, options: StreamOptions, maskRecord: MaskRecord): CallRecorder {
  const streams = {
    stdout: maskedStream(options, (bytes) => inner.output('stdout', bytes)),
    stderr: maskedStream(options, (bytes) => inner.output('stderr', bytes)),
  } satisfies Record<OutputStream, MaskedStream>;
  return {
    output: (stream, bytes) => streams[stream].push(bytes),
    result(state, output) {
      streams.stdout.end();
      streams.stderr.end();
      inner.result(state, maskRecord(output));
    },
  };
}

interface MaskedStream {
  push(bytes: Buffer): void;
  end(): void;
}

function maskedStream({ masking, clock }: StreamOptions, write: (bytes: Buffer) => void): MaskedStream {
  const masker = masking.stream();
  const writeSome = (bytes: Buffer) => {
    if (bytes.length > 0) write(bytes);
  };
  let cancelPause = () => {};
  return {
    push(bytes) {
      cancelPause();
      writeSome(masker.push(bytes));
      cancelPause = clock.after(pause, () => writeSome(masker.flush()));
    },
    end() {
      cancelPause();
      writeSome(masker.flush());
    },
  };
}

function maskStrings(value: unknown, masking: Masking): unknown {
  if (typeof value === 'string') return masking.text(value);
  if (Array.isArray(value)) return value.map((item) => maskStrings(item, masking));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, maskStrings(item, masking)]));
}
