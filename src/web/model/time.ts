const units = [
  { name: 'day', seconds: 86_400 },
  { name: 'hour', seconds: 3600 },
  { name: 'minute', seconds: 60 },
] as const;

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always', style: 'short' });

/** "just now", "5 min. ago", "3 days ago"; `now` in milliseconds since the epoch. */
export function relativeTime(iso: string, now: number): string {
  // A server whose clock runs ahead must not make a run come from the future.
  const seconds = Math.max(0, Math.round((now - Date.parse(iso)) / 1000));
  const unit = units.find((candidate) => seconds >= candidate.seconds);
  if (unit) return relative.format(-Math.floor(seconds / unit.seconds), unit.name);
  return seconds < 10 ? 'just now' : relative.format(-seconds, 'second');
}

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' });

/** The date and time in the reader's own zone and manner. */
export function exactTime(iso: string): string {
  return exact.format(new Date(iso));
}

/** "40 ms", "1.4 s", "12 s", "3 min 20 s", "2 h 5 min", from milliseconds. */
export function formatDuration(duration: number): string {
  const milliseconds = Math.max(0, Math.round(duration));
  if (milliseconds < 1000) return `${milliseconds} ms`;
  if (duration < 9950) return `${(duration / 1000).toFixed(1)} s`;
  const seconds = Math.round(duration / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

const isoDuration = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?)?$/;

/** Milliseconds of an ISO-8601 duration of days at most, undefined for anything else. */
export function parseIsoDuration(text: string): number | undefined {
  const match = isoDuration.exec(text);
  if (!match) return undefined;
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  return (((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000;
}
