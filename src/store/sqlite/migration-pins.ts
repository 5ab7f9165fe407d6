/**
 * Owns what schema version 3 adds to runs: the version of its function that a run is pinned to.
 * Stored format: released migrations are never edited, only followed by others.
 *
 * M1 Runs that are pinned have an order of their own, so that those whose version nobody asks for
 *    stand in nobody's way, and those that are not pinned cost what they did.
 */
export const migrationPins = `
ALTER TABLE runs ADD COLUMN pin TEXT;
DROP INDEX runs_ready;
-- The order of hand-out of each function, and of each version of it.
CREATE INDEX runs_ready ON runs (fn, rank, seq) WHERE stage = 4 AND pin IS NULL;
CREATE INDEX runs_ready_pinned ON runs (fn, pin, rank, seq) WHERE stage = 4 AND pin IS NOT NULL;
-- Who is pinned and not done.
CREATE INDEX runs_pinned ON runs (fn, pin, stage) WHERE pin IS NOT NULL AND stage <> 8;
`;
