import type { WorkerConfig } from '../../../config/config.ts';
import type { OzProgram } from '../oz-program.ts';

export interface IsolationOptions {
  config: Pick<WorkerConfig, 'direct' | 'server' | 'sessionSharingServerUrl' | 'maxConcurrentTasks' | 'stateDir'>;
  configFile: string | undefined;
  /** The daemon's own folder, below `stateDir`. */
  stateFolder: string;
  oz: OzProgram;
  host: Readonly<Record<string, string | undefined>>;
  /** `egress-proxy` and `egress-relay`, beside the worker's main program, and the ending of their names. */
  programs: { folder: string; extension: string };
}
