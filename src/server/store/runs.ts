import { sql, type Kysely } from 'kysely';
import type { RunId } from '../../protocol/ids.ts';
import type { RunState } from '../../protocol/states.ts';
import type { Schema } from './schema.ts';

export interface RunOfTeam {
  id: RunId;
  fence: number;
  state: RunState;
}

export function findRunOfTeam(db: Kysely<Schema>, teamId: string, id: RunId): Promise<RunOfTeam | undefined> {
  return db
    .selectFrom('runs')
    .select(['id', 'fence', 'state'])
    .where('id', '=', id)
    .where('team_id', '=', teamId)
    .executeTakeFirst();
}

export interface ExpiredRun extends RunOfTeam {
  team_id: string;
  worker_host: string | null;
}

/** Runs that have been queued since before `since`. */
export function expiredRuns(db: Kysely<Schema>, since: Date, limit: number): Promise<ExpiredRun[]> {
  return db
    .selectFrom('runs')
    .select(['id', 'fence', 'state', 'team_id', 'worker_host'])
    .where(sql<boolean>`state = 'QUEUED'`)
    .where('queued_at', '<=', since)
    .orderBy('queued_at')
    .limit(limit)
    .execute();
}
