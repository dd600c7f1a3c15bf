import { useMemo } from 'react';
import type { Client } from '../../client/client.ts';
import type { RunItem } from '../../protocol/runs.ts';
import { isTerminal } from '../../protocol/states.ts';
import type { ConsoleStreamEvent } from '../../protocol/streams.ts';
import { useClient } from '../client-context.ts';
import { addChunk, type ConsoleSection } from '../model/console.ts';
import { useFeed } from '../hooks/use-feed.ts';
import { FeedNotice } from './feed-notice.tsx';
import { TerminalView } from './terminal-view.tsx';

/** The raw output of a run's setup, agent and teardown. */
export function LiveConsole({ run }: { run: RunItem }) {
  const client = useClient();
  const options = useMemo(() => consoleFeed(client, run.run_id), [client, run.run_id]);
  const { view, status } = useFeed(options);
  return (
    <>
      {view.length === 0 && (
        <p className="placeholder">{isTerminal(run.state) ? 'This run left no console output.' : 'Nothing yet.'}</p>
      )}
      {view.map((section) => (
        <section key={`${section.stream} ${section.execution}`} className="console">
          <h3>{sectionLabel(section)}</h3>
          <TerminalView terminal={section.output} label={`${sectionLabel(section)} output`} />
        </section>
      ))}
      <FeedNotice status={status} />
    </>
  );
}

const streamLabels = { setup: 'Setup', agent: 'Agent', teardown: 'Teardown' };

function sectionLabel({ stream, execution }: ConsoleSection): string {
  return execution === 1 ? streamLabels[stream] : `${streamLabels[stream]}, execution ${execution}`;
}

const noSections: readonly ConsoleSection[] = [];

function consoleFeed(client: Client, runId: string) {
  return {
    open: (signal: AbortSignal) => client.streamConsole(runId, { signal }),
    empty: noSections,
    add: (sections: readonly ConsoleSection[], events: readonly ConsoleStreamEvent[]) =>
      events.reduce(addEvent, sections),
  };
}

function addEvent(sections: readonly ConsoleSection[], event: ConsoleStreamEvent): readonly ConsoleSection[] {
  return event.event === 'console' ? addChunk(sections, event.data) : sections;
}
