import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Store } from '../ports/store.ts';
import { createMemoryStore } from '../store/memory/memory-store.ts';
import { faultyStore, type StoreCall, type StoreFault, wrapStore } from './faulty-store.ts';
import { SimulatedClock, settle } from './simulated-clock.ts';

const keepNothing = {
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  'timed-out': 0,
  rejected: 0,
  lost: 0,
};

/** A store with one pause as the thing that is committed or not. */
function scene(decide: (call: StoreCall) => StoreFault | null) {
  const clock = new SimulatedClock();
  const real = createMemoryStore({ clock });
  const store = faultyStore(real, { clock, decide });
  const paused = async (): Promise<boolean> => (await real.pauses()).length > 0;
  return { clock, store, paused };
}

describe('a faulty store', () => {
  it('does nothing to a call that the plan leaves alone', async () => {
    const { store, paused } = scene(() => null);
    await store.pause('lane', 'a', 'why');
    assert.equal(await paused(), true);
  });

  it('commits nothing when it fails before the commit (W1)', async () => {
    const { store, paused } = scene(() => ({ fail: 'before' }));
    await assert.rejects(store.pause('lane', 'a', 'why'), {
      code: 'store.unavailable',
      message: 'pause: the store failed before the commit (a planned fault)',
    });
    assert.equal(await paused(), false);
  });

  it('commits all when the answer is lost, and says nothing of it (W1)', async () => {
    const { store, paused } = scene(() => ({ fail: 'after' }));
    await assert.rejects(store.pause('lane', 'a', 'why'), { code: 'store.unavailable' });
    assert.equal(await paused(), true);
  });

  it('commits late what was given up at once (W1)', async () => {
    const { clock, store, paused } = scene(() => ({ delayMs: 10, fail: 'late' }));
    await assert.rejects(store.pause('lane', 'a', 'why'), { code: 'store.unavailable' });
    await clock.advance(9);
    assert.equal(await paused(), false);
    await clock.advance(1);
    assert.equal(await paused(), true);
  });

  it('delays the commit and the answer by its clock', async () => {
    const { clock, store, paused } = scene(() => ({ delayMs: 10, answerDelayMs: 5 }));
    let answered = false;
    const call = store.pause('lane', 'a', 'why').then(() => {
      answered = true;
    });
    await clock.advance(9);
    assert.equal(await paused(), false);
    await clock.advance(1);
    assert.equal(await paused(), true);
    assert.equal(answered, false);
    await clock.advance(5);
    await call;
    assert.equal(answered, true);
  });

  it('asks the plan once a call, in order, with the arguments (W2)', async () => {
    const calls: StoreCall[] = [];
    const { store } = scene((call) => {
      calls.push(call);
      return null;
    });
    await store.pause('lane', 'a', 'why');
    await store.counts();
    assert.deepEqual(calls, [
      { verb: 'pause', args: ['lane', 'a', 'why'], number: 1 },
      { verb: 'counts', args: [], number: 2 },
    ]);
  });

  it('needs a clock for a delay, and says so', async () => {
    const clock = new SimulatedClock();
    const store = faultyStore(createMemoryStore({ clock }), { decide: () => ({ delayMs: 1 }) });
    await assert.rejects(store.counts(), { code: 'request.invalid', message: /needs the clock/ });
  });
});

describe('a wrapped store', () => {
  it('passes every verb on, and what keeps nodes alive as it is', async () => {
    const clock = new SimulatedClock();
    const real: Store = createMemoryStore({ clock });
    const seen: string[] = [];
    const store = wrapStore(real, (call, make) => {
      seen.push(call.verb);
      return make();
    });
    const joined = await store.join({
      name: 'n',
      process: { hostId: 'h', hostName: 'h', pid: 1, startedAt: '1' },
      ttlMs: 1_000,
      slots: 1,
      functions: [],
    });
    assert.ok(joined.ok);
    const { node } = joined;
    let beats = 0;
    const onBeat = (): void => {
      beats += 1;
    };
    const keeper = store.keepAlive({ node, everyMs: 100, ttlMs: 1_000, onBeat, onFenced() {} });
    await settle(2);
    assert.equal(beats, 1);
    await keeper.stop();
    const verbs = Object.keys(real).filter((name) => name in store && !own.has(name));
    const never = { kind: 'left', detail: { code: 'x', message: 'x' } } as const;
    const key = { id: 'k', name: 'k', hash: 'h', scope: 'read', tenant: null } as const;
    const calls: readonly Promise<unknown>[] = [
      ...[store.start([]), store.end([]), store.note([]), store.settled(node, [])],
      ...[store.append([]), store.parts([])],
      ...[store.claim({ node, functions: [], runsMax: 1 }), store.cancel([]), store.retry([])],
      ...[store.redrive([]), store.discard([]), store.repin([]), store.pinned(1)],
      ...[store.dead({ filter: {}, before: null, rowsMax: 1 })],
      store.children({ id: 'x', group: null, after: null, rowsMax: 1, results: false }),
      ...[store.sweep(1), store.prune(keepNothing, 1), store.pause('lane', 'a', 'b')],
      ...[store.resume('lane', 'a'), store.stops(node), store.owned(node, 1), store.nodes()],
      ...[store.setTenant({ tenant: 't', weight: 1, runningMax: null, waitingMax: null })],
      ...[store.get('x'), store.list({ filter: {}, before: null, rowsMax: 1 }), store.ends([])],
      ...[store.explain('x'), store.logs('x', null, 1), store.lanes(1), store.tenants(1)],
      ...[store.pauses(), store.counts(), store.examine(), store.drain(node)],
      ...[store.leave(node), store.recover(node, never, 1)],
      ...[store.putKey(key), store.keys(), store.revokeKey('x'), store.touchKey('x')],
      store.secret('cursors', 'x'),
      ...[
        store.record([]),
        store.emit([]),
        store.answer([]),
        store.signal([]),
        store.answers([]),
        store.state('x'),
        store.fork([]),
        store.steps('x', 0, 1),
        store.children({ id: 'x', group: null, after: null, rowsMax: 1, results: false }),
      ],
    ];
    await Promise.all(calls);
    await store.close();
    assert.deepEqual(new Set(seen), new Set(verbs));
  });
});

/** What a store has beside its verbs. */
const own = new Set(['kind', 'keepAlive', 'viewFor', 'snapshot', 'restore', 'rows']);
