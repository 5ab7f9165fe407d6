/**
 * Owns the rows of the runs, with their inputs and results.
 *
 * R1 Every change of a row goes through `change`, which brings all indexes and the tally with it.
 * R2 A second run under an id is a defect of whoever asks, and changes nothing.
 */
import { HoldfastError } from '../../core/errors.ts';
import type { OutcomeKind } from '../../core/outcome.ts';
import type { RunRow, RunTable, Stage } from '../verbs/tables.ts';
import type { Details } from './details.ts';
import type { Journal } from './journal.ts';
import { Cell, Ordered } from './ordered.ts';
import type { RunIndexes } from './run-indexes.ts';
import { openIndexes, openQueues, openTimes } from './run-indexes.ts';
import { openPages } from './run-pages.ts';

const noStages: Readonly<Record<Stage, number>> = {
  time: 0,
  lane: 0,
  tenant: 0,
  slot: 0,
  running: 0,
  parked: 0,
  quarantined: 0,
  done: 0,
};

const noOutcomes: Readonly<Record<OutcomeKind, number>> = {
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  'timed-out': 0,
  rejected: 0,
  lost: 0,
};

/** One row before and after one transaction; undefined where it is not there. */
export interface RunChange {
  readonly before: RunRow | undefined;
  readonly after: RunRow | undefined;
}

/** The table, and what only the memory store asks of it. */
export interface MemoryRuns extends RunTable {
  /** What changed since the last call, one entry a row, in the order of the first changes. */
  takeChanges(): readonly RunChange[];
  /** Every row by seq. */
  all(): readonly RunRow[];
  /** What is wrong with the indexes and the tally, recomputed from the rows. */
  faults(): readonly string[];
}

interface Rows {
  readonly bySeq: Ordered<number, RunRow>;
  readonly seqById: Ordered<string, number>;
  readonly inputs: Ordered<number, string>;
  readonly results: Ordered<number, string>;
  readonly nextSeq: Cell<number>;
  readonly stages: Cell<Readonly<Record<Stage, number>>>;
  readonly outcomes: Cell<Readonly<Record<OutcomeKind, number>>>;
  readonly indexes: RunIndexes;
}

/** Opens the table. `details` loses what it knows of a run that is removed. */
export function openRuns(journal: Journal, details: Pick<Details, 'forget'>): MemoryRuns {
  const rows: Rows = {
    bySeq: Ordered.byNumber(journal),
    seqById: Ordered.byText(journal),
    inputs: Ordered.byNumber(journal),
    results: Ordered.byNumber(journal),
    nextSeq: new Cell(journal, 1),
    stages: new Cell(journal, noStages),
    outcomes: new Cell(journal, noOutcomes),
    indexes: openIndexes(journal),
  };
  const indexList = Object.values(rows.indexes);
  let changes = new Map<number, RunChange>();
  const change = (before: RunRow | undefined, after: RunRow | undefined): void => {
    const seq = (after ?? before)?.seq ?? 0;
    if (after === undefined) rows.bySeq.drop(seq);
    else rows.bySeq.put(seq, after);
    for (const index of indexList) index.follow(before, after);
    count(rows, before, after);
    const earlier = changes.get(seq);
    changes.set(seq, { before: earlier === undefined ? before : earlier.before, after });
  };
  const load = (seqs: readonly number[]): readonly RunRow[] => seqs.map((seq) => found(rows, seq));
  return {
    ...openRows(rows, details, change),
    ...openQueues(rows.indexes, load),
    ...openTimes(rows.indexes, load),
    ...openPages(rows.bySeq, () => rows.nextSeq.value),
    ...openCounts(rows),
    takeChanges() {
      const taken = [...changes.values()];
      changes = new Map();
      return taken;
    },
    all: () => [...rows.bySeq.after()],
    faults: () => faults(rows, indexList),
  };
}

