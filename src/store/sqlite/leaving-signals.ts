/**
 * Owns how a file gives up the signals to a run and its declared state, which move with it.
 *
 * E1 A file that an earlier version closed for its move has no tables of them, and none to give.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { MoveCounts, MovedRun, MovedSignal, MovedState } from '../moving.ts';
import { query, scalar } from './statement.ts';

/** What is given of one run, and how much there is of it. */
export interface LeavingSignals {
  of(seq: number): Pick<MovedRun, 'signals' | 'state'>;
  counts(): MoveCounts;
}

/** Opens the tables. */
export function openLeavingSignals(db: DatabaseSync): LeavingSignals {
  const there = scalar(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'run_state'") === 1;
  if (!there) {
    return {
      of: () => ({ signals: [], state: [] }),
      counts: () => ({ signals: 0, 'declared values': 0 }),
    };
  }
  const signals = query<MovedSignal>(
    db,
    'SELECT n, id, name, data, at, taken FROM signals WHERE seq = ? ORDER BY n',
  );
  const state = query<MovedState>(
    db,
    'SELECT name, value, attempt, at FROM run_state WHERE seq = ? ORDER BY name',
  );
  return {
    of: (seq) => ({ signals: signals.all(seq), state: state.all(seq) }),
    counts: () => ({
      signals: Number(scalar(db, 'SELECT count(*) FROM signals')),
      'declared values': Number(scalar(db, 'SELECT count(*) FROM run_state')),
    }),
  };
}
