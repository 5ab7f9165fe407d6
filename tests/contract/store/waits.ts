/**
 * The contract of waits and events: which event ends which wait, what came before it, how many
 * waits one transaction ends, tokens, and how long events are kept.
 */
import assert from 'node:assert/strict';
import { limits } from '../../../src/core/limits.ts';
import type { Retention } from '../../../src/ports/store-reads.ts';
import type { ClaimedRun } from '../../../src/ports/store-runs.ts';
import type { Scene } from './scene.ts';
import {
  answer,
  approval,
  emit,
  emitAs,
  endsOf,
  given,
  over,
  park,
  record,
  refused,
  running,
  sleep,
  stepOf,
  waitFor,
} from './step-words.ts';
import type { Contract } from './suite.ts';

export function waits(contract: Contract): void {
  matching(contract);
  lookingBack(contract);
  telling(contract);
  spreading(contract);
  answering(contract);
  pruningEvents(contract);
}

/** A run of its own that waits for events, and goes on running. */
async function waiting(
  scene: Scene,
  ...wanted: readonly Parameters<typeof waitFor>[]
): Promise<ClaimedRun> {
  const run = await running(scene);
  await record(scene, run, ...wanted.map((args) => waitFor(...args)));
  return run;
}

function matching(contract: Contract): void {
  contract('(V3) an event ends the waits of its name that it meets', async (scene) => {
    const run = await waiting(
      scene,
      ['paid', {}, { key: 'any' }],
      ['paid', { 'order.id': 7 }, { key: 'seven' }],
      ['paid', { 'order.id': '7' }, { key: 'text' }],
      ['paid', { 'order.id': 7, kind: 'card' }, { key: 'both' }],
      ['paid', { note: null }, { key: 'null' }],
      ['shipped', {}, { key: 'other' }],
    );
    const data = { order: { id: 7 }, kind: 'card', more: [1] };
    const before = scene.world.now();
    assert.equal(await emit(scene, 'paid', data, { id: 'e-1' }), 3);
    const ended = await endsOf(scene, run.id);
    assert.deepEqual([...ended].sort(), [
      'event/any returned',
      'event/both returned',
      'event/seven returned',
    ]);
    const gave = given(await stepOf(scene, run.id, 'event/seven'));
    assert.deepEqual({ ...gave, at: 0, n: 0 }, { n: 0, id: 'e-1', at: 0, data });
    assert.ok(gave.at >= before - 1 && gave.n >= 1);
    assert.equal(await emit(scene, 'paid', data), 0, 'nobody waits any more');
    assert.equal(await emit(scene, 'paid', { order: { id: '7' }, note: null }), 2);
  });

  contract('tells apart what looks alike: long values, odd characters', async (scene) => {
    const long = 'ü'.repeat(limits.matchValueCharsMax - 1);
    const odd = { 'a.b': 'x"\\\u2028\u0000', c: -1.5e-7, d: true };
    const run = await waiting(
      scene,
      ['e', { v: `${long}1` }, { key: 'one' }],
      ['e', { v: `${long}2` }, { key: 'two' }],
      ['e', odd, { key: 'odd' }],
      ['e', { ...odd, d: false }, { key: 'even' }],
    );
    assert.equal(await emit(scene, 'e', { v: `${long}2` }), 1);
    assert.equal(await emit(scene, 'e', { a: { b: odd['a.b'] }, c: odd.c, d: true }), 1);
    assert.deepEqual(await endsOf(scene, run.id), ['event/two returned', 'event/odd returned']);
    // The same again, by looking back.
    const later = await record(
      scene,
      run,
      waitFor('e', { v: `${long}2` }, { key: 'two again' }),
      waitFor('e', odd, { key: 'odd again' }),
      waitFor('e', { v: `${long}1` }, { key: 'one again' }),
    );
    assert.deepEqual(
      later.map((step) => step?.end?.how ?? null),
      ['returned', 'returned', null],
    );
  });

  contract('an event is for the waits of its own tenant', async (scene) => {
    const a = await running(scene, { tenant: 'a' });
    const b = await running(scene, { tenant: 'b' });
    await record(scene, a, waitFor('paid'));
    await record(scene, b, waitFor('paid'));
    assert.equal(await emit(scene, 'paid', 1, { tenant: 'b', id: 'same' }), 1);
    assert.deepEqual(
      [await endsOf(scene, a.id), await endsOf(scene, b.id)],
      [[], ['event/paid returned']],
    );
    assert.equal(await emit(scene, 'paid', 2, { tenant: 'a', id: 'same' }), 1, 'another event');
    const [late] = await record(scene, a, waitFor('paid', {}, { key: 'late' }));
    assert.deepEqual(given(late ?? assert.fail()).data, 2, 'and so is what looks back');
  });
}

