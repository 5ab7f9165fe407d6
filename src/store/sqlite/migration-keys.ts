/**
 * Owns schema version 2: access keys. Stored format: released migrations are never edited, only
 * followed by others.
 *
 * `hash` is SHA-256 of the secret, in hex; times are milliseconds since 1970.
 */
export const migrationKeys = `
CREATE TABLE access_keys (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  hash TEXT NOT NULL,
  scope TEXT NOT NULL,
  tenant TEXT,
  created_at REAL NOT NULL,
  used_at REAL
) STRICT, WITHOUT ROWID;
`;
