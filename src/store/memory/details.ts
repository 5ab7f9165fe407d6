/**
 * Owns what is kept beside a run while it lives: closed attempts, progress, declared state, and log
 * lines.
 *
 * D1 What is kept is a frozen copy, made as a store on a disk makes it: neither whoever wrote nor
 *    whoever reads it can change it.
 * D2 Log lines are numbered from 1 without gaps.
 */
import type { AttemptRow, LogLine } from '../../ports/store-runs.ts';
import type { StateRow } from '../../ports/store-signals.ts';
import type { AttemptTable, NoteTable, WantedLines } from '../verbs/tables.ts';
import type { Journal } from './journal.ts';
import { Ordered } from './ordered.ts';

type NumberedLine = LogLine & { readonly n: number; readonly attempt: number };

interface LogBook {
  readonly lines: readonly NumberedLine[];
  readonly dropped: number;
}

const emptyBook: LogBook = { lines: [], dropped: 0 };

/** Both tables, and the forgetting of a run. */
export interface Details {
  readonly attempts: AttemptTable;
  readonly notes: NoteTable;
  forget(seq: number): void;
}

/** A copy of plain data that nobody can change. */
export const frozenCopy = <T>(value: T): T =>
  JSON.parse(JSON.stringify(value), (_, part: unknown) => Object.freeze(part)) as T;

const isWanted = (line: NumberedLine, { attempt, levels }: WantedLines): boolean =>
  (attempt === null || line.attempt === attempt) &&
  (levels === null || levels.includes(line.level));

/** Opens the tables. */
export function openDetails(journal: Journal): Details {
  const attempts = Ordered.byNumber<number, readonly AttemptRow[]>(journal);
  const progress = Ordered.byNumber<number, string>(journal);
  const states = Ordered.byNumber<number, readonly StateRow[]>(journal);
  const books = Ordered.byNumber<number, LogBook>(journal);
  const book = (seq: number): LogBook => books.get(seq) ?? emptyBook;
  return {
    attempts: {
      add: (seq, row) => attempts.put(seq, [...(attempts.get(seq) ?? []), frozenCopy(row)]),
      of: (seq) => attempts.get(seq) ?? [],
      trim: (seq, keep) => attempts.put(seq, (attempts.get(seq) ?? []).slice(-keep)),
    },
    notes: {
      progress: (seq) => progress.get(seq) ?? null,
      putProgress: (seq, text) => progress.put(seq, text),
      state: (seq) => states.get(seq) ?? [],
      putState(seq, row) {
        const others = (states.get(seq) ?? []).filter(({ name }) => name !== row.name);
        const kept = [...others, Object.freeze({ ...row })];
        states.put(
          seq,
          kept.sort((a, b) => (a.name < b.name ? -1 : 1)),
        );
      },
      logSize: (seq) => ({ kept: book(seq).lines.length, dropped: book(seq).dropped }),
      addLine(seq, attempt, line) {
        const { lines, dropped } = book(seq);
        const kept = Object.freeze({ ...line, n: lines.length + 1, attempt });
        books.put(seq, { lines: [...lines, kept], dropped });
      },
      addDropped(seq, count) {
        const { lines, dropped } = book(seq);
        books.put(seq, { lines, dropped: dropped + count });
      },
      lines: (seq, after, linesMax, wanted) =>
        book(seq)
          .lines.slice(after)
          .filter((line) => isWanted(line, wanted))
          .slice(0, linesMax),
    },
    forget(seq) {
      attempts.drop(seq);
      progress.drop(seq);
      states.drop(seq);
      books.drop(seq);
    },
  };
}
