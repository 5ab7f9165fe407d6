/**
 * Owns the stored form of families in stores that have tables: the order of their columns.
 *
 * W1 The words of `close` and `how` are a stored format.
 */
import type { ChildClose } from '../ports/store-family.ts';
import type { Closing, KinRow } from './verbs/family-table.ts';

/** The columns of `kin`, in the order of `KinTuple`. */
export const kinColumnList = [
  ...['seq', 'parent', 'grp', 'idx', 'close', 'depth', 'open', 'parent_open', 'children'],
] as const;

/** A row of `kin` as a store gives it. */
export type KinTuple = readonly [
  seq: number,
  parent: number | null,
  group: string | null,
  index: number,
  close: ChildClose,
  depth: number,
  open: number,
  parentOpen: number,
  children: number,
];

/** A stored row. */
export const kinOf = (tuple: KinTuple): KinRow => ({
  seq: tuple[0],
  parent: tuple[1],
  group: tuple[2],
  index: tuple[3],
  close: tuple[4],
  depth: tuple[5],
  open: tuple[6] === 1,
  parentOpen: tuple[7] === 1,
  hasChildren: tuple[8] === 1,
});

/** A row as it is stored. */
export const kinTupleOf = (row: KinRow): KinTuple => [
  row.seq,
  row.parent,
  row.group,
  row.index,
  row.close,
  row.depth,
  row.open ? 1 : 0,
  row.parentOpen ? 1 : 0,
  row.hasChildren ? 1 : 0,
];

/** The columns of `closings`, in the order of `ClosingTuple`. */
export const closingColumnList = ['seq', 'how', 'after', 'upto'] as const;

/** A row of `closings` as a store gives it. */
export type ClosingTuple = readonly [
  seq: number,
  how: Closing['how'],
  after: number,
  upto: number | null,
];

/** A stored row. */
export const closingOf = ([seq, how, after, upto]: ClosingTuple): Closing => ({
  ...{ seq, how, after, upto },
});
