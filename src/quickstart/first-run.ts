import type { Client } from '../client/client.ts';
import type { Display } from './display.ts';

const script = `echo "Hello from $(uname -n)."
echo "This script is the run's prompt; /bin/sh runs it as $(id -un), on $(uname -sm)."
echo "It was started in a workspace of its own, which is removed after the run:"
echo "  $PWD"
echo "The agent's environment, by name:"
env | sed -n 's/^\\([A-Za-z_][A-Za-z0-9_]*\\)=.*/  \\1/p' | sort
`;

type RunEvent = ReturnType<Client['streamRun']> extends AsyncGenerator<infer E> ? E : never;
type Entry = Extract<RunEvent, { event: 'entry' }>['data'];

/** Makes a run for the worker `host` and shows what becomes of it, as it comes. Resolves when the run has ended. */
export async function showFirstRun(
  client: Client,
  { host, display, signal }: { host: string; display: Display; signal: AbortSignal },
): Promise<void> {
  const body = {
    prompt: script,
    title: 'First run',
    config: { harness: { type: 'shell' as const }, worker_host: host },
  };
  const { run_id } = await client.createRun(body, { signal });
  display.line(`${display.bold('First run')} ${display.dim(run_id)}`);
  display.line('It uses the `shell` harness: the prompt is a script, without a model or a key.');
  for await (const event of client.streamRun(run_id, { signal })) showEvent(event, display);
}

function showEvent(event: RunEvent, display: Display): void {
  if (event.event === 'state') showState(event.data, display);
  if (event.event === 'entry') showEntry(event.data, display);
}

function showState({ state, status_message }: Extract<RunEvent, { event: 'state' }>['data'], display: Display): void {
  const bad = ['FAILED', 'ERROR', 'CANCELLED'].includes(state);
  const paint = bad ? display.red : state === 'SUCCEEDED' ? display.green : display.bold;
  const why = status_message ? ` ${display.dim(status_message.message)}` : '';
  display.line(`  ${paint(state)}${why}`);
}

function showEntry(entry: Entry, display: Display): void {
  if (entry.type !== 'delta' && entry.type !== 'agent_message') return;
  for (const line of entry.text.replace(/\n$/, '').split('\n')) display.line(`  ${display.dim('│')} ${line}`);
}
