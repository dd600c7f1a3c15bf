import { randomBytes, randomUUID } from 'node:crypto';
import { Client, type ClientConfig } from 'pg';

/** Somebody who only writes what a run of the throughput measurement writes, in as many commits, and does nothing else. */
export interface BarePostgres {
  /** Each writes a run over a connection of its own. */
  writers: (() => Promise<void>)[];
  end: () => Promise<void>;
}

export async function connectBarePostgres(address: ClientConfig, atOnce: number): Promise<BarePostgres> {
  const clients = await Promise.all(Array.from({ length: atOnce }, () => connect(address)));
  const key = await anyKey(clients[0]);
  return {
    writers: clients.map((client) => () => writeRun(client, key)),
    async end() {
      await Promise.all(clients.map((client) => client.end()));
    },
  };
}

interface Key {
  id: string;
  team_id: string;
}

async function connect(address: ClientConfig): Promise<Client> {
  const client = new Client(address);
  await client.connect();
  return client;
}

async function anyKey(client: Client | undefined): Promise<Key> {
  const answer = await client?.query<Key>('select id, team_id from api_keys limit 1');
  const key = answer?.rows[0];
  if (key === undefined) throw new Error('The database has no API key.');
  return key;
}

/** Its four commits, each one statement, prepared once a connection. */
async function writeRun(client: Client, key: Key): Promise<void> {
  const [run, execution] = [randomUUID(), randomUUID()];
  await client.query({
    name: 'create',
    text: create,
    values: [run, key.team_id, key.id, '{"harness": {"type": "shell"}}'],
  });
  await client.query({ name: 'offer', text: offer, values: [run, execution, key.team_id, key.id, randomBytes(32)] });
  await client.query({ name: 'claim', text: move('CLAIMED', 'claimed'), values: [run, execution] });
  await client.query({ name: 'end', text: move('ERROR', 'ended'), values: [run, execution] });
}

const event = (type: string) =>
  `insert into events (run_id, execution_id, type, data, occurred_at) values ($1, $2, '${type}', '{"state": "x"}', now())`;

const create = `
  with run as (
    insert into runs (id, team_id, state, title, prompt, config, source, creator_type, creator_uid, conversation_id,
      created_at, updated_at, queued_at)
    values ($1, $2, 'BARE', 'true', 'true', $4, 'API', 'service_account', $3, gen_random_uuid(), now(), now(), now())
  )
  insert into events (run_id, type, data, occurred_at) values ($1, 'run_queued', '{"state": "x"}', now())`;

const offer = `
  with run as (update runs set state = 'PENDING', fence = 1, updated_at = now() where id = $1),
  execution as (
    insert into executions (id, run_id, team_id, fence, state, worker_id, api_key_id, token_hash, answer_by,
      time_limit_at, offered_at)
    values ($2, $1, $3, 1, 'offered', 'bare', $4, $5, now() + interval '1 day', now() + interval '1 day', now())
  )
  ${event('run_offered')}`;

const move = (run: string, execution: string) => `
  with run as (update runs set state = '${run}', updated_at = now() where id = $1),
  execution as (update executions set state = '${execution}', answer_by = null where id = $2)
  ${event('run_moved')}`;
