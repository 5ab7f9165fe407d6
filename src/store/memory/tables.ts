/**
 * Owns the tables of one memory store, side by side under one journal.
 */
import type { StoreFinding } from '../../ports/store-reads.ts';
import type { Tables } from '../verbs/tables.ts';
import { openDetails } from './details.ts';
import { openEvents } from './events.ts';
import { openDead, openFlows } from './flows.ts';
import { Journal } from './journal.ts';
import { openKeys } from './keys.ts';
import { openKin } from './kin.ts';
import { openParts } from './parts.ts';
import { type MemoryRuns, openRuns } from './runs.ts';
import { openNodes, openSettings } from './settings.ts';
import { openSignals } from './signals.ts';
import { openSteps } from './steps.ts';

/** The tables, and what makes transactions of them. */
export interface MemoryTables extends Tables {
  readonly runs: MemoryRuns;
  readonly journal: Journal;
}

const findingsMax = 20;

/** Opens empty tables. */
export function openTables(): MemoryTables {
  const journal = new Journal();
  const details = openDetails(journal);
  const steps = openSteps(journal);
  const parts = openParts(journal);
  const signals = openSignals(journal);
  const dead = openDead(journal);
  const kin = openKin(journal, steps.table);
  const forget = (seq: number): void => {
    dead.remove(seq);
    details.forget(seq);
    steps.forget(seq);
    parts.forget(seq);
    signals.forget(seq);
    kin.forget(seq);
  };
  const runs = openRuns(journal, { forget });
  return {
    journal,
    runs,
    nodes: openNodes(journal),
    attempts: details.attempts,
    notes: details.notes,
    parts: parts.table,
    steps: steps.table,
    events: openEvents(journal),
    signals: signals.table,
    kin: kin.table,
    settings: openSettings(journal),
    keys: openKeys(journal),
    flows: openFlows(journal),
    dead,
    examine: () => indexFindings(runs),
  };
}

function indexFindings(runs: MemoryRuns): readonly StoreFinding[] {
  const faults = runs.faults();
  if (faults.length === 0) {
    return [{ check: 'indexes', level: 'ok', message: 'every index holds what the rows say' }];
  }
  return faults
    .slice(0, findingsMax)
    .map((message) => ({ check: 'indexes', level: 'bad', message }));
}
