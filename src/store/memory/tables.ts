/**
 * Owns the tables of one memory store, side by side under one journal.
 */
import type { StoreFinding } from '../../ports/store-reads.ts';
import type { Tables } from '../verbs/tables.ts';
import { openDetails } from './details.ts';
import { Journal } from './journal.ts';
import { type MemoryRuns, openRuns } from './runs.ts';
import { openNodes, openSettings } from './settings.ts';

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
  const runs = openRuns(journal, details);
  return {
    journal,
    runs,
    nodes: openNodes(journal),
    attempts: details.attempts,
    notes: details.notes,
    settings: openSettings(journal),
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
