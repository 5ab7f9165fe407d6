/**
 * Owns keys of nodes that are never given out again, not even after commits were lost, by the rule
 * of `src/store/epochs.ts`. Fences are the verbs', numbers of runs the database's.
 */
import { nodeKeyOf } from '../../src/core/execution/run.ts';
import { floorOf } from '../../src/store/epochs.ts';
import type { NodeTable, Tables } from '../../src/store/verbs/tables.ts';

/** The same tables, giving out keys of the current epoch. */
export function withEpochs<T extends Tables>(tables: T, epoch: () => number): T {
  return { ...tables, nodes: epochNodes(tables.nodes, epoch) };
}

function epochNodes(nodes: NodeTable, epoch: () => number): NodeTable {
  return {
    ...nodes,
    insert(record) {
      const given = nodes.insert(record);
      if (epoch() === 0) return given;
      const node = nodeKeyOf(floorOf(epoch()) + given);
      nodes.remove(given);
      nodes.update({ ...record, node });
      return node;
    },
  };
}
