/**
 * Owns all tables of one connection, and what has to be done around each of its transactions.
 *
 * T1 `begin` after the transaction was opened, `flush` before it is committed, `forget` after it
 *    was rolled back. In between, the tables are those of that transaction.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { StoreFinding } from '../../ports/store-reads.ts';
import type { Tables } from '../verbs/tables.ts';
import { openEvents } from './events.ts';
import { openAttempts, openNotes } from './evidence.ts';
import { openDead, openFlows } from './flows.ts';
import { openKeys } from './keys.ts';
import { openKin } from './kin.ts';
import { openNodes } from './nodes.ts';
import { openParts } from './parts.ts';
import { openRuns } from './runs.ts';
import { openSettings } from './settings.ts';
import { openSignals } from './signals.ts';
import { openSteps } from './steps.ts';
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
  const kin = openKin(db);
  const begin = (): void => {
    tally.begin();
    kin.begin();
  };
  return {
    runs: openRuns(db, tally),
    nodes: openNodes(db, tally),
    attempts: openAttempts(db),
    notes: openNotes(db),
    parts: openParts(db),
    steps: openSteps(db),
    events: openEvents(db),
    signals: openSignals(db),
    kin: kin.table,
    settings: settings.table,
    keys: openKeys(db),
    flows: openFlows(db),
    dead: openDead(db),
    examine,
    begin,
    flush: tally.flush,
    forget() {
      begin();
      settings.policies.forget();
    },
  };
}
