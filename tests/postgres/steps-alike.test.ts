/**
 * Random lives of durable runs, on Postgres and in memory side by side: whatever way a call takes
 * in the database, its answer is that of the verbs over plain tables.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { NodeKey } from '../../src/core/execution/run.ts';
import type { Store } from '../../src/ports/store.ts';
import type { ClaimedRun } from '../../src/ports/store-runs.ts';
import { createMemoryStore } from '../../src/store/memory/memory-store.ts';
import { systemClock } from '../../src/system/clock.ts';
import { SimulatedClock, seededRandom } from '../../src/testing/index.ts';
import { drawParent, drawStepCall } from '../sqlite/step-life.ts';
import { type StoreScene, storeScene } from './store-scene.ts';

const seeds = 5;
const calls = 150;
const tenants = ['t1', 't2'];
const error = { code: 'attempt.failed', message: 'it failed' };

/** Times are those of two clocks: only whether there is one is compared. */
const timed = new Set(['begunAt', 'at', 'wakeAt', 'now', 'nextDueAt', 'acceptedAt', 'startedAt']);
/** Numbers of runs have gaps on Postgres. */
const also = new Set(['endedAt', 'finishedAt', 'dueAt', 'seq']);

function timeless(value: unknown): unknown {
  const text = JSON.stringify(value, (key, one: unknown) =>
    typeof one === 'number' && (timed.has(key) || also.has(key)) ? 'time' : one,
  );
  return JSON.parse(text.replaceAll(/\\"at\\":\d+/g, '\\"at\\":0'));
}

type Verb = Exclude<keyof Store, 'kind' | 'keepAlive'>;

interface Claimed {
  readonly runs: ClaimedRun[];
}

class Pair {
  readonly #memory: Store;
  readonly #postgres: Store;
  readonly #clock: SimulatedClock;
  readonly #real = systemClock();
  /** The number of a run in memory, by that on Postgres. */
  readonly #seqs = new Map<number, number>();

  constructor(at: StoreScene, clock: SimulatedClock) {
    this.#clock = clock;
    this.#memory = createMemoryStore({ clock });
    this.#postgres = at.store;
  }

  /** Calls both, lets both clocks move on, and gives the answer of Postgres. */
  async call(verb: Verb, ...args: readonly unknown[]): Promise<unknown> {
    const ask = (store: Store, given: readonly unknown[]): Promise<unknown> =>
      (store[verb] as (...all: readonly unknown[]) => Promise<unknown>)(...given);
    const own = JSON.parse(JSON.stringify(args), (key, value) =>
      key === 'seq' ? this.#seqs.get(value) : value,
    );
    const [expected, answer] = await Promise.all([
      ask(this.#memory, own),
      ask(this.#postgres, args),
    ]);
    if (verb === 'claim') this.#learn(answer as Claimed, expected as Claimed);
    assert.deepEqual(timeless(answer), timeless(expected), `${verb} ${JSON.stringify(args)}`);
    const from = this.#real.wall();
    await this.#clock.advance(5);
    while (this.#real.wall() < from + 2) await turn();
    return answer;
  }

  /** All are claimed: their order, which hangs on times, makes no difference. */
  #learn(here: Claimed, there: Claimed): void {
    for (const { runs } of [here, there]) runs.sort((a, b) => (a.id < b.id ? -1 : 1));
    for (const [at, { seq }] of here.runs.entries()) {
      this.#seqs.set(seq, there.runs[at]?.seq ?? 0);
    }
  }

  close(): Promise<void> {
    return this.#memory.close();
  }
}

interface Life {
  readonly at: StoreScene;
  readonly pair: Pair;
  readonly random: ReturnType<typeof seededRandom>;
  readonly node: NodeKey;
  readonly ids: string[];
  readonly owned: ClaimedRun[];
  readonly drawn: { count: number };
}

async function act(life: Life): Promise<void> {
  const { pair, random, ids, owned, node } = life;
  const kind = random.pick(['start', 'claim', 'claim', 'end', 'cancel', 'sweep', 'retry']);
  if (kind === 'start') {
    const wish = { tenant: random.pick(tenants), lane: random.pick([null, null, 'x']) };
    const place = drawParent({ ...life, tenants, waitsMs: [] });
    const item = life.at.scene.item({ ...wish, laneWidth: 3, ...place });
    ids.push(item.id);
    await pair.call('start', [item]);
  } else if (kind === 'claim') {
    const versions = random.pick([[], ['1'], ['1', '2']]);
    const functions = [{ fn: 'work', runsMax: 100, versions }];
    const reply = await pair.call('claim', { node, functions, runsMax: 100 });
    owned.push(...(reply as Claimed).runs);
  } else if (kind === 'end') {
    const [run] = owned.splice(random.int(Math.max(1, owned.length)), 1);
    if (run === undefined) return;
    const end = random.pick([
      { how: 'succeeded', result: '1' },
      { how: 'failed', error, chance: 0.5 },
      { how: 'diverged', error: { ...error, code: 'replay.diverged' } },
    ]);
    await pair.call('end', [{ seq: run.seq, fence: run.fence, end }]);
  } else if (kind === 'cancel') {
    if (random.chance(0.3)) await pair.call('cancel', [{ id: random.pick(ids), reason: 'why' }]);
  } else if (kind === 'retry') {
    const newId = `again ${ids.push(`again ${ids.length}`) - 1}`;
    await pair.call('retry', [{ id: random.pick(ids), newId }]);
  } else if (random.chance(0.5)) await pair.call('pinned', 100);
  else await pair.call('sweep', 100);
}

describe('steps on Postgres and in memory', () => {
  for (let seed = 1; seed <= seeds; seed += 1) {
    it(`answer alike (seed ${seed})`, async () => {
      await using at = await storeScene();
      const random = seededRandom(seed);
      const pair = new Pair(at, new SimulatedClock());
      const joined = await pair.call('join', at.scene.card());
      const { node } = joined as { readonly node: NodeKey };
      const life: Life = {
        ...{ at, pair, random, node, ids: ['run-0'], owned: [] },
        drawn: { count: 0 },
      };
      for (let n = 0; n < calls; n += 1) {
        if (random.chance(0.35)) await act(life);
        else {
          const [verb, ...args] = drawStepCall({
            ...life,
            tenants,
            waitsMs: [3_600_000, 7_200_000],
          });
          await pair.call(verb, ...args);
        }
      }
      for (const id of life.ids) {
        await pair.call('steps', id, 0, 100);
        await pair.call('get', id);
        const ask = { id, group: random.pick(['a', null]), after: null, rowsMax: 3 };
        await pair.call('children', { ...ask, results: true });
      }
      await at.scene.nothingIsWrong();
      await pair.close();
    });
  }
});
