import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { defineFunction } from '../../src/define-function.ts';
import type { RunContext } from '../../src/engine/run-context.ts';
import type { StoreCall, StoreFault } from '../../src/testing/index.ts';
import { type Actor, Scene, verbsOf, watched } from './scene.ts';

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

/** Who executed what. */
interface Executed {
  readonly by: string;
  readonly ctx: RunContext;
  readonly end: PromiseWithResolvers<unknown>;
}

const executed: Executed[] = [];
beforeEach(() => {
  executed.length = 0;
});

/** The same function as hosted by a process of this name. */
const work = (by: string) =>
  defineFunction({
    name: 'work',
    retry: { attemptsMax: 2, backoff: 'fixed', delayMs: 50, jitter: 0 },
    run: (_input: unknown, ctx: RunContext) => {
      const end = Promise.withResolvers<unknown>();
      executed.push({ by, ctx, end });
      return end.promise;
    },
  });

const last = (): Executed => {
  const found = executed.at(-1);
  assert.ok(found !== undefined, 'nothing was executed');
  return found;
};

const lease = { leaseTtlMs: 10_000, heartbeatMs: 2_000 } as const;

const nodesOf = async ({ hf }: Actor) =>
  (await hf.nodes.list()).map(({ name, state, running }) => [name, state, running]);

describe('a process that is killed', () => {
  it('is proven dead and its runs are taken over within two looks (G7)', async () => {
    const a = await scene.open({ name: 'a', functions: [work('a')] });
    const run = await a.hf.start('work', 1);
    await scene.pass(1);
    const b = await scene.open({ name: 'b', functions: [work('b')] });
    await scene.pass(1);
    scene.kill(a);
    await scene.pass(1_000);
    assert.deepEqual([last().by, last().ctx.attempt, Number(last().ctx.fence)], ['b', 2, 3]);
    assert.equal(b.hf.stats().takenOver, 1);
    const kept = await b.hf.runs.get(run.id);
    const [crash] = kept?.attempts ?? [];
    assert.equal(crash?.end, 'crashed');
    assert.match(crash?.error?.message ?? '', /^the owner 'a' \(pid 100 on host\) is gone$/);
    assert.deepEqual(await nodesOf(b), [
      ['a', 'dead', 0],
      ['b', 'live', 1],
    ]);
    last().end.resolve('by b');
    assert.equal(await b.hf.runs.result(run.id), 'by b');
  });

  it('is recovered by the next one that starts, when no other was up', async () => {
    const a = await scene.open({ name: 'a', functions: [work('a')] });
    await a.hf.start('work', 1);
    await scene.pass(1);
    scene.kill(a);
    await scene.pass(60_000);
    const b = await scene.open({ name: 'b', functions: [work('b')] });
    await scene.pass(10);
    assert.equal(last().by, 'b');
    assert.equal(b.hf.stats().takenOver, 1);
    last().end.resolve(null);
  });

  it('does not keep a changed definition of its functions from starting in its place', async () => {
    const a = await scene.open({ name: 'a', functions: [work('a')] });
    await scene.pass(1);
    scene.kill(a);
    const changed = defineFunction({ name: 'work', laneWidth: 9, run: () => 'changed' });
    const b = await scene.open({ name: 'b', functions: [changed] });
    assert.equal(await (await b.hf.start(changed, 1)).result(), 'changed');
  });

  it('gets its run quarantined after as many crashes as allowed, with the evidence', async () => {
    let actor = await scene.open({ functions: [work('0')] });
    const { id } = await actor.hf.start('work', 1);
    for (const by of ['1', '2', '3']) {
      await scene.pass(10);
      scene.kill(actor);
      actor = await scene.open({ functions: [work(by)] });
    }
    await scene.pass(1_000);
    const run = await actor.hf.runs.get(id);
    assert.deepEqual([run?.status, run?.crashes], ['quarantined', 3]);
    assert.match((await actor.hf.runs.explain(id)).sentence, /set aside after 3 crashes/);
    const again = await actor.hf.runs.retry(id);
    assert.deepEqual([again.id, again.created], [id, false]);
    await scene.pass(10);
    last().end.resolve('at last');
    assert.equal(await again.result(), 'at last');
  });

  it('is waited for until its lease is over where it cannot be looked up', async () => {
    const a = await scene.open({ name: 'a', functions: [work('a')], ...lease });
    await a.hf.start('work', 1);
    await scene.pass(1);
    await scene.open({ name: 'b', functions: [work('b')], ...lease });
    scene.kill(a);
    scene.mark(a, 'unknown');
    await scene.pass(9_000);
    assert.equal(executed.length, 1);
    await scene.pass(4_000);
    assert.equal(last().by, 'b');
    last().end.resolve(null);
  });
});

