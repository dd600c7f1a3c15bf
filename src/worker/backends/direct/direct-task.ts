import type { Containment, ContainmentLimits, Containments } from '../../../process/containment.ts';
import type { ProcessTools } from '../../../process/process-tools.ts';
import type { RecordedProcess } from '../../../process/recorded-process.ts';
import type { ConsoleStream } from '../../../protocol/streams.ts';
import type { Place, PlaceSettings } from '../../workspace/place.ts';
import type { Task, TaskOutcome } from '../backend.ts';
import type { AgentArgumentSettings } from './agent-arguments.ts';
import type { DirectState } from './direct-state.ts';
import type { Isolation, TaskIsolation } from './isolation/isolation.ts';
import type { OzProgram } from './oz-program.ts';
import type { EnvironmentSettings } from './task-environment.ts';

export interface DirectSettings {
  oz: OzProgram & { isOurs: boolean };
  places: PlaceSettings;
  isolation: Isolation;
  environment: EnvironmentSettings;
  args: AgentArgumentSettings;
  setupCommand: string | undefined;
  teardownCommand: string | undefined;
  limits: ContainmentLimits & { output?: number | undefined };
  /** How long a task has between SIGTERM and SIGKILL, in milliseconds. */
  grace: number;
  /** How long teardown may take, in milliseconds. */
  teardownLimit: number;
  /** Aborted when the daemon cannot wait any longer: whatever still runs is killed. */
  hurry: AbortSignal;
}

export interface DirectTools extends ProcessTools {
  containments: Containments;
}

/** One task as the stages of its life see it. */
export interface DirectTask extends Task {
  /** Its workspace may be moved aside meanwhile. */
  place: Place;
  readonly settings: DirectSettings;
  readonly tools: DirectTools;
  /** Whether an earlier daemon had it before. */
  readonly isInherited: boolean;
  state: DirectState;
  /** Holds all its processes together. */
  containment: Containment;
  /** Keeps it from the machine and from other tasks. */
  isolation: TaskIsolation;
  /** Its three commands, as far as they were started. */
  readonly processes: Map<ConsoleStream, RecordedProcess>;
  /** For each command, how many records of it there are; all but the last never began. */
  readonly records: Map<ConsoleStream, number>;
  outcome?: TaskOutcome | undefined;
  /** While its processes are being ended, so that they are not ended twice at a time. */
  ending?: Promise<void> | undefined;
}

/** Changes what the task knows of itself, here and on disk. */
export async function save(task: DirectTask, change: Partial<DirectState>): Promise<void> {
  task.state = { ...task.state, ...change };
  await task.memory.save(task.state);
}

/** What the task's environments are made of: where it runs as somebody else, some of the host's variables are theirs. */
export function environmentSettings({ settings: { environment }, isolation }: DirectTask): EnvironmentSettings {
  return { ...environment, host: { ...environment.host, ...isolation.host } };
}
