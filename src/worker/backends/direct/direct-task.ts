import type { Logger } from '../../../common/logger.ts';
import type { ProcessTools } from '../../../process/process-tools.ts';
import type { StartedProcess } from '../../../process/start-process.ts';
import type { Place, PlaceSettings } from '../../workspace/place.ts';
import type { Task } from '../backend.ts';
import type { AgentArgumentSettings } from './agent-arguments.ts';
import type { OzProgram } from './oz-program.ts';
import type { EnvironmentSettings } from './task-environment.ts';

export interface DirectSettings {
  oz: OzProgram;
  places: PlaceSettings;
  environment: EnvironmentSettings;
  args: AgentArgumentSettings;
  setupCommand: string | undefined;
  teardownCommand: string | undefined;
  /** How long a task has between SIGTERM and SIGKILL, in milliseconds. */
  grace: number;
  /** How long teardown may take, in milliseconds. */
  teardownLimit: number;
  /** Aborted when the daemon cannot wait any longer: whatever still runs is killed. */
  hurry: AbortSignal;
}

export interface DirectTools extends ProcessTools {
  log: Logger;
}

/** One task as the stages of its life see it. */
export interface DirectTask extends Task {
  readonly place: Place;
  readonly settings: DirectSettings;
  readonly tools: DirectTools;
  /** Everything that was started for it, in order. */
  readonly started: StartedProcess[];
  /** Those of them that are being ended, so that none is ended twice at a time. */
  readonly ending: Map<StartedProcess, Promise<void>>;
  /** Values that must not be shown, as they become known. */
  readonly secrets: string[];
}