describe('a process that is frozen past its lease', () => {
  it('is taken over, and refused and fenced when it goes on (G1, G7)', async () => {
    const a = await scene.open({ name: 'a', functions: [work('a')], ...lease });
    const run = await a.hf.start('work', 1);
    await scene.pass(1);
    const b = await scene.open({ name: 'b', functions: [work('b')], ...lease });
    await scene.pass(1);
    const mine = last();
    scene.freeze(a);
    await scene.pass(14_000);
    assert.equal(last().by, 'b');
    scene.unfreeze(a);
    await scene.pass(1);
    assert.equal(mine.ctx.signal.reason.code, 'node.fenced');
    mine.end.resolve('too late');
    await scene.pass(1_000);
    last().end.resolve('by b');
    assert.equal(await b.hf.runs.result(run.id), 'by b');
    assert.equal(a.hf.stats().fenced, 1);
    assert.equal(verbsOf(a).includes('end'), false, 'nothing was sent under the old fence');
  });

  it('comes back by itself as a new node and works on', async () => {
    const a = await scene.open({ name: 'a', functions: [work('a')], ...lease });
    await scene.pass(1);
    scene.freeze(a);
    await scene.pass(60_000);
    scene.unfreeze(a);
    await scene.pass(1_000);
    const keys = (await a.hf.nodes.list()).map(({ node, state }) => [Number(node), state]);
    assert.deepEqual(keys.at(-1), [2, 'live']);
    const run = await a.hf.start('work', 1);
    await scene.pass(10);
    last().end.resolve('again');
    assert.equal(await run.result(), 'again');
  });

  it('recovers what its own former tenure owned, without waiting for anybody', async () => {
    const a = await scene.open({ name: 'a', functions: [work('a')], ...lease });
    const run = await a.hf.start('work', 1);
    await scene.pass(1);
    const first = last();
    scene.freeze(a);
    await scene.pass(60_000);
    scene.unfreeze(a);
    await scene.pass(1);
    first.end.reject(first.ctx.signal.reason);
    await scene.pass(2_000);
    assert.equal(executed.length, 2);
    last().end.resolve('second');
    assert.equal(await run.result(), 'second');
  });
});

describe('a node whose lease is not renewed', () => {
  it('stops its work by itself before the lease is over', async () => {
    const a = await scene.open({ functions: [work('a')], ...lease });
    await a.hf.start('work', 1);
    await scene.pass(1);
    const { signal } = last().ctx;
    a.thread.freeze();
    await scene.pass(5_900);
    assert.equal(signal.aborted, false);
    await scene.pass(2_200);
    assert.equal(signal.reason.code, 'node.fenced');
    assert.equal(a.hf.stats().fenced, 1);
    last().end.resolve(null);
  });

  it('does not start what a claim brought after its trust was over', async () => {
    let late = false;
    const a = await scene.open({
      functions: [work('a')],
      ...lease,
      fault: ({ verb }) => {
        // The event loop stands still between the claim and its answer: no timer fires.
        if (verb === 'claim' && late) scene.clock.jump(9_000);
        return null;
      },
    });
    await scene.pass(1);
    late = true;
    a.thread.freeze();
    await a.hf.start('work', 1);
    assert.equal(executed.length, 0);
    assert.equal(a.hf.stats().fenced, 1);
    late = false;
    a.thread.unfreeze();
    await scene.pass(30_000);
    assert.equal(executed.length, 1);
    last().end.resolve(null);
  });

  it('does not send the end of a handler that kept the event loop busy for too long', async () => {
    let busyMs = 9_000;
    const busy = defineFunction({
      name: 'busy',
      run: () => {
        scene.clock.jump(busyMs);
        busyMs = 0;
      },
    });
    const a = await scene.open({ functions: [busy], ...lease });
    await scene.pass(1);
    a.thread.freeze();
    const run = await a.hf.start(busy, 1);
    assert.equal(a.hf.stats().fenced, 1);
    assert.equal(verbsOf(a).includes('end'), false);
    a.thread.unfreeze();
    await scene.pass(30_000);
    assert.equal(await run.result(), null);
  });
});

