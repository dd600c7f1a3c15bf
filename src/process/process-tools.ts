import type { Clock } from '../common/clock.ts';
import type { ProcessTable } from './process-table.ts';

/** What ending processes needs of the machine. */
export interface ProcessTools {
  table: ProcessTable;
  clock: Clock;
}
