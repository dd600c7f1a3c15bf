/** One figure and, where we hold ourselves to one, its target. */
export interface Figure {
  name: string;
  value: number;
  format: (value: number) => string;
  target?: Target;
}

type Target = { atMost: number } | { atLeast: number };

export function printFigures(figures: readonly Figure[]): void {
  console.table(
    figures.map(({ name, value, format, target }) => ({
      figure: name,
      value: format(value),
      target: target ? inWords(target, format) : '',
      met: verdict(value, target),
    })),
  );
}

export function inMilliseconds(duration: number): string {
  return `${duration.toFixed(1)} ms`;
}

export function inMegabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

export function perSecond(rate: number): string {
  return `${rate.toFixed(0)}/s`;
}

export function asRatio(ratio: number): string {
  return ratio.toFixed(2);
}

function inWords(target: Target, format: (value: number) => string): string {
  return 'atMost' in target ? `≤ ${format(target.atMost)}` : `≥ ${format(target.atLeast)}`;
}

function verdict(value: number, target: Target | undefined): string {
  if (target === undefined) return '';
  return ('atMost' in target ? value <= target.atMost : value >= target.atLeast) ? 'yes' : 'no';
}
