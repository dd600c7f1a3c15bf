import type { Client } from '../client/client.ts';
import { systemClock } from '../common/clock.ts';
import type { RunState } from '../protocol/states.ts';
import type { Invocation } from './command.ts';
import { isForPrograms } from './global-options.ts';
import { jsonTranscript, textTranscript } from './transcript-view.ts';
import { watchWaitingReason } from './waiting-reason.ts';

export interface RunStream {
  client: Client;
  runId: string;
  signal: AbortSignal;
  /** Whether to go on until the run has ended. */
  follow: boolean;
}

/** Prints what a run says, as it comes. Answers the state it ended in, if it has. */
export async function followRun(
  { terminal, settings }: Invocation,
  { client, runId, signal, follow }: RunStream,
): Promise<RunState | undefined> {
  const view = isForPrograms(settings) ? jsonTranscript(terminal) : textTranscript(terminal);
  const waiting = watchWaitingReason({ client, runId, clock: systemClock, say: (reason) => view.waiting(reason) });
  try {
    for await (const event of client.streamRun(runId, { signal, follow })) {
      if (event.event === 'end') return event.data.state;
      if (event.event === 'entry') {
        view.entry(event.data);
      } else if (follow) {
        view.state(event.data);
        waiting.onState(event.data.state);
      }
    }
    return undefined;
  } finally {
    waiting.stop();
    view.end();
  }
}

/** Prints the raw output of a run's commands, byte by byte, as it comes. */
export async function followConsole(
  { terminal, settings }: Invocation,
  { client, runId, signal, follow }: RunStream,
): Promise<void> {
  const isJson = isForPrograms(settings);
  for await (const event of client.streamConsole(runId, { signal, follow })) {
    if (event.event === 'end') return;
    terminal.stdout(isJson ? `${JSON.stringify(event.data)}\n` : Buffer.from(event.data.data, 'base64'));
  }
}
