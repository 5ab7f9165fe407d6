/**
 * Owns what schema version 3 adds for flow control and dead letters. Stored format: released
 * migrations are never edited, only followed by others.
 *
 * M1 A dead letter is a row of its own beside its run: what was redriven or discarded costs a list
 *    of them nothing. Runs that ended before this version are taken in, unless they were tried
 *    again.
 */
export const migrationFlow = `
-- What flow control keeps for each key of a term. \`state\` is JSON; \`seq\` is the run that it is
-- about; an empty \`tenant\` stands for all, an empty \`key\` for all inputs.
CREATE TABLE flows (
  fn TEXT NOT NULL,
  tenant TEXT NOT NULL,
  key TEXT NOT NULL,
  term TEXT NOT NULL,
  state TEXT NOT NULL,
  seq INTEGER,
  expires_at REAL NOT NULL,
  PRIMARY KEY (fn, tenant, key, term)
) STRICT, WITHOUT ROWID;
CREATE INDEX flows_expiry ON flows (expires_at);
-- One row: how many there are.
CREATE TABLE flow_tally (
  one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  kept INTEGER NOT NULL
) STRICT;
INSERT INTO flow_tally VALUES (1, 0);

-- Ended runs that failed, timed out or were lost, and that nobody has dealt with.
CREATE TABLE dead (
  seq INTEGER NOT NULL PRIMARY KEY,
  fn TEXT NOT NULL,
  tenant TEXT NOT NULL
) STRICT;
CREATE INDEX dead_fn ON dead (fn, seq);
CREATE INDEX dead_tenant ON dead (tenant, seq);
CREATE INDEX dead_tenant_fn ON dead (tenant, fn, seq);
INSERT INTO dead
  SELECT seq, fn, tenant FROM runs WHERE outcome IN (2, 4, 6)
    AND id NOT IN (SELECT retry_of FROM runs WHERE retry_of IS NOT NULL);
`;
