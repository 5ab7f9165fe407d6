/**
 * Owns what schema version 2 adds to runs: the trace that a run belongs to, as a `traceparent`.
 * Stored format: released migrations are never edited, only followed by others.
 */
export const migrationTraces = `
ALTER TABLE runs ADD COLUMN trace TEXT;
`;
