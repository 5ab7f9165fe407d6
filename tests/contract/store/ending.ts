/** (G1, G2) The contract of ending attempts: fences, first outcomes, repeated sendings. */
import assert from 'node:assert/strict';
import { fenceOf } from '../../../src/core/fence.ts';
import type { EndOfAttempt } from '../../../src/ports/store-runs.ts';
import { boom, plainPolicy } from './scene.ts';
import type { Contract } from './suite.ts';

const success: EndOfAttempt = { how: 'succeeded', result: '{"n":1}' };
const failure: EndOfAttempt = { how: 'failed', error: boom, chance: 0 };
const once = { retry: { ...plainPolicy.retry, attemptsMax: 1 } };

export function ending(contract: Contract): void {
  fences(contract);
  outcomes(contract);
  handBacks(contract);
}

function fences(contract: Contract): void {
  contract('(G1) refuses every end under a stale fence, and changes nothing', async (scene) => {
    const dead = await scene.join();
    await scene.start({ lane: 'x' }, { lane: 'x' });
    const late = await scene.claimOne(dead);
    await scene.bury(dead);
    const owner = await scene.claimOne(await scene.join());
    assert.ok(owner.fence > late.fence);
    const before = await scene.get(owner.id);
    const ends: readonly EndOfAttempt[] = [
      success,
      failure,
      { how: 'timed-out', error: boom, chance: 0, scope: 'total', settled: true },
      { how: 'stopped', settled: true },
      { how: 'handed-back' },
    ];
    const stale = [late.fence, fenceOf(0), fenceOf(owner.fence + 1)];
    for (const end of ends) {
      for (const fence of stale) {
        const { reply, woken } = await scene.store.end([{ seq: owner.seq, fence, end }]);
        assert.equal(reply[0]?.ok === false && reply[0].code, 'fence.stale');
        assert.deepEqual(woken, { ready: false, stop: false, done: false });
      }
    }
    assert.deepEqual(await scene.get(owner.id), before);
    await scene.succeed(owner);
  });

  contract('(G1) refuses the end of a run that waits for its next owner', async (scene) => {
    const dead = await scene.join();
    const [id] = await scene.start({});
    const late = await scene.claimOne(dead);
    await scene.bury(dead);
    const verdict = await scene.end(late, success);
    assert.equal(verdict.ok === false && verdict.code, 'fence.stale');
    assert.equal(await scene.stands(id), 'slot');
    assert.equal((await scene.get(id)).result, null);
  });

  contract('says that a run is not in the store', async (scene) => {
    const verdict = await scene.end({ seq: 12_345, fence: fenceOf(1) }, success);
    assert.equal(verdict.ok === false && verdict.code, 'run.not_found');
  });

  contract('gives every end of a call its own verdict', async (scene) => {
    const node = await scene.join();
    const ids = await scene.start({}, {}, { policy: once });
    const [a, b, c] = await scene.claim(node);
    assert.ok(a !== undefined && b !== undefined && c !== undefined);
    const { reply, woken } = await scene.store.end([
      { seq: a.seq, fence: a.fence, end: success },
      { seq: b.seq, fence: fenceOf(b.fence - 1), end: success },
      { seq: 999, fence: fenceOf(1), end: success },
      { seq: a.seq, fence: a.fence, end: success },
      { seq: c.seq, fence: c.fence, end: failure },
    ]);
    const said = reply.map((one) => (one.ok ? [one.outcome?.kind, one.repeated] : one.code));
    assert.deepEqual(said, [
      ['succeeded', false],
      'fence.stale',
      'run.not_found',
      ['succeeded', true],
      ['failed', false],
    ]);
    assert.equal(woken.done, true);
    assert.deepEqual(await scene.allStand(ids), ['succeeded', 'running', 'failed']);
  });
}

