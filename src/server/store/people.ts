import { sql } from 'kysely';
import type { Database } from './database.ts';

export interface Membership {
  user: { id: string; name: string; email: string };
  team: { id: string; name: string };
  role: 'admin' | 'member';
}

export async function findMembership(db: Database, userId: string): Promise<Membership | undefined> {
  const row = await memberships(db).where('users.id', '=', userId).executeTakeFirst();
  return row && toMembership(row);
}

/** The member with this address, or, without one, the first admin. */
export async function findMember(db: Database, email: string | undefined): Promise<Membership | undefined> {
  const rows = memberships(db);
  const found = email === undefined ? rows.where('team_members.role', '=', 'admin') : rows.where('email', '=', email);
  const row = await found.orderBy(sql`users."createdAt"`).executeTakeFirst();
  return row && toMembership(row);
}

export interface FirstPeople {
  user: { id: string; name: string; email: string };
  team: { id: string; name: string };
}

/** Makes the first admin and team where nobody is yet; of several servers that start at once, one does. */
export async function insertFirstPeople(db: Database, { user, team }: FirstPeople): Promise<boolean> {
  return await db.transaction().execute(async (transaction) => {
    await sql`lock table users in share row exclusive mode`.execute(transaction);
    if (await transaction.selectFrom('users').select('id').limit(1).executeTakeFirst()) return false;
    await sql`insert into users (id, name, email, "emailVerified") values (${user.id}, ${user.name}, ${user.email}, true)`.execute(
      transaction,
    );
    await transaction.insertInto('teams').values(team).execute();
    await transaction
      .insertInto('team_members')
      .values({ team_id: team.id, user_id: user.id, role: 'admin' })
      .execute();
    return true;
  });
}

function memberships(db: Database) {
  return db
    .selectFrom('team_members')
    .innerJoin('users', 'users.id', 'team_members.user_id')
    .innerJoin('teams', 'teams.id', 'team_members.team_id')
    .select(['users.id as user_id', 'users.name as user_name', 'users.email', 'team_members.role'])
    .select(['teams.id as team_id', 'teams.name as team_name']);
}

interface MembershipRow {
  user_id: string;
  user_name: string;
  email: string;
  role: 'admin' | 'member';
  team_id: string;
  team_name: string;
}

function toMembership(row: MembershipRow): Membership {
  return {
    user: { id: row.user_id, name: row.user_name, email: row.email },
    team: { id: row.team_id, name: row.team_name },
    role: row.role,
  };
}
