/**
 * Owns schema version 1. Stored format: released migrations are never edited, only followed by
 * others.
 *
 * Times of the wall clock are milliseconds since 1970, times of the judge's clock milliseconds
 * since the boot. Stages: 1 time, 2 lane, 3 tenant, 4 slot (the gates of a queued run), 5 running,
 * 6 parked, 7 quarantined, 8 done. Outcomes: 1 succeeded, 2 failed, 3 cancelled, 4 timed-out, 5
 * rejected, 6 lost.
 *
 * M1 Every index on `runs` but the one by id is partial: it holds only rows that still take part in
 *    what it is for, so that no cost grows with history. `runs_finished` is the one exception.
 * M2 Conditions of partial indexes are comparisons joined by AND and OR. `IN` with a list would
 *    build a temporary table for every changed row (measured: 3 us each).
 * M3 What is big (input, result, log) or rare (attempts, progress) lives in tables of its own: the
 *    row that every transition rewrites stays small.
 */
export const migration1 = `
-- What is known of the file itself.
CREATE TABLE meta (
  key TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row with everything that changes in nearly every transaction: the next numbers, how many runs
-- stand where, and the clock of the fair order. It is read and written once a transaction.
CREATE TABLE tally (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  schema INTEGER NOT NULL,
  next_seq INTEGER NOT NULL,
  next_node INTEGER NOT NULL,
  stage_time INTEGER NOT NULL,
  stage_lane INTEGER NOT NULL,
  stage_tenant INTEGER NOT NULL,
  stage_slot INTEGER NOT NULL,
  stage_running INTEGER NOT NULL,
  stage_parked INTEGER NOT NULL,
  stage_quarantined INTEGER NOT NULL,
  stage_done INTEGER NOT NULL,
  outcome_succeeded INTEGER NOT NULL,
  outcome_failed INTEGER NOT NULL,
  outcome_cancelled INTEGER NOT NULL,
  outcome_timed_out INTEGER NOT NULL,
  outcome_rejected INTEGER NOT NULL,
  outcome_lost INTEGER NOT NULL,
  share_turn REAL,
  share_turns_per_second REAL,
  share_measured_at REAL,
  share_measured_turn REAL
) STRICT;
INSERT INTO tally VALUES
  (1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL);

-- The hot table: one row a run, in order of acceptance.
CREATE TABLE runs (
  seq INTEGER NOT NULL PRIMARY KEY,
  id TEXT NOT NULL,
  fn TEXT NOT NULL,
  lane TEXT,
  lane_width INTEGER NOT NULL,
  tenant TEXT NOT NULL,
  priority_seconds REAL NOT NULL,
  tags TEXT NOT NULL,
  policy INTEGER NOT NULL,
  accepted_at REAL NOT NULL,
  deadline_at REAL,
  retry_of TEXT,
  stage INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  fence INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  crashes INTEGER NOT NULL,
  lane_held INTEGER NOT NULL,
  tenant_held INTEGER NOT NULL,
  due_at REAL,
  rank REAL,
  tag REAL,
  wait_key REAL,
  owner INTEGER,
  started_at REAL,
  stop_cause TEXT,
  stop_reason TEXT,
  stop_since REAL,
  overdue_at REAL,
  overdue_cause TEXT,
  outcome INTEGER,
  finished_at REAL,
  error TEXT
) STRICT;

-- Finds a run by its id; refuses a second one.
CREATE UNIQUE INDEX runs_id ON runs (id);
-- The order of hand-out of each function.
CREATE INDEX runs_ready ON runs (fn, rank, seq) WHERE stage = 4;
-- Who waits for a lane, and who holds a place in it.
CREATE INDEX runs_lane ON runs (lane, seq) WHERE stage = 2;
CREATE INDEX runs_lane_held ON runs (lane, seq) WHERE lane_held = 1;
-- Who waits for the limit of a tenant, and who holds a place of it.
CREATE INDEX runs_tenant ON runs (tenant, wait_key, seq) WHERE stage = 3;
CREATE INDEX runs_tenant_held ON runs (tenant, seq) WHERE tenant_held = 1;
-- Everybody who waits at any gate, by tenant and gate.
CREATE INDEX runs_queued ON runs (tenant, stage, seq) WHERE stage <= 4;
-- What the passing of time does: come due, pass a deadline, be overdue.
CREATE INDEX runs_due ON runs (due_at, seq)
  WHERE due_at IS NOT NULL AND (stage = 1 OR stage = 6);
CREATE INDEX runs_deadline ON runs (deadline_at, seq)
  WHERE deadline_at IS NOT NULL AND stage <> 5 AND stage <> 8;
CREATE INDEX runs_overdue ON runs (overdue_at, seq) WHERE overdue_at IS NOT NULL;
-- What a node owns: running runs, and ended ones whose code lingers.
CREATE INDEX runs_owner ON runs (owner, seq) WHERE owner IS NOT NULL;
-- For lists: the few that are parked or set aside.
CREATE INDEX runs_aside ON runs (stage, seq) WHERE stage = 6 OR stage = 7;
-- For retention: finished runs of each outcome, oldest first.
CREATE INDEX runs_finished ON runs (outcome, finished_at, seq) WHERE outcome IS NOT NULL;

CREATE TABLE inputs (seq INTEGER NOT NULL PRIMARY KEY, input TEXT NOT NULL) STRICT;
CREATE TABLE results (seq INTEGER NOT NULL PRIMARY KEY, result TEXT NOT NULL) STRICT;

-- Attempts that did not succeed. \`end\` is a word of the attempt's end; \`error\` is JSON.
CREATE TABLE attempts (
  seq INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  node TEXT,
  started_at REAL NOT NULL,
  ended_at REAL NOT NULL,
  end TEXT NOT NULL,
  error TEXT,
  PRIMARY KEY (seq, attempt)
) STRICT, WITHOUT ROWID;

CREATE TABLE progress (seq INTEGER NOT NULL PRIMARY KEY, progress TEXT NOT NULL) STRICT;
-- Log lines, numbered from 1 within a run.
CREATE TABLE log_lines (
  seq INTEGER NOT NULL,
  n INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  at REAL NOT NULL,
  level TEXT NOT NULL,
  message TEXT NOT NULL,
  fields TEXT,
  PRIMARY KEY (seq, n)
) STRICT, WITHOUT ROWID;
CREATE TABLE log_drops (seq INTEGER NOT NULL PRIMARY KEY, dropped INTEGER NOT NULL) STRICT;

-- \`process\` and \`functions\` are JSON.
CREATE TABLE nodes (
  node INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  process TEXT NOT NULL,
  state TEXT NOT NULL,
  joined_at REAL NOT NULL,
  ended_at REAL,
  ttl_ms REAL NOT NULL,
  renewed_at REAL NOT NULL,
  boot TEXT NOT NULL,
  slots INTEGER NOT NULL,
  functions TEXT NOT NULL
) STRICT;

CREATE TABLE tenants (
  tenant TEXT NOT NULL PRIMARY KEY,
  weight REAL NOT NULL,
  running_max INTEGER,
  waiting_max INTEGER,
  turn REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE pauses (
  kind TEXT NOT NULL,
  key TEXT NOT NULL,
  reason TEXT NOT NULL,
  since REAL NOT NULL,
  PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
-- What definitions say about their runs, once per content. \`content\` is JSON with sorted keys.
CREATE TABLE policies (
  policy INTEGER NOT NULL PRIMARY KEY,
  content TEXT NOT NULL UNIQUE
) STRICT;
`;
