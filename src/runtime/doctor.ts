/**
 * Owns what a runtime finds wrong with what surrounds the store: the process table, nodes,
 * functions.
 *
 * X1 Each finding says what was seen; one that is not `ok` says what to do as well.
 */
import { limits } from '../core/limits.ts';
import type { World } from '../engine/world.ts';
import type { NodeRow } from '../ports/store-nodes.ts';
import type { PinnedRuns, StoreFinding } from '../ports/store-reads.ts';
import { unhostedRuns } from './pinning.ts';

/** Versions that are named, of those that nobody hosts. */
const versionsToldMax = 5;
/** Share of a bound from which on it is warned about. */
const nearShare = 0.8;

/** Examines store and surroundings. */
export async function examine(world: World): Promise<readonly StoreFinding[]> {
  const { store } = world;
  const [findings, rows, counts, functions, alone] = await Promise.all([
    store.examine(),
    store.nodes(),
    store.counts(),
    waitingFunctions(world),
    unhostedRuns(world),
  ]);
  const live = counts.queued + counts.running + counts.parked + counts.quarantined;
  return [
    ...findings,
    processes(world),
    ...nodes(rows),
    unhosted(rows, functions),
    ...versions(alone),
    bound('limits', 'unfinished runs', live, limits.liveRunsMax),
    quarantine(counts.quarantined),
  ];
}

const finding = (check: string, level: StoreFinding['level'], message: string): StoreFinding => ({
  check,
  level,
  message,
});

/** Whether this host can prove deaths at all. */
function processes({ processes: table }: World): StoreFinding {
  const state = table.look(table.self());
  if (state === 'alive') return finding('liveness', 'ok', 'the process table can be read');
  const message =
    `the process table says '${state}' of this very process, so that a death cannot be proven ` +
    'and takeover waits for leases; make /proc readable';
  return finding('liveness', 'warn', message);
}

function nodes(rows: readonly NodeRow[]): readonly StoreFinding[] {
  const present = rows.filter(({ state }) => state === 'live' || state === 'draining');
  const silent = present.filter(({ leaseOver }) => leaseOver);
  const holding = rows.filter((row) => row.state !== 'live' && row.running > 0);
  const found: StoreFinding[] = [];
  for (const { name, renewedAgoMs, running } of silent) {
    const message =
      `node '${name}' has been silent for ${Math.round(renewedAgoMs / 1_000)} s and owns ` +
      `${running} runs; a live node takes them over, so start one if none is up`;
    found.push(finding('nodes', 'warn', message));
  }
  for (const { name, state, running } of holding) {
    if (state === 'draining') continue;
    const message = `node '${name}' is ${state} and still owns ${running} runs; start a node`;
    found.push(finding('nodes', 'warn', message));
  }
  if (found.length > 0) return found;
  const what = present.length === 1 ? 'one node is up' : `${present.length} nodes are up`;
  return [finding('nodes', 'ok', `${what}, each within its lease`)];
}

/** Functions of the newest waiting runs: a page, not a scan. */
async function waitingFunctions({ store }: World): Promise<ReadonlySet<string>> {
  const rowsMax = limits.pageRowsMax;
  const page = await store.list({ filter: { status: 'queued' }, before: null, rowsMax });
  return new Set(page.runs.map(({ fn }) => fn));
}

function unhosted(rows: readonly NodeRow[], waiting: ReadonlySet<string>): StoreFinding {
  const live = rows.filter((row) => row.state === 'live' && !row.leaseOver);
  const hosted = new Set(live.flatMap(({ functions }) => functions.map(({ fn }) => fn)));
  const alone = [...waiting].filter((fn) => !hosted.has(fn)).sort();
  if (alone.length === 0) {
    return finding('functions', 'ok', 'every function with waiting runs is hosted');
  }
  const names = alone.slice(0, 5).join(', ');
  const message = `runs wait for ${names}, which no live node hosts; start one that does`;
  return finding('functions', 'warn', message);
}

/** Runs that would go on with a version that nobody up could execute. */
function versions(alone: readonly PinnedRuns[]): readonly StoreFinding[] {
  if (alone.length === 0) {
    return [finding('versions', 'ok', 'every version that unfinished runs need is hosted')];
  }
  return alone.slice(0, versionsToldMax).map(({ fn, version, unfinished, waiting }) => {
    const runs =
      unfinished === 1 ? 'one unfinished run needs' : `${unfinished} unfinished runs need`;
    const message =
      `${runs} version '${version}' of '${fn}', which no live node hosts (${waiting} could begin ` +
      'now); start a node that does, or send them on: holdfast repin <id> --current';
    return finding('versions', 'warn', message);
  });
}

function bound(check: string, what: string, value: number, max: number): StoreFinding {
  const message = `${value} ${what}; the limit is ${max}`;
  if (value < max * nearShare) return finding(check, 'ok', message);
  return finding(check, 'warn', `${message}: add nodes, or start less`);
}

function quarantine(count: number): StoreFinding {
  if (count === 0) return finding('quarantine', 'ok', 'no run is quarantined');
  const what = count === 1 ? 'one run is' : `${count} runs are`;
  const message = `${what} quarantined after crashes; look at the evidence, then retry or cancel`;
  return finding('quarantine', 'warn', message);
}
