/**
 * Owns the keeping and the reading of parts in an embedded store.
 *
 * P1 Whatever an item finds is decided by one row of sums: how many parts are kept, how many bytes,
 *    how many were dropped, and how many the present owner has sent.
 */
import { fenceHolds } from '../../core/fence.ts';
import { limits } from '../../core/limits.ts';
import type {
  AppendItem,
  AppendVerdict,
  PartBlock,
  PartsAsk,
  PartsPage,
} from '../../ports/store-parts.ts';
import { outcomeOf } from './row.ts';
import type { PartSums, PartTable } from './tables.ts';
import type { Txn } from './txn.ts';

/** Blocks that are read at once: each may be large. */
const blocksEach = 8;

const sumsNone: PartSums = { kept: 0, bytes: 0, dropped: 0, fence: 0, sent: 0 };

/** Keeps parts of running attempts. */
export function append(txn: Txn, items: readonly AppendItem[]): readonly AppendVerdict[] {
  return items.map((item): AppendVerdict => {
    const row = txn.tables.runs.bySeq(item.seq);
    if (row === undefined) {
      const message = `run number ${item.seq} is not in the store`;
      return { ok: false, code: 'run.not_found', message };
    }
    const { id, fence } = row;
    if (!fenceHolds(fence, item.fence) || row.stage !== 'running') {
      const message = `run '${id}' stands under fence ${fence}; fence ${item.fence} is over`;
      return { ok: false, code: 'fence.stale', message };
    }
    return keep(txn.tables.parts, item, id);
  });
}

function keep(parts: PartTable, item: AppendItem, id: string): AppendVerdict {
  const { seq, fence, attempt, from, count, content, bytes } = item;
  const sums = parts.sums(seq) ?? sumsNone;
  const sent = sums.fence === fence ? sums.sent : 0;
  if (from + count <= sent) return { ok: true, next: sums.kept, truncated: sums.dropped > 0 };
  if (from !== sent) return { ok: false, code: 'parts.gap', message: gap(id, from, sent) };
  const fits = content !== null && sums.dropped === 0 && sums.bytes + bytes <= limits.partsBytesMax;
  const after: PartSums = {
    kept: sums.kept + (fits ? count : 0),
    bytes: sums.bytes + (fits ? bytes : 0),
    dropped: sums.dropped + (fits ? 0 : count),
    fence,
    sent: sent + count,
  };
  parts.putSums(seq, after);
  if (fits) parts.add(seq, { first: sums.kept, count, attempt, content });
  return { ok: true, next: after.kept, truncated: after.dropped > 0 };
}

/** What is said of a gap, by every store. */
export const gap = (id: string, from: number, sent: number): string =>
  `run '${id}' has ${sent} parts of its owner; the next ones say that there were ${from}`;

/** Pages of parts, one for each ask. */
export function parts(txn: Txn, asks: readonly PartsAsk[]): readonly (PartsPage | null)[] {
  return asks.map(({ id, from, charsMax }) => {
    const row = txn.tables.runs.byId(id);
    if (row === undefined) return null;
    const { kept, dropped } = txn.tables.parts.sums(row.seq) ?? sumsNone;
    const blocks = from >= kept ? [] : pageOf(txn.tables.parts, row.seq, from, charsMax);
    return { blocks, kept, dropped, ended: row.stage === 'done' && outcomeOf(row) !== null };
  });
}

function pageOf(
  parts: PartTable,
  seq: number,
  from: number,
  charsMax: number,
): readonly PartBlock[] {
  const page: PartBlock[] = [];
  let chars = 0;
  for (let next = from; ; ) {
    const room = Math.min(blocksEach, limits.partsPageBlocksMax - page.length);
    const blocks = room === 0 ? [] : parts.blocks(seq, next, room);
    for (const block of blocks) {
      if (page.length > 0 && chars + block.content.length > charsMax) return page;
      chars += block.content.length;
      page.push(block);
      next = block.first + block.count;
    }
    if (blocks.length < room || room === 0) return page;
  }
}
