/**
 * Where a harness tells what it does. What it is told goes, masked, to the run's transcript and to the agent's own
 * output; a harness knows of neither.
 */
export interface Recorder {
  userMessage(text: string): void;
  toolCall(tool: string, input: Record<string, unknown>): CallRecorder;
  event(name: string, data: Record<string, unknown>): void;
  /**
   * Resolves when more output may come: a harness that waits for it before it reads on never floods the memory. One that
   * is being ended does not have to wait.
   */
  room(): Promise<void>;
}

/** One tool call: its output, as it comes, and at the end its result. */
export interface CallRecorder {
  /** Raw bytes: a chunk may end inside a character. */
  output(stream: OutputStream, bytes: Buffer): void;
  result(state: 'completed' | 'failed', output: Record<string, unknown>): void;
}

export type OutputStream = 'stdout' | 'stderr';

/** Tells everything to each of them. */
export function teeRecorder(recorders: readonly Recorder[]): Recorder {
  return {
    userMessage: (text) => recorders.forEach((recorder) => recorder.userMessage(text)),
    toolCall(tool, input) {
      const calls = recorders.map((recorder) => recorder.toolCall(tool, input));
      return {
        output: (stream, bytes) => calls.forEach((call) => call.output(stream, bytes)),
        result: (state, output) => calls.forEach((call) => call.result(state, output)),
      };
    },
    event: (name, data) => recorders.forEach((recorder) => recorder.event(name, data)),
    async room() {
      await Promise.all(recorders.map((recorder) => recorder.room()));
    },
  };
}
