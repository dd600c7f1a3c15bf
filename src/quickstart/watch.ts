import type { ChildProgram, Ending } from './child-program.ts';
import { QuickstartError } from './quickstart-error.ts';

/** Lines of a program's log that are shown when it has ended by itself. */
const shownLines = 15;

/** The programs that should run until somebody asks to stop; the end of one is the end of all. */
export interface Watch {
  /** Aborted by a request to stop, or, with a `QuickstartError`, by a program that has ended by itself. */
  readonly signal: AbortSignal;
  /** Rejects with the signal's reason. */
  readonly over: Promise<never>;
  add(program: ChildProgram): ChildProgram;
  running(): ChildProgram[];
}

export function createWatch(stop: AbortSignal): Watch {
  const failure = new AbortController();
  const signal = AbortSignal.any([stop, failure.signal]);
  const running = new Set<ChildProgram>();
  const over = abortable(new Promise<never>(() => undefined), signal);
  over.catch(() => undefined); // Whoever waits for it is told; nobody need wait.
  return {
    signal,
    over,
    add(program) {
      running.add(program);
      void program.ended
        .then((ending) => failure.abort(endedByItself(program, ending)))
        .catch((error: Error) => failure.abort(new QuickstartError(`${program.name} did not start: ${error.message}`)))
        .finally(() => running.delete(program));
      return program;
    },
    running: () => [...running],
  };
}

/** Settles like the promise, or rejects with the signal's reason if that is aborted first. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** A program that gives up says why in a line of plain text; without one, the end of its log has to do. */
function endedByItself(program: ChildProgram, { code, signal }: Ending): QuickstartError {
  const lines = program.log().trimEnd().split('\n');
  const lastWords = lines.at(-1) ?? '';
  if (code !== null && code !== 0 && lastWords !== '' && !lastWords.startsWith('{'))
    return new QuickstartError(lastWords);
  const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
  const log = lines.slice(-shownLines).map((line) => `  ${line}`);
  return new QuickstartError(
    [`${program.name} ended unexpectedly, ${how}. The end of ${program.logFile}:`, ...log].join('\n'),
  );
}
