import type { FeedStatus } from '../model/feed.ts';

export function FeedNotice({ status }: { status: FeedStatus }) {
  if (status !== 'failed') return null;
  return (
    <p className="notice problem" role="alert">
      The live stream was refused. Reload the page to try again.
    </p>
  );
}
