/**
 * Every history there can be of a small world: one lane of width 1, two runs in it, two nodes, and
 * messages of owners that may come at any later time, also when the owner is dead or has lost the
 * run.
 *
 * The world is explored breadth first until nothing new is found. Beside the state that a store
 * keeps, it knows what no store can know: which code really executes where. A node that is
 * declared dead is dead here; that no live one is taken for dead, and that one which was has
 * stopped, is the lease's business.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Fence } from '../fence.ts';
import type { ErrorDetail } from '../outcome.ts';
import { wallMs } from '../time.ts';
import type { OwnerEvent, RunEvent } from './event.ts';
import type { NodeKey, Run, RunTerms } from './run.ts';
import { acceptedRun, nodeKeyOf } from './run.ts';
import { transition } from './transition.ts';

const now = wallMs(0);
const nodes = [nodeKeyOf(1), nodeKeyOf(2)] as const;
const error: ErrorDetail = { code: 'sample.error', message: 'a sample' };
const chance = 0;

const terms: RunTerms = {
  hasLane: true,
  hasSteps: true,
  deadlineAt: null,
  retry: { attemptsMax: 2, backoff: 'fixed', delayMs: 0, factor: 1, delayMsMax: 0, jitter: 0 },
  onCrash: 'retry',
  crashesMax: 2,
  attemptTimeoutMs: 1,
  graceMs: 0,
};

/** An ownership as the node that claimed it believes in it, and whether its code still executes. */
interface Belief {
  readonly node: NodeKey;
  readonly run: number;
  readonly attempt: number;
  readonly fence: Fence;
  readonly executes: boolean;
}

interface World {
  readonly runs: readonly Run[];
  readonly beliefs: readonly Belief[];
}

interface Move {
  readonly name: string;
  readonly to: World;
  /** The run whose state an owner's word changed, and the fence that the word named. */
  readonly commit?: { readonly run: number; readonly fence: Fence };
}

interface Bounds {
  readonly runs: number;
  readonly attemptsMax: number;
}

/** The store's part: performs the effects, and lets the oldest waiting run into a free lane. */
function settle(runs: readonly Run[]): readonly Run[] {
  const taken = runs.filter((run) => run.places.lane).length;
  const first = runs.findIndex((run) => run.status === 'queued' && run.gate === 'lane');
  if (taken > 0 || first < 0) return runs;
  return apply(runs, first, { type: 'grant-lane' }) ?? runs;
}

function apply(runs: readonly Run[], index: number, event: RunEvent): readonly Run[] | null {
  const run = runs[index];
  assert.ok(run !== undefined);
  const step = transition(run, terms, event, now);
  if (!step.ok) return null;
  const next = step.next;
  const freed = step.effects.filter((effect) => effect.do === 'free-lane').length;
  assert.equal(freed, run.places.lane && !next.places.lane ? 1 : 0, `free-lane at ${event.type}`);
  return settle(runs.with(index, next));
}

/** What the node can say at any time in the name of an ownership that it believes in. */
function words(fence: Fence, executes: boolean): readonly OwnerEvent[] {
  const timeOut = { type: 'time-out', fence, error, chance, scope: 'attempt' } as const;
  if (executes) {
    return [
      { ...timeOut, settled: false },
      { type: 'stopped', fence, settled: false },
    ];
  }
  return [
    { type: 'succeed', fence },
    { type: 'fail', fence, error, chance },
    { ...timeOut, settled: true },
    { type: 'stopped', fence, settled: true },
    { type: 'hand-back', fence },
    { type: 'park', fence, wakeAt: null },
  ];
}

/** What happens without an owner's word. A parked run may wake, a cancel may come at any time. */
const others: readonly RunEvent[] = [
  { type: 'came-due' },
  { type: 'grant-tenant', counted: false },
  { type: 'wake' },
  { type: 'cancel', reason: 'a sample' },
  { type: 'overdue', cause: 'attempt', chance },
  { type: 'overdue', cause: 'stop', chance },
];

function* movesFrom(world: World, bounds: Bounds): Generator<Move> {
  for (let index = 0; index < world.runs.length; index++) {
    for (const event of others) {
      const runs = apply(world.runs, index, event);
      if (runs !== null) yield { name: `${event.type} ${index}`, to: { ...world, runs } };
    }
    yield* claims(world, index, bounds);
  }
  for (const [at, belief] of world.beliefs.entries()) yield* ownersMoves(world, at, belief);
  for (const node of nodes) yield death(world, node);
}

function* claims(world: World, index: number, bounds: Bounds): Generator<Move> {
  if ((world.runs[index]?.attempt ?? 0) >= bounds.attemptsMax) return;
  for (const owner of nodes) {
    const runs = apply(world.runs, index, { type: 'claim', owner });
    const claimed = runs?.[index];
    if (runs === null || claimed === undefined) continue;
    const { attempt, fence } = claimed;
    const belief: Belief = { node: owner, run: index, attempt, fence, executes: true };
    yield { name: `claim ${index}`, to: { runs, beliefs: [...world.beliefs, belief] } };
  }
}

