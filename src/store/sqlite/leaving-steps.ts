/**
 * Owns how a file gives up its steps, events and parts, in pages of bounded size.
 *
 * E1 A file that an earlier version closed for its move has no tables of them, and none to give.
 */
import type { DatabaseSync } from 'node:sqlite';
import type {
  MoveCounts,
  MovedBlock,
  MovedSettings,
  MovedStep,
  MovedSums,
  PartCursor,
  StepCursor,
} from '../moving.ts';
import { type EventTuple, eventColumnList, type StepTuple, stepColumnList } from '../step-tuple.ts';
import { query, type Sql, scalar } from './statement.ts';

/** Pages of what stands beside the runs. */
export interface LeavingSteps {
  steps(after: StepCursor, rowsMax: number, charsMax: number): readonly MovedStep[];
  events(after: number, rowsMax: number, charsMax: number): readonly EventTuple[];
  parts(after: PartCursor, rowsMax: number, charsMax: number): readonly MovedBlock[];
  sums(seq: number): MovedSums | null;
  tally(): MovedSettings['events'];
  counts(): MoveCounts;
}

/** Rows that are read at once: each may be large. */
const rowsEach = 8;

/** Opens the pages. */
export function openLeavingSteps(db: DatabaseSync): LeavingSteps {
  const there = scalar(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'event_tally'") === 1;
  if (!there) {
    return {
      steps: () => [],
      events: () => [],
      parts: () => [],
      sums: () => null,
      tally: () => ({ lastN: 0, kept: 0, lastAt: 0 }),
      counts: () => ({ steps: 0, events: 0, parts: 0, 'part characters': 0 }),
    };
  }
  const steps = query<readonly [...Mutable<StepTuple>, string | null]>(
    db,
    `SELECT ${stepColumnList.join(', ')}, tenant FROM steps
     WHERE (seq, ord) > (?, ?) ORDER BY seq, ord LIMIT ?`,
  );
  const events = query<EventTuple>(
    db,
    `SELECT ${eventColumnList.join(', ')} FROM events WHERE n > ? ORDER BY n LIMIT ?`,
  );
  return {
    steps: (after, rowsMax, charsMax) =>
      paged(after, rowsMax, charsMax, (from, rows) =>
        steps.all(...from, rows).map((row): [MovedStep, StepCursor, number] => {
          const step = row.slice(0, -1) as unknown as StepTuple;
          const [seq, ord] = step;
          return [{ step, tenant: row.at(-1) as string | null }, [seq, ord], charsOf(row)];
        }),
      ),
    events: (after, rowsMax, charsMax) =>
      paged(after, rowsMax, charsMax, (from, rows) =>
        events
          .all(from, rows)
          .map((row): [EventTuple, number, number] => [...([row, row[0]] as const), charsOf(row)]),
      ),
    ...openParts(db),
    tally() {
      const [nextN, kept, lastAt] = query<readonly [number, number, number | null]>(
        db,
        'SELECT next_n, kept, last_at FROM event_tally',
      ).one() ?? [1, 0, null];
      return { lastN: nextN - 1, kept, lastAt: lastAt ?? 0 };
    },
    counts: () => ({
      steps: Number(scalar(db, 'SELECT count(*) FROM steps')),
      events: Number(scalar(db, 'SELECT count(*) FROM events')),
      parts: Number(scalar(db, 'SELECT coalesce(sum(count), 0) FROM parts')),
      'part characters': Number(scalar(db, 'SELECT coalesce(sum(length(content)), 0) FROM parts')),
    }),
  };
}

function openParts(db: DatabaseSync): Pick<LeavingSteps, 'parts' | 'sums'> {
  const blocks = query<MovedBlock>(
    db,
    `SELECT seq, first, count, attempt, content FROM parts
     WHERE (seq, first) > (?, ?) ORDER BY seq, first LIMIT ?`,
  );
  const sums = query<MovedSums>(
    db,
    'SELECT kept, bytes, dropped, fence, sent FROM part_sums WHERE seq = ?',
  );
  return {
    sums: (seq) => sums.one(seq) ?? null,
    parts: (after, rowsMax, charsMax) =>
      paged(after, rowsMax, charsMax, (from, rows) =>
        blocks.all(...from, rows).map((row): [MovedBlock, PartCursor, number] => {
          const [seq, first] = row;
          return [row, [seq, first], charsOf(row)];
        }),
      ),
  };
}

type Mutable<T extends readonly unknown[]> = { -readonly [K in keyof T]: T[K] };

function charsOf(row: readonly Sql[]): number {
  let chars = 0;
  for (const value of row) if (typeof value === 'string') chars += value.length;
  return chars;
}

/** Rows behind a place, until there are enough of them, or of their characters. */
function paged<Row, Place>(
  after: Place,
  rowsMax: number,
  charsMax: number,
  read: (from: Place, rows: number) => readonly [row: Row, place: Place, chars: number][],
): readonly Row[] {
  const page: Row[] = [];
  let from = after;
  let chars = 0;
  while (page.length < rowsMax && chars < charsMax) {
    const room = Math.min(rowsEach, rowsMax - page.length);
    const rows = read(from, room);
    for (const [row, place, more] of rows) {
      page.push(row);
      from = place;
      chars += more;
    }
    if (rows.length < room) break;
  }
  return page;
}
