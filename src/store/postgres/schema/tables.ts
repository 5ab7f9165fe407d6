/**
 * Owns the tables of schema version 1. Stored format: released migrations are never edited, only
 * followed by others.
 *
 * Times of the wall clock are milliseconds since 1970 by the server's clock; times of the judge's
 * clock are milliseconds that nodes have counted since the schema was made. The numbers of stages
 * and outcomes are those of `src/store/run-tuple.ts`.
 *
 * M1 `runs` and `ended` are only ever inserted into (and pruned): they have no dead rows to speak
 *    of. What changes is in `live`, which holds a row only while a run is unfinished or its code
 *    lingers, so that no cost grows with history.
 * M2 No row is updated in place again and again: a row that each transaction changes would become a
 *    chain of dead versions as soon as anybody holds a snapshot, and every reader would walk it.
 *    What changes that often is a *cell*: its version number `n` is part of the key, the newest is
 *    found from the right end of the index, and dead versions lie to the left, where nobody looks.
 * M3 For the same reason the hand-out begins at a *floor*, the place up to which a function's order
 *    has been handed out: the dead entries of an index lie before it.
 */
export const tablesSql = (s: string): string => `
create table ${s}.meta (
  key text not null primary key,
  value text not null
);

-- Small values with many changes, as versions: the clock of the fair order, the turns of tenants,
-- the floors of functions, the number of live rows, the judge's clock, the name of the epoch.
create table ${s}.cells (
  kind text not null,
  key text not null,
  n bigint not null,
  a double precision not null,
  b double precision not null default 0,
  c double precision not null default 0,
  d double precision not null default 0,
  primary key (kind, key, n)
);
insert into ${s}.cells (kind, key, n, a, b) values ('live', '', 1, 0, 0);
insert into ${s}.cells (kind, key, n, a) values ('judge', '', 1, 0);

create sequence ${s}.run_seq;
create sequence ${s}.node_seq;
create sequence ${s}.policy_seq;

-- What is fixed when a run is accepted. \`tags\` is JSON.
create table ${s}.runs (
  seq bigint not null primary key,
  id text not null,
  fn text not null,
  lane text,
  lane_width integer not null,
  tenant text not null,
  priority_seconds double precision not null,
  tags text not null,
  policy bigint not null,
  accepted_at double precision not null,
  deadline_at double precision,
  retry_of text,
  input text not null
);
create unique index runs_id on ${s}.runs (id);

-- One row for each run that is not done, or whose code lingers. What has a fixed width and is never
-- null comes first, because the server finds it without walking over what stands before.
create table ${s}.live (
  seq bigint not null primary key,
  fence bigint not null,
  attempt integer not null,
  failures integer not null,
  crashes integer not null,
  stage smallint not null,
  lane_held boolean not null,
  tenant_held boolean not null,
  fn text not null,
  tenant text not null,
  lane text,
  deadline_at double precision,
  due_at double precision,
  rank double precision,
  tag double precision,
  wait_key double precision,
  owner bigint,
  started_at double precision,
  stop_cause text,
  stop_reason text,
  stop_since double precision,
  overdue_at double precision,
  overdue_cause text,
  finished_at double precision,
  error text
) with (
  fillfactor = 80,
  autovacuum_vacuum_scale_factor = 0.02,
  autovacuum_vacuum_threshold = 2000,
  autovacuum_analyze_scale_factor = 0.2,
  autovacuum_vacuum_cost_delay = 0
);
-- The order of hand-out of each function.
create index live_ready on ${s}.live (fn, rank, seq) where stage = 4;
-- Who waits for a lane, and who holds a place in it.
create index live_lane on ${s}.live (lane, seq) where stage = 2;
create index live_lane_held on ${s}.live (lane, seq) where lane_held;
-- Who waits for the limit of a tenant, and who holds a place of it.
create index live_tenant on ${s}.live (tenant, wait_key, seq) where stage = 3;
create index live_tenant_held on ${s}.live (tenant, seq) where tenant_held;
-- Everybody who waits at any gate.
create index live_queued on ${s}.live (tenant, seq) where stage <= 4;
-- What the passing of time does: come due, pass a deadline, be overdue.
create index live_due on ${s}.live (due_at, seq)
  where due_at is not null and (stage = 1 or stage = 6);
create index live_deadline on ${s}.live (deadline_at, seq)
  where deadline_at is not null and stage <> 5 and stage <> 8;
create index live_overdue on ${s}.live (overdue_at, seq) where overdue_at is not null;
-- What a node owns: running runs, and ended ones whose code lingers.
create index live_owner on ${s}.live (owner, seq) where owner is not null;
-- For lists: the few that are parked or set aside.
create index live_aside on ${s}.live (stage, seq) where stage = 6 or stage = 7;

-- How a run ended, and what it gave. \`error\` and \`result\` are JSON.
create table ${s}.ended (
  seq bigint not null primary key,
  outcome smallint not null,
  finished_at double precision not null,
  error text,
  result text,
  attempt integer not null,
  fence bigint not null,
  failures integer not null,
  crashes integer not null,
  started_at double precision
) with (autovacuum_vacuum_cost_delay = 0, autovacuum_vacuum_insert_scale_factor = 0.2);
-- For retention: ended runs of each outcome, oldest first.
create index ended_finished on ${s}.ended (outcome, finished_at, seq);

-- Attempts that did not succeed. \`ending\` is a word of the attempt's end; \`error\` is JSON.
create table ${s}.attempts (
  seq bigint not null,
  attempt integer not null,
  node text,
  started_at double precision not null,
  ended_at double precision not null,
  ending text not null,
  error text,
  primary key (seq, attempt)
);

create table ${s}.progress (seq bigint not null primary key, progress text not null)
  with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
-- Log lines, numbered from 1 within a run, and how many were dropped over the bound.
create table ${s}.log_lines (
  seq bigint not null,
  n integer not null,
  attempt integer not null,
  at double precision not null,
  level text not null,
  message text not null,
  fields text,
  primary key (seq, n)
);
create table ${s}.log_drops (seq bigint not null primary key, dropped integer not null);

-- \`process\` and \`functions\` are JSON. Times of renewal are of the judge's clock.
create table ${s}.nodes (
  node bigint not null primary key,
  name text not null,
  process text not null,
  state text not null,
  joined_at double precision not null,
  ended_at double precision,
  ttl_ms double precision not null,
  renewed_at double precision not null,
  slots integer not null,
  functions text not null
) with (fillfactor = 20, autovacuum_vacuum_threshold = 100, autovacuum_vacuum_cost_delay = 0);

create table ${s}.tenants (
  tenant text not null primary key,
  weight double precision not null,
  running_max integer,
  waiting_max integer
);
create table ${s}.pauses (
  kind text not null,
  key text not null,
  reason text not null,
  since double precision not null,
  primary key (kind, key)
);
-- What definitions say about their runs, once per content. \`content\` is JSON with sorted keys;
-- the columns beside it are what the hand-out needs of it.
create table ${s}.policies (
  policy bigint not null primary key,
  content text not null unique,
  attempt_timeout_ms double precision,
  grace_ms double precision not null
);

-- Runs that were started inside the transactions of others, until a sweep accepts them.
create table ${s}.inbox (
  n bigint not null primary key generated always as identity,
  item jsonb not null
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

${runRowsSql(s, '')}`;

