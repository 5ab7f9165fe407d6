/**
 * Owns the walk over every point at which the process of a durable run can die, for any store:
 * whatever was kept stands, is given again in its order, and is not done again; nothing is lost,
 * and the run ends once.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Store } from '../../src/ports/store.ts';
import { type Life, live, type Point } from './crash-walk.ts';
import { type Walk, walks } from './walks.ts';

/** Where a store is, for as long as it is walked on. */
export interface WalkPlace {
  readonly store: Store;
  leave(): Promise<void>;
}

/** A run that never ends is a failure, not a walk without end. */
const pointsMax = 60;

function judge(
  { traces, again, kept, steps, done, result }: Life,
  { leaves = [] }: Walk,
  crashes: number,
): void {
  assert.deepEqual(again, [], 'what was kept is not done again');
  const last = traces.at(-1) ?? [];
  for (const trace of traces) assert.deepEqual(trace, last.slice(0, trace.length));
  const ends = steps.filter(({ state }) => state !== 'running' && state !== 'waiting');
  const open = steps.filter((step) => !ends.includes(step)).map(({ key }) => key);
  assert.deepEqual(open, leaves, 'nothing else is open');
  for (const { key, kind, state, value } of ends) {
    if (kind !== 'step' || state !== 'returned') continue;
    assert.equal(JSON.stringify(value), kept.get(key), `${key} is as it was kept`);
  }
  for (const [key, times] of done)
    assert.ok(times <= 1 + crashes, `${key} was done ${times} times`);
  assert.notEqual(result, undefined);
}

/**
 * Which deaths a point is tried with: before and behind its commit on the store that is quick; on
 * the others in turns, unless all are asked for.
 */
const waysAt = (kind: string, at: number): readonly Point['fail'][] => {
  if (kind === 'memory' || process.env.HOLDFAST_WALK === 'all') return ['before', 'after'];
  return at % 2 === 0 ? ['before'] : ['after'];
};

/** How many points there were; each was died at. */
async function walkAll(kind: string, store: Store, walk: Walk): Promise<number> {
  const calm = await live(store, walk, null);
  judge(calm, walk, 0);
  for (let at = 1; at <= pointsMax; at += 1) {
    let came = 0;
    for (const fail of waysAt(kind, at)) {
      const life = await live(store, walk, { at, fail });
      judge(life, walk, 1);
      assert.deepEqual(life.traces.at(-1)?.length, calm.traces.at(-1)?.length);
      assert.equal(life.children, calm.children, 'children are started once');
      came = Math.max(came, life.points);
    }
    // A life that lost time may come by fewer points than a calm one: waits are over by then.
    if (came < at && at > calm.points) return at - 1;
  }
  assert.fail(`more than ${pointsMax} points`);
}

/** Walks every program on one store. */
export function crashWalk(kind: string, open: () => Promise<WalkPlace>): void {
  describe(`a crash at every point, on a store of the kind ${kind}`, { timeout: 280_000 }, () => {
    let place: WalkPlace;
    before(async () => {
      place = await open();
    });
    after(() => place.leave());

    for (const walk of walks) {
      it(walk.title, async (t) => {
        t.diagnostic(`${await walkAll(kind, place.store, walk)} points`);
      });
    }
  });
}
