/**
 * Owns all tables of one connection, and what has to be done around each of its transactions.
 *
 * T1 `begin` after the transaction was opened, `flush` before it is committed, `forget` after it
 *    was rolled back. In between, the tables are those of that transaction.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { StoreFinding } from '../../ports/store-reads.ts';
import type { Tables } from '../verbs/tables.ts';
import { openAttempts, openNotes } from './evidence.ts';
import { openNodes } from './nodes.ts';
import { openRuns } from './runs.ts';
import { openSettings } from './settings.ts';
import { openTally } from './tally.ts';

/** The tables with their transaction hooks. */
export interface SqliteTables extends Tables {
  begin(): void;
  flush(): void;
  forget(): void;
}

/**
 * Opens the tables; `examine` is handed in, because it looks at the file more than at the tables.
 */
export function openTables(db: DatabaseSync, examine: () => readonly StoreFinding[]): SqliteTables {
  const tally = openTally(db);
  const settings = openSettings(db, tally);
  return {
    runs: openRuns(db, tally),
    nodes: openNodes(db, tally),
    attempts: openAttempts(db),
    notes: openNotes(db),
    settings: settings.table,
    examine,
    begin: tally.begin,
    flush: tally.flush,
    forget() {
      tally.begin();
      settings.policies.forget();
    },
  };
}