function outcomes(contract: Contract): void {
  contract('keeps the result, and tells how the run went', async (scene) => {
    const node = await scene.join({ name: 'worker' });
    const [id] = await scene.start({});
    const run = await scene.claimOne(node);
    const { reply, woken } = await scene.store.end([
      { seq: run.seq, fence: run.fence, end: success },
    ]);
    const outcome = { kind: 'succeeded', error: null };
    assert.deepEqual(reply, [{ ok: true, outcome, repeated: false }]);
    assert.deepEqual(woken, { ready: false, stop: false, done: true });
    const shown = await scene.get(id);
    assert.equal(shown.status, 'done');
    assert.equal(shown.result, '{"n":1}');
    assert.equal(shown.owner, null);
    assert.ok((shown.finishedAt ?? 0) >= (shown.startedAt ?? Number.POSITIVE_INFINITY));
    const [attempt, ...others] = shown.attempts;
    assert.deepEqual(others, []);
    assert.deepEqual([attempt?.attempt, attempt?.end, attempt?.error], [1, 'succeeded', null]);
    const ends = { ended: [{ id, outcome, result: '{"n":1}' }], unknown: ['other'] };
    assert.deepEqual(await scene.store.ends([id ?? '', 'other']), ends);
  });

  contract('(G2) keeps the first outcome, whatever is sent afterwards', async (scene) => {
    const node = await scene.join();
    const [id] = await scene.start({});
    const run = await scene.claimOne(node);
    await scene.end(run, success);
    const before = await scene.get(id);
    const later: readonly EndOfAttempt[] = [
      success,
      { how: 'succeeded', result: '"another"' },
      failure,
      { how: 'stopped', settled: true },
      { how: 'handed-back' },
    ];
    for (const end of later) {
      const verdict = await scene.end(run, end);
      const outcome = { kind: 'succeeded', error: null };
      assert.deepEqual(verdict, { ok: true, outcome, repeated: true });
    }
    const [cancelled] = (await scene.store.cancel([{ id: run.id, reason: 'late' }])).reply;
    assert.equal(cancelled?.ok === false && cancelled.code, 'run.already_done');
    assert.deepEqual(await scene.get(id), before);
  });

  contract('(G2) gives one outcome when two ends of one ownership race', async (scene) => {
    const node = await scene.join();
    const other = await scene.world.connect();
    await scene.startMany(20, { policy: once });
    for (const run of await scene.claim(node)) {
      const item = { seq: run.seq, fence: run.fence };
      const [one, two] = await Promise.all([
        scene.store.end([{ ...item, end: success }]),
        other.end([{ ...item, end: failure }]),
      ]);
      const verdicts = [one.reply[0], two.reply[0]];
      assert.ok(verdicts.every((verdict) => verdict?.ok === true));
      const said = verdicts.map((verdict) => verdict?.ok === true && verdict.outcome?.kind);
      assert.equal(said[0], said[1], 'both are told the same outcome');
      assert.equal(await scene.stands(run.id), said[0]);
      const repeated = verdicts.filter((verdict) => verdict?.ok === true && verdict.repeated);
      assert.equal(repeated.length, 1);
    }
  });

  contract(
    'takes an end that is sent twice for one, also when the run tries again',
    async (scene) => {
      const node = await scene.join();
      const [id] = await scene.start({});
      const run = await scene.claimOne(node);
      const first = await scene.end(run, failure);
      const second = await scene.end(run, failure);
      assert.deepEqual(first, { ok: true, outcome: null, repeated: false });
      assert.deepEqual(second, { ok: true, outcome: null, repeated: true });
      const shown = await scene.get(id);
      assert.equal(shown.failures, 1);
      assert.equal(shown.attempts.length, 1);
    },
  );

  contract('refuses a stop that nobody asked for, and lets the attempt go on', async (scene) => {
    const node = await scene.join();
    await scene.start({});
    const run = await scene.claimOne(node);
    const verdict = await scene.end(run, { how: 'stopped', settled: true });
    assert.equal(verdict.ok === false && verdict.code, 'run.illegal_transition');
    await scene.succeed(run);
  });
}

function handBacks(contract: Contract): void {
  contract('hands a run back without spending its budget', async (scene) => {
    const node = await scene.join({ name: 'worker' });
    const [id] = await scene.start({ policy: once });
    for (let n = 1; n <= 4; n += 1) {
      const run = await scene.claimOne(node);
      assert.equal(run.attempt, n);
      const verdict = await scene.end(run, { how: 'handed-back' });
      assert.deepEqual(verdict, { ok: true, outcome: null, repeated: false });
    }
    const shown = await scene.get(id);
    assert.deepEqual([shown.failures, shown.crashes, shown.gate], [0, 0, 'slot']);
    assert.deepEqual(
      shown.attempts.map(({ end, error, node: by }) => [end, error, by]),
      Array.from({ length: 4 }, () => ['handed-back', null, 'worker']),
    );
    await scene.succeed(await scene.claimOne(node));
  });

  contract(
    'loses what must run at most once, if it is handed back after it began',
    async (scene) => {
      const node = await scene.join();
      const [id] = await scene.start({ policy: { onCrash: 'lose' } });
      const first = await scene.claimOne(node);
      await scene.end(first, { how: 'handed-back' });
      assert.equal(await scene.stands(id), 'slot');
      const second = await scene.claimOne(node);
      const verdict = await scene.end(second, { how: 'handed-back', begun: true });
      assert.equal(verdict.ok && verdict.outcome?.kind, 'lost');
      assert.equal(await scene.stands(id), 'lost');
    },
  );

  contract('lets a draining node end and hand back what it owns', async (scene) => {
    const node = await scene.join();
    const ids = await scene.startMany(2, {});
    const [one, two] = await scene.claim(node);
    assert.ok(one !== undefined && two !== undefined);
    await scene.store.drain(node);
    await scene.succeed(one);
    assert.equal((await scene.end(two, { how: 'handed-back' })).ok, true);
    assert.deepEqual(await scene.allStand(ids), ['succeeded', 'slot']);
  });
}