/** Every run as one row; `more` columns stand at its end. */
export const runRowsSql = (s: string, more: string): string => `
-- Every run as one row, whichever tables it stands in.
create view ${s}.run_rows as
  select r.seq, r.id, r.fn, r.lane, r.lane_width, r.tenant, r.priority_seconds, r.tags, r.policy,
    r.accepted_at, r.deadline_at, r.retry_of,
    case when e.seq is null then l.stage else 8 end as stage,
    coalesce(e.attempt, l.attempt) as attempt,
    coalesce(e.fence, l.fence) as fence,
    coalesce(e.failures, l.failures) as failures,
    coalesce(e.crashes, l.crashes) as crashes,
    coalesce(l.lane_held, false)::int as lane_held,
    coalesce(l.tenant_held, false)::int as tenant_held,
    l.due_at, l.rank, l.tag, l.wait_key, l.owner,
    coalesce(e.started_at, l.started_at) as started_at,
    l.stop_cause, l.stop_reason, l.stop_since, l.overdue_at, l.overdue_cause, e.outcome,
    coalesce(e.finished_at, l.finished_at) as finished_at,
    case when e.seq is null then l.error else e.error end as error${more}
  from ${s}.runs r
    left join ${s}.live l on l.seq = r.seq
    left join ${s}.ended e on e.seq = r.seq;
`;
