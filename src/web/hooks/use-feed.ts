import { useMemo, useSyncExternalStore } from 'react';
import { createFeed, type FeedOptions, type FeedState } from '../model/feed.ts';

type Options<Event, View> = Omit<FeedOptions<Event, View>, 'atNextFrame'>;

/** Follows a stream for as long as the component lives; `options` is kept stable by the caller (`useMemo`). */
export function useFeed<Event, View>(options: Options<Event, View>): FeedState<View> {
  const feed = useMemo(() => createFeed({ ...options, atNextFrame }), [options]);
  return useSyncExternalStore(feed.subscribe, feed.read);
}

function atNextFrame(run: () => void): () => void {
  const frame = requestAnimationFrame(run);
  return () => cancelAnimationFrame(frame);
}
