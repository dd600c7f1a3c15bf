const unitInMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;
const durationPattern = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h))+$/;

/**
 * Milliseconds of a duration in Go's syntax: `60s`, `1h30m`, `1.5s`, `250ms`, `0`. Undefined for anything else; units
 * below a millisecond and negative durations are not taken.
 */
export function parseDuration(text: string): number | undefined {
  if (text === '0') return 0;
  if (!durationPattern.test(text)) return undefined;
  let total = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ms|s|m|h)/g)) {
    total += Number(amount) * unitInMs[unit as keyof typeof unitInMs];
  }
  return Math.round(total);
}

/** The shortest text that `parseDuration` reads back as the same whole milliseconds: `1h30m`, `2m`, `1.25s`, `0s`. */
export function formatDuration(ms: number): string {
  const hours = Math.floor(ms / unitInMs.h);
  const minutes = Math.floor((ms % unitInMs.h) / unitInMs.m);
  const rest = ms % unitInMs.m;
  const parts = [hours && `${hours}h`, minutes && `${minutes}m`, rest && formatRest(rest)].filter(Boolean);
  return parts.join('') || '0s';
}

function formatRest(ms: number): string {
  return ms < unitInMs.s ? `${ms}ms` : `${ms / unitInMs.s}s`;
}
