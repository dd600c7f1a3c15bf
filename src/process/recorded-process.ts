import type { Exit } from './exit.ts';
import type { Command, StartedProcess } from './start-process.ts';

/**
 * A command whose life is written down on disk, so that whoever comes after this program finds out what became of it:
 *
 * ```
 * record made → begun (who runs it) → ended (its exit code)
 *             ↘ closed: it never began, and never will
 * ```
 */
export interface RecordedCommand extends Command {
  /** A private folder, made by the caller for this command alone, which the files of its record go to. */
  record: string;
  /** Arguments put in front of the program once it is contained: another user, a sandbox. */
  through: readonly string[];
}

/** The process of a recorded command, also of one that an earlier life of this program started. */
export interface RecordedProcess extends StartedProcess {
  readonly record: string;
  /** Without a code and a signal when nobody was left to see its end: its shim was killed, or the machine went down. */
  readonly exited: Promise<Exit>;
  /** Stops watching it; it runs on, and its record is written on. `exited` stays pending. */
  release(): void;
}