function openRows(
  { bySeq, seqById, inputs, results, nextSeq }: Rows,
  details: Pick<Details, 'forget'>,
  change: (before: RunRow | undefined, after: RunRow | undefined) => void,
) {
  return {
    insert(row, input) {
      if (seqById.get(row.id) !== undefined) {
        throw new HoldfastError('internal.defect', `a run '${row.id}' is in the store already`);
      }
      const seq = nextSeq.value;
      nextSeq.value = seq + 1;
      seqById.put(row.id, seq);
      inputs.put(seq, input);
      change(undefined, { ...row, tags: Object.freeze([...row.tags]), seq });
      return seq;
    },
    bySeq: (seq) => bySeq.get(seq),
    byId(id) {
      const seq = seqById.get(id);
      return seq === undefined ? undefined : bySeq.get(seq);
    },
    update(before, after) {
      // The row as it is kept, not as the caller remembers it, says what the indexes hold.
      change(found({ bySeq }, before.seq), after);
    },
    remove(seq) {
      const row = bySeq.get(seq);
      if (row === undefined) return;
      seqById.drop(row.id);
      inputs.drop(seq);
      results.drop(seq);
      details.forget(seq);
      change(row, undefined);
    },
    input: (seq) => inputs.get(seq) ?? '',
    putInput: (seq, input) => inputs.put(seq, input),
    result: (seq) => results.get(seq) ?? null,
    putResult: (seq, result) => results.put(seq, result),
    scan(afterSeq, rowsMax) {
      const page: RunRow[] = [];
      for (const row of bySeq.after(afterSeq)) {
        if (page.length >= rowsMax) break;
        page.push(row);
      }
      return page;
    },
  } satisfies Partial<RunTable>;
}

function found({ bySeq }: Pick<Rows, 'bySeq'>, seq: number): RunRow {
  const row = bySeq.get(seq);
  if (row !== undefined) return row;
  throw new HoldfastError('internal.defect', `run number ${seq} vanished in a transaction`);
}

/** Keeps the tally: rows by stage, and ended rows by outcome. */
function count(
  { stages, outcomes }: Rows,
  before: RunRow | undefined,
  after: RunRow | undefined,
): void {
  stages.value = moved(stages.value, before?.stage, after?.stage);
  outcomes.value = moved(outcomes.value, before?.outcome, after?.outcome);
}

function moved<W extends string>(
  tally: Readonly<Record<W, number>>,
  from: W | null | undefined,
  to: W | null | undefined,
): Readonly<Record<W, number>> {
  if (from === to) return tally;
  const next: Record<W, number> = { ...tally };
  if (from !== null && from !== undefined) next[from] -= 1;
  if (to !== null && to !== undefined) next[to] += 1;
  return next;
}

function openCounts({ bySeq, nextSeq, stages, outcomes }: Rows) {
  return {
    nextSeq: () => nextSeq.value,
    live: () => bySeq.size - stages.value.done,
    countBy: () => ({ stages: { ...stages.value }, outcomes: { ...outcomes.value } }),
  } satisfies Partial<RunTable>;
}

/** Every row stands where its columns say, and nothing else does. */
function faults(rows: Rows, indexList: readonly RunIndexes[keyof RunIndexes][]): readonly string[] {
  const wrong: string[] = [];
  const names = Object.keys(rows.indexes);
  const sizes = new Map(indexList.map((index) => [index, 0]));
  const counted = new Map<string, number>();
  for (const row of rows.bySeq.after()) {
    for (const word of [row.stage, row.outcome]) {
      if (word !== null) counted.set(word, (counted.get(word) ?? 0) + 1);
    }
    for (const [at, index] of indexList.entries()) {
      const place = index.placeOf(row);
      if (place === null) continue;
      sizes.set(index, (sizes.get(index) ?? 0) + 1);
      if (!index.has(place)) wrong.push(`index '${names[at]}' lacks run '${row.id}'`);
    }
    if (rows.seqById.get(row.id) !== row.seq) wrong.push(`run '${row.id}' is not found by its id`);
  }
  for (const [at, index] of indexList.entries()) {
    if (index.size === sizes.get(index)) continue;
    wrong.push(`index '${names[at]}' has ${index.size} places for ${sizes.get(index)} rows`);
  }
  for (const [word, kept] of Object.entries({ ...rows.stages.value, ...rows.outcomes.value })) {
    const rowCount = counted.get(word) ?? 0;
    if (kept !== rowCount) wrong.push(`the tally says ${kept} '${word}', the rows say ${rowCount}`);
  }
  return wrong;
}
