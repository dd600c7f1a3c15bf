-- People. The four tables with camel-case columns belong to better-auth.
create table users (
  id text primary key,
  name text not null,
  email text not null unique,
  "emailVerified" boolean not null,
  image text,
  "createdAt" timestamptz not null default now(),
  "updatedAt" timestamptz not null default now()
);
create table sessions (
  id text primary key,
  "expiresAt" timestamptz not null,
  token text not null unique,
  "createdAt" timestamptz not null default now(),
  "updatedAt" timestamptz not null,
  "ipAddress" text,
  "userAgent" text,
  "userId" text not null references users (id) on delete cascade
);
create index sessions_user on sessions ("userId");
create table accounts (
  id text primary key,
  "accountId" text not null,
  "providerId" text not null,
  "userId" text not null references users (id) on delete cascade,
  "accessToken" text,
  "refreshToken" text,
  "idToken" text,
  "accessTokenExpiresAt" timestamptz,
  "refreshTokenExpiresAt" timestamptz,
  scope text,
  password text,
  "createdAt" timestamptz not null default now(),
  "updatedAt" timestamptz not null
);
create index accounts_user on accounts ("userId");
create table verifications (
  id text primary key,
  identifier text not null,
  value text not null,
  "expiresAt" timestamptz not null,
  "createdAt" timestamptz not null default now(),
  "updatedAt" timestamptz not null default now()
);
create index verifications_identifier on verifications (identifier);

create table teams (
  id uuid primary key,
  -- The official protocol names a task's owner by an integer.
  number integer generated always as identity unique,
  name text not null,
  created_at timestamptz not null default now()
);
create table team_members (
  team_id uuid not null references teams (id) on delete cascade,
  user_id text not null references users (id) on delete cascade,
  role text not null check (role in ('admin', 'member')),
  primary key (team_id, user_id)
);
create index team_members_user on team_members (user_id);

-- A machine's credential. Only its SHA-256 is kept; the suffix is what people tell keys apart by.
create table api_keys (
  id uuid primary key,
  team_id uuid not null references teams (id) on delete cascade,
  name text not null,
  key_hash bytea not null unique,
  key_suffix text not null,
  created_at timestamptz not null default now(),
  last_used_at timestamptz,
  expires_at timestamptz
);

create table runs (
  id uuid primary key,
  team_id uuid not null references teams (id),
  state text not null,
  -- Rises with each execution; whoever speaks with an older one is refused.
  fence integer not null default 0,
  title text not null,
  prompt text not null,
  config jsonb not null,
  -- The worker id to run on; null is any worker of the team with room.
  worker_host text,
  source text not null,
  creator_type text not null check (creator_type in ('user', 'service_account')),
  creator_uid text not null,
  conversation_id uuid not null,
  parent_run_id uuid references runs (id),
  metadata jsonb not null default '{}',
  status_message text,
  error_code text,
  retryable boolean,
  -- Counts from the agent's first accepted call of an execution.
  attempts integer not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  -- When it entered the queue: what its expiry counts from. A withdrawn offer leaves it as it is.
  queued_at timestamptz not null,
  started_at timestamptz,
  ended_at timestamptz
);
-- One queue a team and host, so that runs for an absent host stand in nobody's way; '' is the queue for any worker.
create index runs_queue on runs (team_id, coalesce(worker_host, ''), created_at, id) where state = 'QUEUED';
create index runs_queue_expiry on runs (queued_at) where state = 'QUEUED';
create index runs_by_update on runs (team_id, updated_at desc, id desc);
create index runs_by_creation on runs (team_id, created_at desc, id desc);
create index runs_children on runs (parent_run_id) where parent_run_id is not null;

create table executions (
  id uuid primary key,
  run_id uuid not null references runs (id) on delete cascade,
  team_id uuid not null references teams (id),
  fence integer not null,
  state text not null,
  worker_id text not null,
  -- The key that the worker's connection was made with: with the worker id it identifies a stock daemon.
  api_key_id uuid not null references api_keys (id),
  -- SHA-256 of the agent's token, good until the execution's end and a short grace.
  token_hash bytea not null unique,
  turn integer not null default 0,
  -- The turn whose outcome was taken; it is taken once.
  outcome_turn integer not null default 0,
  cancel_requested_at timestamptz,
  -- Why the server ends it early: what its end is then taken for.
  end_intent text check (end_intent in ('cancelled', 'time_limit')),
  -- What the sweep acts on when it has passed. An answer is due: to an offer, later to the request to end.
  answer_by timestamptz,
  -- When the server asks for its end by itself.
  time_limit_at timestamptz,
  -- Since when no connection of its worker is open, and when it is given up for that; null while one is open.
  unreachable_since timestamptz,
  lost_at timestamptz,
  offered_at timestamptz not null,
  claimed_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  end_reason text,
  exit_code integer,
  unique (run_id, fence)
);
create unique index executions_one_live on executions (run_id)
  where state in ('offered', 'claimed', 'preparing', 'running', 'idle', 'ending');
create index executions_due on executions (least(answer_by, time_limit_at, lost_at))
  where state in ('offered', 'claimed', 'preparing', 'running', 'idle', 'ending');
create index executions_of_worker on executions (team_id, worker_id)
  where state in ('offered', 'claimed', 'preparing', 'running', 'idle', 'ending');

-- What happened, for people and subscribers; written in the transaction of the transition that it tells of.
create table events (
  sequence bigint generated always as identity primary key,
  run_id uuid not null references runs (id) on delete cascade,
  execution_id uuid,
  type text not null,
  data jsonb not null,
  occurred_at timestamptz not null
);
create index events_of_run on events (run_id, sequence);

-- What must still be told to somebody outside, written in the same transaction; a row goes once it has been said.
create table outbox (
  id bigint generated always as identity primary key,
  topic text not null check (topic in ('task_cancellation')),
  run_id uuid not null references runs (id) on delete cascade,
  execution_id uuid not null references executions (id) on delete cascade,
  created_at timestamptz not null
);
create index outbox_of_execution on outbox (execution_id);

create table transcript_entries (
  run_id uuid not null references runs (id) on delete cascade,
  index integer not null,
  execution_id uuid not null,
  entry jsonb not null,
  primary key (run_id, index)
);

create table console_chunks (
  id bigint generated always as identity primary key,
  run_id uuid not null references runs (id) on delete cascade,
  execution_id uuid not null,
  stream text not null check (stream in ('setup', 'agent', 'teardown')),
  -- Masked bytes of the stream before this chunk. "offset" is a word of SQL's own.
  byte_offset bigint not null,
  data bytea not null,
  unique (execution_id, stream, byte_offset)
);
create index console_chunks_of_run on console_chunks (run_id, id);

create table idempotency_keys (
  team_id uuid not null references teams (id) on delete cascade,
  key text not null,
  -- SHA-256 of the request's body: the same key with another body is refused.
  request_hash bytea not null,
  run_id uuid not null references runs (id) on delete cascade,
  created_at timestamptz not null,
  primary key (team_id, key)
);