function lookingBack(contract: Contract): void {
  contract('(R3) a wait finds an event that came since the run was accepted', async (scene) => {
    await emit(scene, 'paid', { order: 1, when: 'before' });
    await scene.until('the clock has moved', async () => {
      await emit(scene, 'tick');
      const start = scene.world.now();
      await scene.until('by one', async () => scene.world.now() > start + 1);
      return true;
    });
    const run = await running(scene);
    const [none] = await record(scene, run, waitFor('paid', { order: 1 }, { key: 'early' }));
    assert.equal(none?.end, null, 'that was before the run');
    await emit(scene, 'paid', { order: 2, when: 'first' });
    await emit(scene, 'paid', { order: 3, when: 'first' });
    await emit(scene, 'paid', { order: 2, when: 'second' });
    const [found, missing] = await record(
      scene,
      run,
      waitFor('paid', { order: 2 }, { key: 'found' }),
      waitFor('paid', { order: 4 }, { key: 'missing' }),
    );
    assert.deepEqual(given(found ?? assert.fail()).data, { order: 2, when: 'first' });
    assert.equal(missing?.end, null);
    assert.deepEqual(await endsOf(scene, run.id), ['event/found returned']);
  });

  contract('(R3) a wait does not find again what the run has taken', async (scene) => {
    const run = await running(scene);
    for (const order of [1, 2, 3]) await emit(scene, 'paid', { order });
    const seen: unknown[] = [];
    let after = 0;
    for (let at = 0; at < 3; at += 1) {
      const key = `take ${at}`;
      const [step] = await record(scene, run, waitFor('paid', {}, { key, after }));
      const { n, data } = given(step ?? assert.fail());
      assert.ok(n > after);
      after = n;
      seen.push(data);
    }
    assert.deepEqual(seen, [{ order: 1 }, { order: 2 }, { order: 3 }]);
    const [last] = await record(scene, run, waitFor('paid', {}, { key: 'last', after }));
    assert.equal(last?.end, null);
    assert.equal(await emit(scene, 'paid', { order: 4 }), 1);
  });

  contract('(R3) looks past events that it is not for, far back', async (scene) => {
    const run = await running(scene);
    const items = Array.from({ length: 120 }, (_, at) => ({
      ...{ id: `many-${at}`, name: 'paid', tenant: 'default' },
      data: JSON.stringify({ order: at, list: [at] }),
    }));
    await scene.store.emit(items);
    const [last, inList] = await record(
      scene,
      run,
      waitFor('paid', { order: 119 }, { key: 'last' }),
      waitFor('paid', { 'list.0': 77 }, { key: 'in a list' }),
    );
    assert.deepEqual(given(last ?? assert.fail()).id, 'many-119');
    assert.deepEqual(given(inList ?? assert.fail()).id, 'many-77');
    const [none] = await record(scene, run, waitFor('paid', { 'list.length': 1 }));
    assert.equal(none?.end, null);
  });

  contract('an event that nests deep is an event like others', async (scene) => {
    const run = await running(scene);
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
    const item = { id: 'deep', name: 'deep', tenant: 'default', data: `{"a":${deep},"b":1}` };
    const { reply } = await scene.store.emit([item]);
    assert.deepEqual(reply.map(refused), ['accepted']);
    const again = await scene.store.emit([item, { ...item, data: `{"b":1,"a":${deep}}` }]);
    assert.equal(refused(again.reply[0] ?? assert.fail()), 'accepted');
    const [found] = await record(scene, run, waitFor('deep', { b: 1 }));
    assert.equal(found?.end?.how, 'returned');
    await record(scene, run, waitFor('deep', { b: 2 }, { key: 'b' }));
    assert.equal(await emit(scene, 'deep', { b: 2 }), 1);
  });
}

