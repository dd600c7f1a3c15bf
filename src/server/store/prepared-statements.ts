import { createHash } from 'node:crypto';
import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type { Pool, PoolClient } from 'pg';

/** Each connection keeps the plans of as many; what comes later is planned anew each time. */
const mostStatements = 200;
/** One with more parameters writes or names a list: its text is another for each length, and seldom comes again. */
const mostParameters = 32;

/**
 * Lets each connection parse and plan a statement once, under a name, instead of each time: for the larger ones that
 * costs several times what running them does.
 *
 * Behind a pooler that hands the connection on after each transaction, a name may be unknown or taken, and so may a plan
 * be out of date after a migration. Postgres says so before it runs anything; the statement is run without a name then,
 * and so are all from then on. The name is made from the text, so that it never stands for another statement.
 */
export function preparingPool(pool: Pool): PostgresPool {
  const names = new StatementNames();
  const known = new WeakMap<PoolClient, PostgresPoolClient>();
  const preparing = (client: PoolClient) => {
    const made = known.get(client) ?? preparingClient(client, names);
    known.set(client, made);
    return made;
  };
  return {
    options: pool.options,
    connect: async () => preparing(await pool.connect()),
    end: () => pool.end(),
  };
}

function preparingClient(client: PoolClient, names: StatementNames): PostgresPoolClient {
  const query = async (text: string, parameters: readonly unknown[]) => {
    const values = [...parameters];
    // In a transaction there is no second try: the failure would have broken the transaction.
    const isAlone = client.getTransactionStatus() === 'I';
    const name = isAlone && values.length > 0 && values.length <= mostParameters ? names.of(text) : undefined;
    if (name === undefined) return await client.query(text, values);
    try {
      return await client.query({ name, text, values });
    } catch (error) {
      if (!isAboutName(error)) throw error;
      names.giveUp();
      return await client.query(text, values);
    }
  };
  // The other signature is for cursors, which Kysely is given none of.
  return { query: query as unknown as PostgresPoolClient['query'], release: (destroy) => client.release(destroy) };
}

class StatementNames {
  readonly #names = new Map<string, string>();
  #isGivenUp = false;

  of(text: string): string | undefined {
    if (this.#isGivenUp) return undefined;
    const known = this.#names.get(text);
    if (known !== undefined || this.#names.size >= mostStatements) return known;
    const name = `oz_${createHash('sha256').update(text).digest('base64url').slice(0, 22)}`;
    this.#names.set(text, name);
    return name;
  }

  giveUp(): void {
    this.#isGivenUp = true;
  }
}

/** invalid_sql_statement_name, duplicate_prepared_statement, and "cached plan must not change result type". */
function isAboutName(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return code === '26000' || code === '42P05' || (code === '0A000' && error.message.startsWith('cached plan'));
}
