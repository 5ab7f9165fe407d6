/**
 * Owns the schema version that brings steps and events. Stored format: released migrations are
 * never edited, only followed by others.
 *
 * M1 A wait is open while `waits = 1 AND nth IS NULL`; only open waits stand in the indexes by what
 *    they are for.
 * M2 Times in `events` grow with `n` (V4 of the verbs): the index by name and time is also the
 *    order by number.
 */
export const migrationSteps = `
-- What the code of a run has done, and what it waits for. \`error\` is JSON; so are \`value\`,
-- \`paths\` and \`vals\`. \`tenant\` is set where \`event\` is.
CREATE TABLE steps (
  seq INTEGER NOT NULL,
  ord INTEGER NOT NULL,
  key TEXT NOT NULL,
  kind TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  tries INTEGER NOT NULL,
  begun_at REAL NOT NULL,
  waits INTEGER NOT NULL,
  wake_at REAL,
  event TEXT,
  paths TEXT,
  vals TEXT,
  after_n INTEGER,
  token TEXT,
  how TEXT,
  nth INTEGER,
  ended_at REAL,
  value TEXT,
  error TEXT,
  tenant TEXT
) STRICT;
CREATE UNIQUE INDEX steps_key ON steps (seq, key);
CREATE UNIQUE INDEX steps_ord ON steps (seq, ord);
-- The order of ends within a run.
CREATE UNIQUE INDEX steps_nth ON steps (seq, nth) WHERE nth IS NOT NULL;
-- When a run goes on at the latest.
CREATE INDEX steps_wake ON steps (seq, wake_at) WHERE wake_at IS NOT NULL AND nth IS NULL;
-- Who waits for an event.
CREATE INDEX steps_wanting ON steps (tenant, event, paths, vals, seq, ord)
  WHERE event IS NOT NULL AND nth IS NULL;
CREATE UNIQUE INDEX steps_token ON steps (token) WHERE token IS NOT NULL;

CREATE TABLE events (
  n INTEGER NOT NULL PRIMARY KEY,
  tenant TEXT NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  data TEXT NOT NULL,
  at REAL NOT NULL,
  open INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_id ON events (tenant, id);
CREATE INDEX events_name ON events (tenant, name, at, n);
CREATE INDEX events_open ON events (n) WHERE open = 1;

-- One row: the next number, how many events are kept, and when the last one came.
CREATE TABLE event_tally (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  next_n INTEGER NOT NULL,
  kept INTEGER NOT NULL,
  last_at REAL
) STRICT;
INSERT INTO event_tally VALUES (1, 1, 0, NULL);
`;
