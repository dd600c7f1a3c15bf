-- The second worker protocol: leases, attempts, idle time, and what went wrong beside the outcome.

-- How often the agent may begin; null is what the server is set to.
alter table runs add column max_attempts integer;
-- Executions that the platform lost before their agent began: the run was queued again for each, up to a bound.
alter table runs add column setbacks integer not null default 0;

-- The daemon that has it, as its hello named itself; null for a stock daemon, whose lease is its connection.
alter table executions add column instance_id uuid;
-- Its worker was heard of less than a lease before this; past it, the execution is shown as unreachable.
alter table executions add column lease_until timestamptz;
-- What its worker was told: it ends the task by its own clock after so long without contact. Null: no other attempt may
-- start sooner than a lost worker is given up.
alter table executions add column fence_after_seconds integer;
alter table executions add column teardown_problem text;

drop index executions_of_worker;
create index executions_of_worker on executions (team_id, worker_id, instance_id)
  where state in ('offered', 'claimed', 'preparing', 'running', 'idle', 'ending');
-- What a daemon does not accept is never offered to it again.
create index executions_not_accepted on executions (instance_id) where end_reason = 'not_accepted';
