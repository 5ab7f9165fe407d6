/**
 * Owns the parts of runs in memory: blocks by run and first offset, and the sums of each run.
 */
import type { PartBlock } from '../../ports/store-parts.ts';
import type { PartSums, PartTable } from '../verbs/tables.ts';
import type { Journal } from './journal.ts';
import { Ordered } from './ordered.ts';

/** The table, and the forgetting of a run. */
export interface MemoryParts {
  readonly table: PartTable;
  forget(seq: number): void;
}

/** Numbers as texts in their order. */
const text = (value: number): string => String(value).padStart(16, '0');

const keyOf = (seq: number, first: number): string => `${text(seq)} ${text(first)}`;

/** Opens the table. */
export function openParts(journal: Journal): MemoryParts {
  const blocks = Ordered.byText<PartBlock>(journal);
  const sums = Ordered.byNumber<number, PartSums>(journal);
  /** The first offset of the block in which a part stands. */
  const startOf = (seq: number, from: number): number => {
    for (const block of blocks.before(keyOf(seq, from + 1))) {
      return block.first <= from && block.first + block.count > from ? block.first : from;
    }
    return from;
  };
  const behind = (seq: number): string => text(seq + 1);
  return {
    table: {
      sums: (seq) => sums.get(seq),
      putSums: (seq, row) => sums.put(seq, row),
      add: (seq, block) => blocks.put(keyOf(seq, block.first), Object.freeze({ ...block })),
      blocks(seq, from, blocksMax) {
        const found: PartBlock[] = [];
        const start = startOf(seq, from);
        const first = blocks.get(keyOf(seq, start));
        if (first !== undefined) found.push(first);
        for (const block of blocks.between(keyOf(seq, start), behind(seq))) {
          if (found.length >= blocksMax) break;
          found.push(block);
        }
        return found;
      },
    },
    forget(seq) {
      for (const { first } of [...blocks.between(text(seq), behind(seq))]) {
        blocks.drop(keyOf(seq, first));
      }
      sums.drop(seq);
    },
  };
}
