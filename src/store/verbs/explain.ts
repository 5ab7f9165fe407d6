/**
 * Owns the gathering of the facts from which one sentence explains why a run is not moving.
 */
import { limits } from '../../core/limits.ts';
import type { ExplainFacts } from '../../ports/store-reads.ts';
import { nodes } from './nodes.ts';
import { tenantView, viewOf } from './reads.ts';
import type { Txn } from './txn.ts';

/** The facts around one run, or null when the store does not know it. */
export function explain(txn: Txn, id: string): ExplainFacts | null {
  const { runs, settings } = txn.tables;
  const row = runs.byId(id);
  if (row === undefined) return null;
  const here = nodes(txn).filter((node) => node.state === 'live' && !node.leaseOver);
  const { lane } = row;
  const holders = lane === null ? [] : runs.laneHolders(lane, limits.laneWidthMax);
  const bound = limits.pageScanRowsMax;
  const inLaneQueue = lane !== null && row.stage === 'lane';
  return {
    run: viewOf(txn, row),
    laneHolders: holders.map((holder) => viewOf(txn, holder)),
    laneAhead: inLaneQueue ? runs.countLaneBefore(lane, row.seq, bound) : 0,
    tenant: tenantView(txn, row.tenant),
    pauses: settings
      .pauses()
      .filter(({ kind, key }) => key === (kind === 'lane' ? row.lane : row.fn)),
    hosts: here.filter((node) => node.functions.some(({ fn }) => fn === row.fn)).length,
    nodes: here.length,
    slotAhead: row.rank === null ? 0 : runs.countReadyBefore(row.fn, row.rank, row.seq, bound),
    now: txn.moment.wall,
  };
}
