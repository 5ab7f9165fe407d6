/**
 * Owns what the verbs see of the table of families: who was started by whom, and what is still to
 * be done for those whose parent or child is over.
 *
 * Every run that has a parent or children has one row; most runs have neither, and none.
 */
import type { ChildClose } from '../../ports/store-family.ts';

/** A run as one of a family. */
export interface KinRow {
  readonly seq: number;
  /** Null: it has children and nobody started it. */
  readonly parent: number | null;
  /** Of a child: its group, and its index there. */
  readonly group: string | null;
  readonly index: number;
  readonly close: ChildClose;
  /** How many runs stand above it. */
  readonly depth: number;
  /** It is unfinished. */
  readonly open: boolean;
  /** Its parent may still ask for it: it is not pruned. */
  readonly parentOpen: boolean;
  readonly hasChildren: boolean;
}

/** Something left to be done: for the parent of a run that ended, and for its children. */
export interface Closing {
  readonly seq: number;
  /** `end`: the run ended. `stop`: it was asked to, and cleans up. */
  readonly how: 'stop' | 'end';
  /** Children up to this seq have been told. */
  readonly after: number;
  /** Children with a greater seq are not concerned; null: all are. */
  readonly upto: number | null;
}

/** Families. Queries rely on an index each. */
export interface KinTable {
  of(seq: number): KinRow | undefined;
  /** Keeps a row, in place of the one before. What a child is of its parent never changes. */
  put(row: KinRow): void;
  /** Whether a child of the group is unfinished. */
  anyOpen(parent: number, group: string): boolean;
  /** The children of a run behind a seq and up to another, by seq. */
  childrenAfter(
    parent: number,
    after: number,
    upto: number | null,
    rowsMax: number,
  ): readonly KinRow[];
  /** Those of one group with a greater index, by index. */
  groupAfter(parent: number, group: string, afterIndex: number, rowsMax: number): readonly KinRow[];
  /** The greatest seq of a child; null: it has none. */
  lastChild(parent: number): number | null;
  /** Children, or unfinished ones, counted up to `atMost`. */
  count(parent: number, openOnly: boolean, atMost: number): number;
  /** The key of the first step, by `ord`, that started children which are not all over; or null. */
  firstOpenStart(parent: number): string | null;

  /** What is left to be done, by seq. */
  closings(rowsMax: number): readonly Closing[];
  closing(seq: number): Closing | undefined;
  putClosing(closing: Closing): void;
  dropClosing(seq: number): void;
}
