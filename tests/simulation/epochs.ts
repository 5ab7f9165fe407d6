/**
 * Owns numbers that are never given out again, not even after commits were lost: fences and keys of
 * nodes. (Those of runs are the database's.)
 *
 * N1 Each failover begins an epoch. What is given out in it is greater than all from before.
 * N2 What stands in a row stays: an owner from before a failover that lost nothing is one still.
 */
import { nodeKeyOf } from '../../src/core/execution/run.ts';
import { type Fence, fenceOf } from '../../src/core/fence.ts';
import type { NodeTable, RunRow, RunTable, Tables } from '../../src/store/verbs/tables.ts';

/** More than are ever given out within one epoch. */
const perEpoch = 1_000_000;

/** The greatest fence that may have been given out before this epoch. */
export const floorOf = (epoch: number): Fence => fenceOf(epoch * perEpoch);

/** The same tables, giving out numbers of the current epoch. */
export function withEpochs<T extends Tables>(tables: T, epoch: () => number): T {
  return { ...tables, runs: epochRuns(tables.runs, epoch), nodes: epochNodes(tables.nodes, epoch) };
}

/** A claim gives out the fence after the one that it reads. */
function epochRuns<T extends RunTable>(runs: T, epoch: () => number): T {
  const lifted = (row: RunRow): RunRow => {
    const floor = floorOf(epoch());
    return row.fence >= floor ? row : { ...row, fence: floor };
  };
  return { ...runs, ready: (fn, rowsMax) => runs.ready(fn, rowsMax).map(lifted) };
}

function epochNodes(nodes: NodeTable, epoch: () => number): NodeTable {
  return {
    ...nodes,
    insert(record) {
      const given = nodes.insert(record);
      if (epoch() === 0) return given;
      const node = nodeKeyOf(epoch() * perEpoch + given);
      nodes.remove(given);
      nodes.update({ ...record, node });
      return node;
    },
  };
}
