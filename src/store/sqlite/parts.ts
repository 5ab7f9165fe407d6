/**
 * Owns the parts of runs in the file: blocks by run and first offset, and the sums of each run.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { PartBlock } from '../../ports/store-parts.ts';
import type { PartTable } from '../verbs/tables.ts';
import { query } from './statement.ts';

type BlockTuple = readonly [first: number, count: number, attempt: number, content: string];
type SumsTuple = readonly [
  kept: number,
  bytes: number,
  dropped: number,
  fence: number,
  sent: number,
];

const blockOf = ([first, count, attempt, content]: BlockTuple): PartBlock => ({
  first,
  count,
  attempt,
  content,
});

/** Opens the table. */
export function openParts(db: DatabaseSync): PartTable {
  /** By rowid. */
  const sums = query<SumsTuple>(
    db,
    'SELECT kept, bytes, dropped, fence, sent FROM part_sums WHERE seq = ?',
  );
  const putSums = query(
    db,
    `INSERT OR REPLACE INTO part_sums (seq, kept, bytes, dropped, fence, sent)
     VALUES (?, ?, ?, ?, ?, ?)`,
  );
  const add = query(
    db,
    'INSERT INTO parts (seq, first, count, attempt, content) VALUES (?, ?, ?, ?, ?)',
  );
  /** By the primary key, from the block in which the offset stands. */
  const blocks = query<BlockTuple>(
    db,
    `SELECT first, count, attempt, content FROM parts
     WHERE seq = ?1 AND first >= coalesce(
       (SELECT max(first) FROM parts WHERE seq = ?1 AND first <= ?2), 0) AND first + count > ?2
     ORDER BY first LIMIT ?3`,
  );
  return {
    sums(seq) {
      const tuple = sums.one(seq);
      if (tuple === undefined) return undefined;
      const [kept, bytes, dropped, fence, sent] = tuple;
      return { kept, bytes, dropped, fence, sent };
    },
    putSums(seq, { kept, bytes, dropped, fence, sent }) {
      putSums.run(seq, kept, bytes, dropped, fence, sent);
    },
    add(seq, { first, count, attempt, content }) {
      add.run(seq, first, count, attempt, content);
    },
    blocks: (seq, from, blocksMax) => blocks.all(seq, from, blocksMax).map(blockOf),
  };
}
