import type { Clock } from '../common/clock.ts';

/** A step that takes longer says that it has begun; a shorter one only that it is done. In milliseconds. */
const longStep = 1_000;

export interface Display {
  line(text?: string): void;
  dim: Paint;
  bold: Paint;
  green: Paint;
  red: Paint;
  /** Runs a step and shows its result, which `describe` puts into words. */
  step<T>(title: string, run: () => Promise<T>, describe: (result: T) => string): Promise<T>;
}

type Paint = (text: string) => string;

export interface DisplayOptions {
  write: (text: string) => void;
  colour: boolean;
  clock: Clock;
}

export function createDisplay({ write, colour, clock }: DisplayOptions): Display {
  const paint = (code: number) => (text: string) => (colour ? `\u001B[${code}m${text}\u001B[0m` : text);
  const line = (text = '') => write(`${text}\n`);
  const green = paint(32);
  return {
    line,
    green,
    dim: paint(2),
    bold: paint(1),
    red: paint(31),
    async step(title, run, describe) {
      const announced = clock.after(longStep, () => line(`  ${title}…`));
      try {
        const result = await run();
        line(`${green('✓')} ${describe(result)}`);
        return result;
      } finally {
        announced();
      }
    },
  };
}
