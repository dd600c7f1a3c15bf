import type { Recorder } from '../../src/agent/recorder.ts';

/** A recorder that remembers what it is told, as text, and how often it was told something. */
export interface Recording extends Recorder {
  /** What both streams said, in the order it came. */
  output(): string;
  stream(name: 'stdout' | 'stderr'): string;
  chunks: { stream: 'stdout' | 'stderr'; bytes: Buffer }[];
  told: unknown[];
}

export function createRecording(): Recording {
  const chunks: Recording['chunks'] = [];
  const told: unknown[] = [];
  const join = (wanted: Recording['chunks']) => Buffer.concat(wanted.map(({ bytes }) => bytes)).toString();
  return {
    chunks,
    told,
    output: () => join(chunks),
    stream: (name) => join(chunks.filter(({ stream }) => stream === name)),
    userMessage: (text) => void told.push({ user: text }),
    toolCall(tool, input) {
      told.push({ tool, input });
      return {
        output: (stream, bytes) => void chunks.push({ stream, bytes }),
        result: (state, output) => void told.push({ state, output }),
      };
    },
    event: (name, data) => void told.push({ name, data }),
    room: () => Promise.resolve(),
  };
}
