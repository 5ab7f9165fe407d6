/**
 * Owns how a file gives up what it knows of families.
 *
 * E1 A file that an earlier version closed for its move has no table of them, and none to give.
 */
import type { DatabaseSync } from 'node:sqlite';
import {
  type ClosingTuple,
  closingColumnList,
  type KinTuple,
  kinColumnList,
} from '../kin-tuple.ts';
import type { MovedRun } from '../moving.ts';
import { query, scalar } from './statement.ts';

/** What is kept of the families of runs. */
export interface LeavingKin {
  of(seq: number): Pick<MovedRun, 'kin' | 'closing'>;
  count(): number;
}

/** Opens it. */
export function openLeavingKin(db: DatabaseSync): LeavingKin {
  const there = scalar(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'kin'") === 1;
  if (!there) return { of: () => ({ kin: null, closing: null }), count: () => 0 };
  const kin = query<KinTuple>(db, `SELECT ${kinColumnList.join(', ')} FROM kin WHERE seq = ?`);
  const closing = query<ClosingTuple>(
    db,
    `SELECT ${closingColumnList.join(', ')} FROM closings WHERE seq = ?`,
  );
  return {
    of: (seq) => ({ kin: kin.one(seq) ?? null, closing: closing.one(seq) ?? null }),
    count: () => Number(scalar(db, 'SELECT count(*) FROM kin')),
  };
}
