import { maxEntryText } from '../protocol/transcript.ts';
import type { CallRecorder, OutputStream, Recorder } from './recorder.ts';
import type { TranscriptWriter } from './transcript-writer.ts';

/** Bytes of tool output that a run's transcript takes; what comes after is counted out loud, once, and dropped. */
const maxOutputBytes = 16 * 1024 * 1024;

/** Writes the transcript. */
export function transcriptRecorder(writer: TranscriptWriter): Recorder {
  const budget = createOutputBudget(writer);
  return {
    userMessage(text) {
      const [first = '', ...rest] = pieces(storable(text));
      const index = writer.add({ type: 'user_message', text: first });
      for (const piece of rest) writer.extend(index, piece);
    },
    toolCall: (tool, input) => transcribedCall(writer, writer.add({ type: 'tool_call', tool, input }), budget),
    event: (name, data) => void writer.add({ type: 'event', name, data }),
    room: () => writer.room(),
  };
}

function transcribedCall(writer: TranscriptWriter, call: number, budget: OutputBudget): CallRecorder {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const write = (stream: OutputStream, text: string) => {
    for (const piece of pieces(storable(text))) writer.extend(call, piece, stream);
  };
  return {
    output(stream, bytes) {
      const granted = bytes.subarray(0, budget.take(bytes.length));
      write(stream, decoders[stream].decode(granted, { stream: true }));
      if (granted.length < bytes.length) budget.sayThatItIsUsedUp();
    },
    result(state, output) {
      write('stdout', decoders.stdout.decode());
      write('stderr', decoders.stderr.decode());
      writer.add({ type: 'tool_result', call, state, output });
    },
  };
}

interface OutputBudget {
  /** How many of so many bytes may still be written. */
  take(wanted: number): number;
  sayThatItIsUsedUp(): void;
}

function createOutputBudget(writer: TranscriptWriter): OutputBudget {
  let left = maxOutputBytes;
  let told = false;
  return {
    take(wanted) {
      const granted = Math.min(wanted, left);
      left -= granted;
      return granted;
    },
    sayThatItIsUsedUp() {
      if (told) return;
      told = true;
      writer.add({ type: 'event', name: 'output_truncated', data: { limit_bytes: maxOutputBytes } });
    },
  };
}

/** JSON in Postgres has no place for the character NUL. */
function storable(text: string): string {
  return text.replaceAll('\0', '\u{FFFD}');
}

/** Cuts text to what one entry holds, never inside a character. Of empty text there is no piece. */
function* pieces(text: string): Generator<string> {
  for (let start = 0; start < text.length;) {
    let end = Math.min(start + maxEntryText, text.length);
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end -= 1;
    yield text.slice(start, end);
    start = end;
  }
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00;
}