function telling(contract: Contract): void {
  contract('(V1) an event that is told twice is one', async (scene) => {
    const run = await waiting(scene, ['paid', {}, { key: 'a' }]);
    const first = await emitAs(scene, 'paid', { a: 1, b: 2 }, { id: 'x' });
    assert.deepEqual(first, { ok: true, id: 'x', created: true, woke: 1, more: false });
    await record(scene, run, waitFor('paid', {}, { key: 'b', after: 1_000_000 }));
    const again = await emitAs(scene, 'paid', null, { id: 'x', data: '{"b":2, "a":1}' });
    assert.deepEqual(again, { ok: true, id: 'x', created: false, woke: 0, more: false });
    assert.equal(refused(await emitAs(scene, 'paid', { a: 2 }, { id: 'x' })), 'event.conflict');
    assert.equal(
      refused(await emitAs(scene, 'sent', { a: 1, b: 2 }, { id: 'x' })),
      'event.conflict',
    );
    assert.deepEqual(await endsOf(scene, run.id), ['event/a returned']);
  });

  contract('(Q2) gives every event of a call its own verdict', async (scene) => {
    const run = await waiting(scene, ['paid', { n: 1 }, { key: 'a' }], ['paid', {}, { key: 'b' }]);
    const event = (id: string, n: number) => ({
      ...{ id, name: 'paid', tenant: 'default', data: `{"n":${n}}` },
    });
    const { reply, woken } = await scene.store.emit([
      event('p', 2),
      event('q', 1),
      event('p', 2),
      event('p', 3),
    ]);
    const said = reply.map((one) => (one.ok ? [one.created, one.woke] : one.code));
    assert.deepEqual(said, [[true, 1], [true, 1], [false, 0], 'event.conflict']);
    assert.deepEqual(woken, { ready: false, stop: true, done: false });
    assert.equal(given(await stepOf(scene, run.id, 'event/b')).id, 'p');
    assert.equal(given(await stepOf(scene, run.id, 'event/a')).id, 'q');
    assert.deepEqual((await scene.store.emit([])).reply, []);
  });

  contract('(V4) numbers and times of events grow', async (scene) => {
    const run = await running(scene);
    const seen: { n: number; at: number }[] = [];
    for (let at = 0; at < 5; at += 1) {
      await emit(scene, `e${at % 2}`);
      await record(
        scene,
        run,
        waitFor(`e${at % 2}`, {}, { key: `w${at}`, after: seen.at(-1)?.n ?? 0 }),
      );
      seen.push(given(await stepOf(scene, run.id, `event/w${at}`)));
    }
    for (const [at, { n, at: when }] of seen.entries()) {
      const before = seen[at - 1];
      assert.ok(before === undefined || (n > before.n && when >= before.at));
    }
  });
}

