import { useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Client } from '../../client/client.ts';
import type { RunItem } from '../../protocol/runs.ts';
import type { RunStreamEvent } from '../../protocol/streams.ts';
import { isTerminal } from '../../protocol/states.ts';
import { useClient } from '../client-context.ts';
import { useFeed } from '../hooks/use-feed.ts';
import { addEntries, type TranscriptItem } from '../model/transcript.ts';
import { runQuery } from '../queries.ts';
import { FeedNotice } from './feed-notice.tsx';
import { TranscriptView } from './transcript-view.tsx';

/** The transcript as it is written. */
export function LiveTranscript({ run }: { run: RunItem }) {
  const client = useClient();
  const queries = useQueryClient();
  const options = useMemo(() => transcriptFeed(client, queries, run.run_id), [client, queries, run.run_id]);
  const { view, status } = useFeed(options);
  return (
    <>
      <TranscriptView items={view} prompt={run.prompt} live={!isTerminal(run.state)} />
      <FeedNotice status={status} />
    </>
  );
}

const noItems: readonly TranscriptItem[] = [];

/** The stream tells of a change of state first: what the page says of the run is then read anew. */
function transcriptFeed(client: Client, queries: QueryClient, runId: string) {
  const { queryKey } = runQuery(client, runId);
  return {
    open: (signal: AbortSignal) => client.streamRun(runId, { signal }),
    empty: noItems,
    add: (items: readonly TranscriptItem[], events: readonly RunStreamEvent[]) => addEntries(items, entriesOf(events)),
    onEvents: (events: readonly RunStreamEvent[]) => {
      if (events.some(({ event }) => event !== 'entry')) void queries.invalidateQueries({ queryKey });
    },
  };
}

function entriesOf(events: readonly RunStreamEvent[]) {
  return events.flatMap((event) => (event.event === 'entry' ? [event.data] : []));
}
