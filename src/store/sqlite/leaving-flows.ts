/**
 * Owns how a file that is left gives up what flow control keeps, and which runs are dead letters.
 *
 * A file that an earlier version closed for its move has no tables of them: it has no keys to give,
 * and every run of it that ended badly is a dead letter.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { FlowCursor, MoveCounts, MovedFlow } from '../moving.ts';
import { query, scalar } from './statement.ts';

/** Pages of what flow control keeps, and the list of dead letters. */
export interface LeavingFlows {
  flows(after: FlowCursor, rowsMax: number): readonly MovedFlow[];
  /** Whether a run that ended badly is a dead letter still. */
  dead(seq: number): boolean;
  counts(): MoveCounts;
}

/** Opens the pages. */
export function openLeavingFlows(db: DatabaseSync): LeavingFlows {
  const count = (from: string): number => Number(scalar(db, `SELECT count(*) FROM ${from}`));
  const counted = (flows: number, letters: number): MoveCounts => ({
    'keys of flow control': flows,
    'dead letters': letters,
  });
  if (count("sqlite_schema WHERE name = 'flows'") === 0) {
    return {
      flows: () => [],
      dead: () => true,
      counts: () => counted(0, count('runs WHERE outcome IN (2, 4, 6)')),
    };
  }
  const flows = query<MovedFlow>(
    db,
    `SELECT fn, tenant, key, term, state, seq, expires_at FROM flows
     WHERE (fn, tenant, key, term) > (?, ?, ?, ?) ORDER BY fn, tenant, key, term LIMIT ?`,
  );
  const dead = query<readonly [number]>(db, 'SELECT seq FROM dead WHERE seq = ?');
  return {
    flows: (after, rowsMax) => flows.all(...after, rowsMax),
    dead: (seq) => dead.one(seq) !== undefined,
    counts: () => counted(count('flows'), count('dead')),
  };
}