function spreading(contract: Contract): void {
  contract('(V2) goes on in sweeps where one transaction is too short', async (scene) => {
    const node = await scene.join({ slots: 1_000 });
    const count = limits.sweepRowsMax + 30;
    await scene.startMany(count, {});
    const runs = await scene.claim(node, count);
    await scene.store.end(
      runs.map(({ seq, fence }) => ({
        ...{ seq, fence },
        end: { how: 'parked', waits: [waitFor('go', { yes: 1 })], seen: 0 },
      })),
    );
    const verdict = await emitAs(scene, 'go', { yes: 1 }, { id: 'go' });
    assert.deepEqual(
      { ...verdict, woke: 0 },
      { ok: true, id: 'go', created: true, woke: 0, more: true },
    );
    const again = await emitAs(scene, 'go', { yes: 1 }, { id: 'go' });
    assert.ok(again.ok && !again.created && again.more);
    await scene.until('all are awake', async () => {
      const { reply } = await scene.store.sweep(10);
      const { parked } = await scene.store.counts();
      assert.ok(reply.more || parked === 0, 'it says that there is more');
      return parked === 0;
    });
    const { reply } = await scene.store.sweep(100);
    assert.equal(reply.more, false);
    assert.equal((await scene.store.counts()).queued, count);
    const done = await emitAs(scene, 'go', { yes: 1 }, { id: 'go' });
    assert.deepEqual(done, { ok: true, id: 'go', created: false, woke: 0, more: false });
  });

  contract('(V2) a large event is copied to a bounded number of waits at once', async (scene) => {
    const node = await scene.join({ slots: 1_000 });
    await scene.startMany(70, {});
    const runs = await scene.claim(node, 70);
    for (const run of runs) await park(scene, run, 0, waitFor('large'));
    const data = 'x'.repeat(262_000);
    const verdict = await emitAs(scene, 'large', data);
    assert.ok(verdict.ok && verdict.more && verdict.woke > 0 && verdict.woke < 70);
    await scene.until('all are awake', async () => {
      await scene.store.sweep(500);
      return (await scene.store.counts()).parked === 0;
    });
    for (const { id } of runs.slice(-2)) {
      assert.equal(given(await stepOf(scene, id, 'event/large')).data, data);
    }
  });

  contract(
    'an event finds nobody in a run that has ended, and goes on to others',
    async (scene) => {
      const cancelled = await running(scene);
      await park(scene, cancelled, 0, waitFor('paid'));
      await scene.store.cancel([{ id: cancelled.id, reason: 'enough' }]);
      await scene.end(await scene.claimOne(await scene.join()), { how: 'stopped', settled: true });
      const done = await waiting(scene, ['paid']);
      await scene.succeed(done);
      const alive = await running(scene);
      await park(scene, alive, 0, waitFor('paid'));
      const verdict = await emitAs(scene, 'paid', 1);
      assert.ok(verdict.ok && verdict.woke === 1 && !verdict.more, JSON.stringify(verdict));
      assert.equal(await scene.stands(alive.id), 'slot');
      assert.equal(await scene.stands(cancelled.id), 'cancelled');
      assert.equal(await emit(scene, 'paid', 2), 0);
    },
  );
}

function answering(contract: Contract): void {
  contract('an answer ends the wait of its token, once', async (scene) => {
    const run = await running(scene);
    await park(scene, run, 0, approval('t-1'), approval('t-2'), sleep('long', null));
    assert.equal(await scene.stands(run.id), 'parked');
    const yes = { state: 'approved', by: 'ü', data: null };
    assert.deepEqual(await answer(scene, 't-1', yes), { ok: true, runId: run.id });
    assert.equal(await scene.stands(run.id), 'slot');
    assert.equal((await stepOf(scene, run.id, 'approval/t-1')).end?.value, JSON.stringify(yes));
    assert.equal(refused(await answer(scene, 't-1', 'no')), 'approval.already_done');
    assert.equal((await stepOf(scene, run.id, 'approval/t-1')).end?.value, JSON.stringify(yes));
    assert.equal(refused(await answer(scene, 't-3')), 'approval.not_found');
    assert.ok((await answer(scene, 't-2')).ok);
  });

  contract('a token of another tenant is not known', async (scene) => {
    const run = await running(scene, { tenant: 'a' });
    await record(scene, run, approval('t-1'));
    assert.equal(refused(await answer(scene, 't-1', 1, 'b')), 'approval.not_found');
    assert.deepEqual(await endsOf(scene, run.id), []);
    assert.ok((await answer(scene, 't-1', 1, 'a')).ok);
    const { reply, woken } = await scene.store.answer([
      { token: 't-1', tenant: 'b', value: '1' },
      { token: 't-1', tenant: 'a', value: '1' },
      { token: 'x', tenant: null, value: '1' },
    ]);
    const codes = ['approval.not_found', 'approval.already_done', 'approval.not_found'];
    assert.deepEqual(reply.map(refused), codes);
    assert.deepEqual(woken, { ready: false, stop: false, done: false });
  });

  contract('of two answers in one call the first counts', async (scene) => {
    const run = await running(scene);
    await record(scene, run, approval('t'));
    const { reply, woken } = await scene.store.answer([
      { token: 't', tenant: null, value: '"first"' },
      { token: 't', tenant: null, value: '"second"' },
    ]);
    assert.deepEqual(reply.map(refused), ['accepted', 'approval.already_done']);
    assert.equal(woken.stop, true, 'its owner hears of it');
    assert.equal((await stepOf(scene, run.id, 'approval/t')).end?.value, '"first"');
  });

  contract('an answer is too late once the wait is over, or its run has ended', async (scene) => {
    const run = await running(scene);
    await record(scene, run, approval('late'), approval('open'));
    await record(scene, run, over('approval/late'));
    assert.equal(refused(await answer(scene, 'late')), 'approval.already_done');
    await scene.succeed(run);
    assert.equal(refused(await answer(scene, 'open')), 'approval.already_done');
    assert.equal((await stepOf(scene, run.id, 'approval/late')).end?.how, 'timed-out');
  });
}

