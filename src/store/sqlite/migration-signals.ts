/**
 * Owns what schema version 3 brings for signals and declared state. Stored format: released
 * migrations are never edited, only followed by others.
 *
 * M1 A signal stays when a wait was given it (`taken`): its id goes on standing for it.
 */
export const migrationSignals = `
CREATE TABLE signals (
  seq INTEGER NOT NULL,
  n INTEGER NOT NULL,
  id TEXT NOT NULL,
  name TEXT NOT NULL,
  data TEXT NOT NULL,
  at REAL NOT NULL,
  taken INTEGER NOT NULL,
  PRIMARY KEY (seq, n)
) STRICT;
CREATE UNIQUE INDEX signals_id ON signals (seq, id);
CREATE INDEX signals_unread ON signals (seq, n) WHERE taken = 0;
-- What runs declare of themselves. \`value\` is JSON.
CREATE TABLE run_state (
  seq INTEGER NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  at REAL NOT NULL,
  PRIMARY KEY (seq, name)
) STRICT;
`;