describe('a process that only looks dead', () => {
  it('keeps its work while its process lives, long past its lease', async () => {
    const a = await scene.open({ name: 'a', functions: [work('a')], ...lease });
    await a.hf.start('work', 1);
    await scene.pass(1);
    await scene.open({ name: 'b', functions: [work('b')], ...lease });
    await scene.pass(1);
    // Neither thread gets anything done, but the process is there: a very slow disk.
    a.clock.freeze();
    a.thread.freeze();
    await scene.pass(35_000);
    assert.equal(executed.length, 1);
    await scene.pass(10_000);
    assert.equal(last().by, 'b', 'and not for ever');
    a.clock.unfreeze();
    a.thread.unfreeze();
    last().end.resolve(null);
    await scene.pass(1);
  });

  it('is not one whose handler keeps the event loop busy: the heartbeat goes on', async () => {
    const a = await scene.open({ name: 'a', functions: [work('a')], ...lease });
    await a.hf.start('work', 1);
    await scene.open({ name: 'b', functions: [work('b')], ...lease });
    await scene.pass(120_000);
    assert.equal(executed.length, 1);
    assert.equal(a.hf.stats().fenced, 0);
    last().end.resolve(null);
  });
});

/** Fails the calls of a verb in the given way, as often as said. */
function failing(verb: StoreCall['verb'], how: 'before' | 'after', times: number) {
  let left = times;
  return (call: StoreCall): StoreFault | null => {
    if (call.verb !== verb || left === 0) return null;
    left -= 1;
    return { fail: how };
  };
}