const keepAll: Retention = {
  ...{ succeeded: null, failed: null, cancelled: null, 'timed-out': null, rejected: null },
  ...{ lost: null, event: null },
};

function pruningEvents(contract: Contract): void {
  contract('events are kept for as long as they are wanted', async (scene) => {
    const run = await running(scene);
    await emit(scene, 'paid', 1, { id: 'old' });
    await emit(scene, 'paid', 2, { id: 'older' });
    const prune = (event: number | null, rowsMax = 100) =>
      scene.store.prune({ ...keepAll, event }, rowsMax);
    assert.deepEqual(await prune(null), { pruned: 0, more: false });
    assert.deepEqual(await prune(3_600_000), { pruned: 0, more: false });
    await scene.until('both are older than the clock', async () => {
      const from = scene.world.now();
      await scene.until('it moved', async () => scene.world.now() > from + 1);
      return true;
    });
    assert.deepEqual(await prune(0, 1), { pruned: 1, more: true });
    const again = await emitAs(scene, 'paid', 'new', { id: 'old' });
    assert.ok(again.ok && again.created, 'its id is free again');
    const [found] = await record(scene, run, waitFor('paid'));
    assert.deepEqual(given(found ?? assert.fail()).data, 2, 'the other one is still there');
    const { n } = given(found ?? assert.fail());
    const [next] = await record(scene, run, waitFor('paid', {}, { key: 'next', after: n }));
    assert.ok(given(next ?? assert.fail()).n > n, 'numbers go on');
  });

  contract('after all were pruned, numbers go on', async (scene) => {
    const run = await running(scene);
    await emit(scene, 'paid', 1);
    const [first] = await record(scene, run, waitFor('paid'));
    const { n } = given(first ?? assert.fail());
    await scene.until('it is pruned', async () => {
      return (await scene.store.prune({ ...keepAll, event: 0 }, 100)).pruned === 1;
    });
    const [none] = await record(scene, run, waitFor('paid', {}, { key: 'b' }));
    assert.equal(none?.end, null);
    await emit(scene, 'paid', 2);
    assert.ok(given(await stepOf(scene, run.id, 'event/b')).n > n);
    const [c] = await record(scene, run, waitFor('paid', {}, { key: 'c', after: n }));
    assert.deepEqual(given(c ?? assert.fail()).data, 2);
  });

  contract('an event that has more waits to end is not pruned', async (scene) => {
    const node = await scene.join({ slots: 1_000 });
    const count = limits.sweepRowsMax + 5;
    await scene.startMany(count, {});
    const runs = await scene.claim(node, count);
    await scene.store.end(
      runs.map(({ seq, fence }) => ({
        ...{ seq, fence },
        end: { how: 'parked', waits: [waitFor('go')], seen: 0 },
      })),
    );
    await emit(scene, 'other');
    assert.equal(await emit(scene, 'go'), limits.sweepRowsMax);
    await emit(scene, 'other');
    await scene.until('the others are pruned', async () => {
      await scene.store.prune({ ...keepAll, event: 0 }, 1);
      const { reply } = await scene.store.emit([]);
      return reply.length === 0 && (await prunable(scene)) === 0;
    });
    assert.equal((await scene.store.counts()).parked, 5);
    await scene.until('all are awake', async () => {
      await scene.store.sweep(100);
      return (await scene.store.counts()).parked === 0;
    });
  });
}

/** Prunes events and says how many there were. */
const prunable = async (scene: Scene): Promise<number> =>
  (await scene.store.prune({ ...keepAll, event: 0 }, 100)).pruned;
