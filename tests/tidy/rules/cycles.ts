/**
 * No import cycle in src/, imports of types included: files in a cycle are one file in pieces. A
 * cycle is reported once, at the first of its files by name, by its shortest round.
 */
import { importsOf } from '../imports.ts';
import { finding, type Rule, type Source } from '../source.ts';

export const cycles: Rule = {
  name: 'cycle',
  check(source, all) {
    if (!source.path.startsWith('src/')) return [];
    const graph = graphOf(all);
    const round = shortestRound(graph, source.path);
    if (round === undefined || round.some((path) => path < source.path)) return [];
    const first = importsOf(source).find((one) => one.target === round[1]);
    const way = [...round, source.path].join(' -> ');
    return [finding(source, cycles, first?.at ?? 0, `${way}; move what both need to a file below`)];
  },
};

type Graph = ReadonlyMap<string, readonly string[]>;

const graphs = new WeakMap<readonly Source[], Graph>();

function graphOf(all: readonly Source[]): Graph {
  const known = graphs.get(all);
  if (known !== undefined) return known;
  const graph = new Map(
    all
      .filter((source) => source.path.startsWith('src/'))
      .map((source) => [source.path, importsOf(source).flatMap((one) => one.target ?? [])]),
  );
  graphs.set(all, graph);
  return graph;
}

/** The files from `start` back to it, by breadth first; undefined when there is no way back. */
function shortestRound(graph: Graph, start: string): string[] | undefined {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
    for (const next of graph.get(at) ?? []) {
      if (next === start) return wayTo(cameFrom, start, at);
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, at);
      queue.push(next);
    }
  }
  return undefined;
}

function wayTo(cameFrom: ReadonlyMap<string, string>, start: string, end: string): string[] {
  const way = [end];
  for (let at = end; at !== start; ) {
    at = cameFrom.get(at) ?? start;
    way.unshift(at);
  }
  return way;
}
