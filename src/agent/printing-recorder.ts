import type { CallRecorder, OutputStream, Recorder } from './recorder.ts';

/** The agent's own output. A reader that has gone away must not end the run: what it misses is in the transcript. */
export interface AgentOutput {
  stdout(data: string | Buffer): void;
  stderr(data: string | Buffer): void;
}

/** Shows people what the agent does as it does it: a tool's output, byte by byte, where the tool wrote it. */
export function textRecorder(output: AgentOutput): Recorder {
  return {
    userMessage: () => {},
    toolCall: () => ({ output: (stream, bytes) => output[stream](bytes), result: () => {} }),
    event: () => {},
    room: async () => {},
  };
}

/** Shows programs what the agent does: one JSON object a line. */
export function jsonRecorder(output: AgentOutput): Recorder {
  const print = (event: Record<string, unknown>) => output.stdout(`${JSON.stringify(event)}\n`);
  return {
    userMessage: () => {},
    toolCall(tool, input) {
      print({ type: 'tool_call', tool, ...input });
      return jsonCall(tool, print);
    },
    event: (name, data) => print({ type: 'system', event_type: name, ...data }),
    room: async () => {},
  };
}

function jsonCall(tool: string, print: (event: Record<string, unknown>) => void): CallRecorder {
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const printOutput = (stream: OutputStream, text: string) => {
    if (text !== '') print({ type: 'tool_output', tool, stream, text });
  };
  return {
    output: (stream, bytes) => printOutput(stream, decoders[stream].decode(bytes, { stream: true })),
    result(state, output) {
      printOutput('stdout', decoders.stdout.decode());
      printOutput('stderr', decoders.stderr.decode());
      print({ type: 'tool_result', tool, state, ...output });
    },
  };
}