describe('a store that fails', () => {
  it('loses no outcome: an end is sent until answered, and counts once (G2, G3)', async () => {
    for (const how of ['before', 'after'] as const) {
      const a = await scene.open({ functions: [work('a')], fault: failing('end', how, 3) });
      const run = await a.hf.start('work', how);
      await scene.pass(1);
      last().end.resolve(how);
      await scene.pass(2_000);
      assert.equal(await run.result(), how);
      assert.equal(a.hf.stats().succeeded, 1);
      assert.ok(a.hf.stats().storeFaults >= 3);
      assert.match(a.said[0]?.message ?? '', /ends wait for the store/);
      await a.hf.close();
    }
  });

  it('loses no run whose claim was committed and whose answer was not', async () => {
    const a = await scene.open({ functions: [work('a')], fault: failing('claim', 'after', 2) });
    const runs = [await a.hf.start('work', 1), await a.hf.start('work', 2)];
    await scene.pass(5_000);
    assert.equal(executed.length, 2);
    for (const { end } of executed) end.resolve('found');
    for (const run of runs) assert.equal(await run.result(), 'found');
    assert.ok(verbsOf(a).includes('owned'));
  });

  it('loses no run whose claim took effect long after it was given up', async () => {
    const claims = { left: 1 };
    const fault = ({ verb }: StoreCall): StoreFault | null => {
      if (verb !== 'claim' || claims.left === 0) return null;
      claims.left -= 1;
      return { fail: 'late', delayMs: 3_000 };
    };
    const a = await scene.open({ functions: [work('a')], fault, deaf: true, pollMs: 4_000 });
    const b = await scene.open();
    await scene.pass(2_900);
    const run = await b.hf.start('work', 1);
    await scene.pass(200);
    assert.equal((await run.get())?.status, 'running', 'the claim of long ago took effect');
    assert.equal(executed.length, 0);
    await scene.pass(70_000);
    last().end.resolve('found');
    const result = watched(run.result());
    await scene.pass(1_000);
    assert.equal(await result.promise, 'found');
    assert.equal(a.hf.stats().handedBack, 1);
  });

  it('is asked for lost claims until it answers, before anything is claimed again', async () => {
    let failures = 3;
    const fault = ({ verb }: StoreCall): StoreFault | null => {
      if (verb !== 'owned' || failures === 0) return null;
      failures -= 1;
      return { fail: 'before' };
    };
    const lost = failing('claim', 'after', 1);
    const a = await scene.open({
      functions: [work('a')],
      fault: (call) => fault(call) ?? lost(call),
    });
    const run = await a.hf.start('work', 1);
    await scene.pass(5_000);
    last().end.resolve('found');
    assert.equal(await run.result(), 'found');
    const relevant = verbsOf(a).filter((verb) => verb === 'owned' || verb === 'claim');
    assert.deepEqual(relevant.slice(0, 6), ['claim', 'owned', 'owned', 'owned', 'owned', 'claim']);
  });

  it('gives back the places of a lost claim that others ended meanwhile (G4)', async () => {
    let silent = true;
    const lost = failing('claim', 'after', 1);
    const fault = (call: StoreCall): StoreFault | null =>
      call.verb === 'owned' && silent ? { fail: 'before' } : lost(call);
    const a = await scene.open({ functions: [work('a')], fault });
    const b = await scene.open({ functions: [defineFunction({ name: 'other', run: () => 1 })] });
    const first = await a.hf.start('work', 1, { lane: 'door' });
    const second = await a.hf.start('work', 2, { lane: 'door' });
    await scene.pass(1);
    await b.hf.runs.cancel(first.id, 'never mind');
    await scene.pass(12_000);
    assert.equal((await b.hf.runs.get(first.id))?.outcome?.kind, 'cancelled');
    assert.equal(executed.length, 0, 'the lane is held for code that may execute');
    silent = false;
    await scene.pass(5_000);
    last().end.resolve('in');
    assert.equal(await second.result(), 'in');
  });

  it('does not take an old end, told again, for one of the attempt after it (G4)', async () => {
    const ends = { left: 1 };
    const fault = ({ verb }: StoreCall): StoreFault | null => {
      if (verb !== 'end' || ends.left === 0) return null;
      ends.left -= 1;
      return { fail: 'after', answerDelayMs: 5_000 };
    };
    const code: PromiseWithResolvers<unknown>[] = [];
    const stubborn = defineFunction({
      name: 'stubborn',
      retry: { attemptsMax: 2, backoff: 'fixed', delayMs: 50, jitter: 0 },
      timeouts: { attemptMs: 1_000, graceMs: 500 },
      run: () => {
        const end = Promise.withResolvers<unknown>();
        code.push(end);
        return end.promise;
      },
    });
    const a = await scene.open({ functions: [stubborn, work('a')], fault });
    await a.hf.start('stubborn', 1, { lane: 'door' });
    await scene.pass(1);
    const second = await a.hf.start('work', 2, { lane: 'door' });
    code[0]?.reject(new Error('the first attempt fails'));
    await scene.pass(10_000);
    assert.equal(code.length, 2);
    assert.equal(executed.length, 0, 'the code of the second attempt still holds the lane');
    code[1]?.resolve(null);
    await scene.pass(1);
    last().end.resolve('in');
    assert.equal(await second.result(), 'in');
  });

  it('makes the node stop its work when it fails for too long, and come back after', async () => {
    let down = false;
    const a = await scene.open({
      functions: [work('a')],
      ...lease,
      fault: ({ verb }) => (down && verb !== 'join' ? { fail: 'before' } : null),
    });
    const run = await a.hf.start('work', 1);
    await scene.pass(1);
    const first = last();
    first.end.resolve('never told');
    down = true;
    a.thread.freeze();
    await scene.pass(9_500);
    assert.equal(a.hf.stats().fenced, 1);
    down = false;
    a.thread.unfreeze();
    await scene.pass(20_000);
    last().end.resolve('told');
    assert.equal(await watched(run.result()).promise, 'told');
  });
});

describe('an attempt that another node took over', () => {
  it('has its late result refused and counted (G1, G2)', async () => {
    const a = await scene.open({ name: 'a', functions: [work('a')], slots: 1 });
    const run = await a.hf.start('work', 1);
    await scene.pass(1);
    const mine = last();
    const [row] = scene.store.rows();
    assert.ok(row !== undefined && row.owner !== null);
    // Somebody wrongly declares the node dead behind its back.
    const detail = { code: 'attempt.crashed', message: 'a false report' };
    await scene.store.recover(row.owner, { kind: 'process-gone', detail }, 10);
    mine.end.resolve('late');
    await scene.pass(1);
    assert.equal(a.hf.stats().lateResults, 1);
    assert.match(a.said[0]?.message ?? '', /late result was refused/);
    await scene.pass(5_000);
    assert.equal(a.hf.stats().fenced, 1);
    assert.equal(executed.length, 2);
    last().end.resolve('second');
    assert.equal(await run.result(), 'second');
  });
});
