import { exactTime, relativeTime } from '../model/time.ts';

export function TimeAgo({ at, now }: { at: string; now: number }) {
  return (
    <time dateTime={at} title={exactTime(at)}>
      {relativeTime(at, now)}
    </time>
  );
}
