import type { Client } from '../../src/client/client.ts';
import type { RunState } from '../../src/protocol/states.ts';
import { consoleStreams, type ConsoleStream } from '../../src/protocol/streams.ts';

/** Follows a run to its end; answers the states it went through. */
export async function followRun(client: Client, runId: string): Promise<RunState[]> {
  const states: RunState[] = [];
  for await (const event of client.streamRun(runId)) if (event.event === 'state') states.push(event.data.state);
  return states;
}

/** Resolves once the run's transcript shows this text in its output. */
export async function untilOutput(client: Client, runId: string, text: string): Promise<void> {
  for await (const event of client.streamRun(runId)) {
    if (event.event === 'entry' && event.data.type === 'delta' && event.data.text.includes(text)) return;
  }
  throw new Error(`The run ${runId} ended without having said ${JSON.stringify(text)}.`);
}

/** The output that a run's transcript holds, all its deltas joined. */
export async function transcriptText(client: Client, runId: string): Promise<string> {
  const { entries } = await client.transcript(runId);
  return entries.map((entry) => (entry.type === 'delta' ? entry.text : '')).join('');
}

/** What a run's three commands printed, once its execution is over. */
export async function runConsole(client: Client, runId: string): Promise<Record<ConsoleStream, string>> {
  const chunks: { stream: ConsoleStream; bytes: Buffer }[] = [];
  for await (const event of client.streamConsole(runId)) {
    if (event.event === 'console') {
      chunks.push({ stream: event.data.stream, bytes: Buffer.from(event.data.data, 'base64') });
    }
  }
  const joined = (name: ConsoleStream) =>
    Buffer.concat(chunks.filter(({ stream }) => stream === name).map(({ bytes }) => bytes)).toString();
  const [setup, agent, teardown] = consoleStreams;
  return { setup: joined(setup), agent: joined(agent), teardown: joined(teardown) };
}
