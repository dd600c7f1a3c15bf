import { randomUUID } from 'node:crypto';
import { insertFirstPeople } from '../store/people.ts';
import type { Database } from '../store/database.ts';

/** The first admin's address, until a person with one of their own takes over; no mail is ever sent to it. */
const firstAdminEmail = 'admin@emerald.internal';

/** An empty database gets an admin and a team, so that there is somebody to sign in. Says whether it did. */
export async function makeFirstAdmin(db: Database): Promise<boolean> {
  return await insertFirstPeople(db, {
    user: { id: randomUUID(), name: 'Admin', email: firstAdminEmail },
    team: { id: randomUUID(), name: 'Team' },
  });
}