function* ownersMoves(world: World, at: number, belief: Belief): Generator<Move> {
  const { node, run, attempt, fence, executes } = belief;
  for (const event of words(fence, executes)) {
    const runs = apply(world.runs, run, event);
    if (runs === null) continue;
    yield { name: `${event.type} ${run}`, to: { ...world, runs }, commit: { run, fence } };
  }
  if (executes) {
    const beliefs = world.beliefs.with(at, { ...belief, executes: false });
    yield { name: `code stops ${run}`, to: { ...world, beliefs } };
    return;
  }
  // The node says so, at any later time, and perhaps twice.
  const runs = apply(world.runs, run, { type: 'settled', owner: node, attempt });
  if (runs !== null) yield { name: `settled ${run}`, to: { ...world, runs } };
}

/**
 * A node dies with all its code; what it sent may still be under way. The detector takes its runs.
 */
function death(world: World, node: NodeKey): Move {
  const beliefs = world.beliefs.map((belief) =>
    belief.node === node ? { ...belief, executes: false } : belief,
  );
  let runs = world.runs;
  for (const [index, run] of world.runs.entries()) {
    const event: RunEvent | null =
      run.status === 'running' && run.owner === node
        ? { type: 'owner-died', fence: run.fence, evidence: error }
        : 'lingering' in run && run.lingering === node
          ? { type: 'settled', owner: node, attempt: run.attempt }
          : null;
    if (event !== null) runs = apply(runs, index, event) ?? runs;
  }
  return { name: `node ${node} dies`, to: { runs, beliefs } };
}

interface Exploration {
  readonly worlds: ReadonlyMap<string, World>;
  readonly moves: ReadonlyMap<string, readonly string[]>;
}

/** Every world that can be reached. `check` sees every move once. */
function explore(bounds: Bounds, check: (from: World, move: Move) => void): Exploration {
  const keyOf = (world: World): string => JSON.stringify(world);
  const queued = acceptedRun(now);
  const start: World = { runs: Array.from({ length: bounds.runs }, () => queued), beliefs: [] };
  const worlds = new Map<string, World>([[keyOf(start), start]]);
  const moves = new Map<string, string[]>();
  // A map is walked in the order of insertion, also what is added on the way.
  for (const [key, world] of worlds) {
    const onward: string[] = [];
    for (const move of movesFrom(world, bounds)) {
      check(world, move);
      const next = keyOf(move.to);
      if (!worlds.has(next)) worlds.set(next, move.to);
      if (next !== key) onward.push(next);
    }
    moves.set(key, onward);
  }
  return { worlds, moves };
}

function invariants(from: World, { name, to, commit }: Move): void {
  const executing = to.beliefs.filter((belief) => belief.executes);
  assert.ok(executing.length <= 1, `G4: ${executing.length} executions in the lane after ${name}`);
  const holders = to.runs.filter((run) => run.places.lane);
  assert.ok(holders.length <= 1, `G4: ${holders.length} holders of the lane after ${name}`);
  for (const [index, run] of to.runs.entries()) {
    const before = from.runs[index];
    assert.ok(before !== undefined && run.fence >= before.fence, `F1 after ${name}`);
    if (before.status !== 'done') continue;
    assert.ok(run.status === 'done', `G2: an outcome was taken back by ${name}`);
    assert.deepEqual(run.outcome, before.outcome, `G2 after ${name}`);
  }
  if (commit === undefined) return;
  const owned = from.runs[commit.run];
  assert.ok(owned?.status === 'running' && owned.fence === commit.fence, `G1: ${name}`);
  const mine = from.beliefs.filter(
    ({ run, fence }) => run === commit.run && fence === commit.fence,
  );
  assert.deepEqual(
    mine.map(({ node }) => node),
    [owned.owner],
    `G1: one ownership under one fence, after ${name}`,
  );
}

/**
 * From every world some sequence of moves leads to one in which every run is done and the lane
 * free.
 */
function assertNoneStuck({ worlds, moves }: Exploration): void {
  const back = new Map<string, string[]>();
  for (const [from, onward] of moves) {
    for (const to of onward) back.set(to, [...(back.get(to) ?? []), from]);
  }
  const isOver = ({ runs }: World): boolean =>
    runs.every((run) => run.status === 'done' && !run.places.lane);
  const good = new Set([...worlds].filter(([, world]) => isOver(world)).map(([key]) => key));
  for (const key of good) for (const from of back.get(key) ?? []) good.add(from);
  const stuck = [...worlds.keys()].filter((key) => !good.has(key));
  assert.equal(stuck.length, 0, `G3: no way out of ${stuck.length} worlds, such as ${stuck[0]}`);
}

describe('the ownership protocol, in every history', () => {
  it('has one owner, one result and one execution in the lane: one run, three attempts', () => {
    const exploration = explore({ runs: 1, attemptsMax: 3 }, invariants);
    assert.ok(exploration.worlds.size > 500, `${exploration.worlds.size} worlds`);
    assertNoneStuck(exploration);
  });

  it('has one owner, one result and one execution in the lane: two runs, two attempts', () => {
    const exploration = explore({ runs: 2, attemptsMax: 2 }, invariants);
    assert.ok(exploration.worlds.size > 5_000, `${exploration.worlds.size} worlds`);
    assertNoneStuck(exploration);
  });
});
