import type { FileHandle } from 'node:fs/promises';
import type { ConsoleStream } from '../../../../protocol/streams.ts';

/**
 * What keeps a task from the machine and from other tasks, as far as the configuration asks for it: another user for all
 * three of its commands, a sandbox for its agent, a temporary folder of its own. Nothing asked for is nothing done.
 */
export interface Isolation {
  /** Makes what the task needs beside its workspace, and gives its workspace to the user that it runs as. */
  forTask(place: IsolatedPlace, slot: number): Promise<TaskIsolation>;
  /** Of a task that an earlier daemon began, for what is left to do: its teardown and its removal. */
  reopen(place: IsolatedPlace, state: IsolationState): TaskIsolation;
}

/** The folders of one task. Those above them are the daemon's, so that no task can put another in their place. */
export interface IsolatedPlace {
  workspace: string;
  /** Whether the workspace is the operator's, for all tasks: its owner stays. */
  isShared: boolean;
  /** The task's folder in the daemon's state folder. */
  state: string;
}

export interface TaskIsolation {
  /** For the journal. */
  readonly state: IsolationState;
  /**
   * `<state>/own`: the folder for what the task itself reads and writes, such as its environment file. The rest of its
   * state folder stays the daemon's.
   */
  readonly own: string;
  /** What stands for the daemon's own variables of these names, such as HOME; undefined is one that the task lacks. */
  readonly host: Readonly<Record<string, string | undefined>>;
  /** How a command is put into the isolation. `environment` is all that it is to see. */
  enter(stage: ConsoleStream, environment: Readonly<Record<string, string>>): Entrance;
  /** Gives a file that the daemon made in `own` to the task's user; by its name, the user might exchange it before. */
  give(file: Pick<FileHandle, 'chown'>): Promise<void>;
  /** Removes a folder with all it holds, and follows no link that the task left, or that its user puts there meanwhile. */
  remove(folder: string): Promise<void>;
  /** Removes what was made for the task beside its workspace and `own`; all its processes are over. */
  close(): Promise<void>;
}

export interface Entrance {
  /** Stands in front of the program and its arguments. */
  readonly through: readonly string[];
  /** What the first program of `through` is started with: nothing by which a task could have a say in it. */
  readonly environment: Readonly<Record<string, string>>;
}

/** The user that a task runs as. */
export interface TaskUser {
  uid: number;
  gid: number;
  /** Undefined for a number without an entry among the users. */
  name: string | undefined;
  home: string | undefined;
}

export interface IsolationState {
  user: TaskUser | null;
}
