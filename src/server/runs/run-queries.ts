import { z } from 'zod';
import type { Clock } from '../../common/clock.ts';
import { CodedError } from '../../protocol/errors.ts';
import type { RunId } from '../../protocol/ids.ts';
import type { ListRunsQuery, RunItem, RunList } from '../../protocol/runs.ts';
import type { Entry } from '../../protocol/transcript.ts';
import { requireReach, unknownRun } from '../auth/permissions.ts';
import type { Principal } from '../auth/principal.ts';
import type { Database } from '../store/database.ts';
import { entriesAfter } from '../store/run-history.ts';
import { findRun, listRuns, type ListPlace, type RunRow } from '../store/run-rows.ts';
import { toRunItem } from './run-item.ts';

/** All reading about runs. A run of another team is unknown. */
export interface RunQueries {
  get(by: Principal, runId: RunId): Promise<RunItem>;
  list(by: Principal, query: ListRunsQuery): Promise<RunList>;
  allEntries(runId: RunId): Promise<Entry[]>;
}

export interface RunQueriesOptions {
  db: Database;
  clock: Clock;
  whyWaiting: (run: RunRow) => string;
}

export function createRunQueries({ db, clock, whyWaiting }: RunQueriesOptions): RunQueries {
  const toItem = (row: RunRow) => toRunItem(row, { now: clock.now(), whyWaiting });
  return {
    async get(by, runId) {
      requireReach(by, runId);
      const row = await findRun(db, by.teamId, runId);
      if (!row) throw unknownRun(runId);
      return toItem(row);
    },
    list: (by, query) => list(db, by, query, toItem),
    allEntries: (runId) => entriesAfter(db, runId, -1),
  };
}

async function list(
  db: Database,
  by: Principal,
  query: ListRunsQuery,
  toItem: (row: RunRow) => RunItem,
): Promise<RunList> {
  if (by.kind === 'agent') return await listOwn(db, by.teamId, by.runId, toItem);
  const after = query.cursor === undefined ? undefined : readCursor(query.cursor);
  const order = after ?? { by: query.sort_by, order: query.sort_order };
  // One more than asked for tells whether a next page exists.
  const rows = await listRuns(db, {
    teamId: by.teamId,
    by: order.by,
    order: order.order,
    after,
    states: query.state,
    limit: query.limit + 1,
  });
  const page = rows.slice(0, query.limit);
  const last = page.at(-1);
  const hasNext = rows.length > page.length && last !== undefined;
  return {
    runs: page.map(toItem),
    page_info: {
      has_next_page: hasNext,
      ...(hasNext && { next_cursor: writeCursor({ ...order, at: last.sorted_at, id: last.id }) }),
    },
  };
}

async function listOwn(db: Database, teamId: string, runId: RunId, toItem: (row: RunRow) => RunItem): Promise<RunList> {
  const row = await findRun(db, teamId, runId);
  return { runs: row ? [toItem(row)] : [], page_info: { has_next_page: false } };
}

const placeSchema = z.tuple([
  z.enum(['updated_at', 'created_at']),
  z.enum(['asc', 'desc']),
  z
    .string()
    .regex(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?[+-](0\d|1[0-5])(:[0-5]\d){0,2}$/)
    .refine(isInCalendar),
  z.uuid(),
]);

/** Whether there is such a day and such a time of it: the database takes no other. */
function isInCalendar(timestamp: string): boolean {
  const written = timestamp.slice(0, 'YYYY-MM-DD HH:MM:SS'.length).replace(' ', 'T');
  const time = new Date(`${written}Z`);
  return !written.startsWith('0000') && !Number.isNaN(time.getTime()) && time.toISOString().startsWith(written);
}

function writeCursor({ by, order, at, id }: ListPlace): string {
  return Buffer.from(JSON.stringify([by, order, at, id])).toString('base64url');
}

function readCursor(cursor: string): ListPlace {
  try {
    const [by, order, at, id] = placeSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    return { by, order, at, id };
  } catch (cause) {
    throw new CodedError('invalid_request', `The cursor "${cursor.slice(0, 64)}" is not one of this server.`, {
      cause,
    });
  }
}
