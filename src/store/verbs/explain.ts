/**
 * Owns the gathering of the facts from which one sentence explains why a run is not moving.
 */
import { limits } from '../../core/limits.ts';
import type { NodeRow } from '../../ports/store-nodes.ts';
import type { ExplainFacts } from '../../ports/store-reads.ts';
import { nodes } from './nodes.ts';
import { tenantView, viewOf } from './reads.ts';
import type { Queue } from './tables.ts';
import type { Txn } from './txn.ts';

/** Whether a node hosts what may execute the run. */
export const hostOf =
  ({ fn, pin }: Queue) =>
  ({ functions }: Pick<NodeRow, 'functions'>): boolean =>
    functions.some((one) => one.fn === fn && (pin === null || one.version === pin));

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
    hosts: here.filter(hostOf(row)).length,
    nodes: here.length,
    timed: timedBy(here, row.fn),
    slotAhead: row.rank === null ? 0 : runs.countReadyBefore(row, row.rank, row.seq, bound),
    childrenOpen: txn.tables.kin.count(row.seq, true, limits.batchItemsMax),
    now: txn.moment.wall,
  };
}

/** Of terms that decide when runs are due, the one that the newest of these nodes tells. */
export function timedBy(nodes: readonly NodeRow[], fn: string): ExplainFacts['timed'] {
  const told = nodes.flatMap((node) => node.functions.filter((one) => one.fn === fn)).at(-1);
  const flow = told?.start?.flow;
  if (flow?.debounce !== undefined) return 'debounce';
  return flow?.throttle === undefined ? null : 'throttle';
}
