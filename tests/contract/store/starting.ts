/** The contract of accepting runs. */
import assert from 'node:assert/strict';
import { wallPlus } from '../../../src/core/time.ts';
import type { StartVerdict } from '../../../src/ports/store-runs.ts';
import { plainPolicy } from './scene.ts';
import type { Contract } from './suite.ts';

/** A verdict on a start, in one word. */
export const codeOf = (verdict: StartVerdict | undefined): string =>
  verdict === undefined ? 'none' : verdict.ok ? `created ${verdict.created}` : verdict.code;

export function starting(contract: Contract): void {
  facts(contract);
  bounds(contract);
}

function facts(contract: Contract): void {
  contract('shows an accepted run with everything that was asked for', async (scene) => {
    const before = scene.world.now();
    const deadlineAt = wallPlus(before, 3_600_000);
    const wish = {
      id: 'the-run',
      fn: 'album.render',
      input: '{"album":7}',
      lane: 'album-7',
      laneWidth: 3,
      tenant: 'acme',
      prioritySeconds: 12.5,
      tags: ['nightly', 'eu'],
      deadlineAt,
    };
    await scene.start(wish);
    const { acceptedAt, seq, dueAt, ...run } = await scene.get('the-run');
    assert.ok(acceptedAt >= before && acceptedAt <= scene.world.now());
    assert.equal(dueAt, acceptedAt, 'due as soon as it was accepted');
    assert.equal(seq, 1);
    assert.deepEqual(run, {
      ...wish,
      pin: null,
      status: 'queued',
      gate: 'slot',
      attempt: 0,
      failures: 0,
      crashes: 0,
      fence: 0,
      startedAt: null,
      finishedAt: null,
      owner: null,
      stopReason: null,
      outcome: null,
      quarantine: null,
      retryOf: null,
      progress: null,
      result: null,
      attempts: [],
      logLines: 0,
      logLinesDropped: 0,
      parent: null,
      children: 0,
      childrenOpen: 0,
    });
  });

  contract('numbers runs by order of acceptance, within a call and over calls', async (scene) => {
    const other = await scene.world.connect();
    await scene.start({ id: 'a' }, { id: 'b' }, { id: 'c' });
    await other.start([scene.item({ id: 'd' })]);
    await scene.start({ id: 'e' });
    const { runs } = await scene.store.list({ filter: {}, before: null, rowsMax: 10 });
    const order = runs.map((run) => run.id);
    assert.deepEqual(order, ['e', 'd', 'c', 'b', 'a']);
    assert.ok(runs.every((run, at) => at === 0 || run.seq < (runs[at - 1]?.seq ?? 0)));
  });

  contract('says whether there is something to claim now', async (scene) => {
    const { now } = scene.world;
    const woken = async (wish: Parameters<typeof scene.item>[0]) =>
      (await scene.store.start([scene.item(wish)])).woken;
    const nothing = { ready: false, stop: false, done: false };
    assert.deepEqual(await woken({ lane: 'x' }), { ...nothing, ready: true });
    assert.deepEqual(await woken({ lane: 'x' }), nothing, 'the lane is held');
    assert.deepEqual(await woken({ dueAt: wallPlus(now(), 60_000) }), nothing, 'not due yet');
  });

  contract('holds a delayed run back until it is due, and says when that is', async (scene) => {
    const node = await scene.join();
    const dueAt = wallPlus(scene.world.now(), 1_500);
    const [late] = await scene.start({ dueAt });
    assert.equal((await scene.get(late)).dueAt, dueAt);
    assert.equal(await scene.stands(late), 'time');
    const early = await scene.store.claim({
      node,
      functions: [{ fn: 'work', runsMax: 1 }],
      runsMax: 1,
    });
    if (scene.world.now() < dueAt) {
      assert.deepEqual(early, { ok: true, runs: [], nextDueAt: dueAt });
    }
    await scene.until('it came due', async () => {
      const { reply } = await scene.store.sweep(10);
      const now = scene.world.now();
      assert.ok(now >= dueAt || reply.due === 0, `moved ${dueAt - now} ms too early`);
      return reply.due === 1;
    });
    assert.deepEqual(await scene.claimIds(node), [late]);
  });

  contract('accepts every one of many calls at once', async (scene) => {
    const other = await scene.world.connect();
    const items = Array.from({ length: 60 }, () => scene.item());
    const calls = items.map((item, n) => (n % 2 === 0 ? scene.store : other).start([item]));
    for (const { reply } of await Promise.all(calls))
      assert.equal(codeOf(reply[0]), 'created true');
    const { runs } = await scene.store.list({ filter: {}, before: null, rowsMax: 100 });
    assert.deepEqual(runs.map((run) => run.id).sort(), items.map((item) => item.id).sort());
    assert.equal(new Set(runs.map((run) => run.seq)).size, 60);
  });
}

function bounds(contract: Contract): void {
  contract('gives every item of a call its own verdict', async (scene) => {
    await scene.store.setTenant({ tenant: 'small', weight: 1, runningMax: null, waitingMax: 1 });
    await scene.start({ id: 'there' });
    const { reply, woken } = await scene.store.start([
      scene.item({ id: 'new' }),
      scene.item({ id: 'there' }),
      scene.item({ id: 'there', input: '1' }),
      scene.item({ id: 'fits', tenant: 'small' }),
      scene.item({ id: 'does not', tenant: 'small' }),
      scene.item({ id: 'new' }),
      scene.item({ id: 'last' }),
    ]);
    assert.deepEqual(reply.map(codeOf), [
      'created true',
      'created false',
      'run.conflict',
      'created true',
      'tenant.full',
      'created false',
      'created true',
    ]);
    assert.equal(woken.ready, true);
    assert.equal(await scene.store.get('does not'), null);
    assert.equal((await scene.store.counts()).queued, 4);
  });

  contract('refuses more waiting runs of a tenant than its limit', async (scene) => {
    const node = await scene.join();
    await scene.store.setTenant({ tenant: 'small', weight: 1, runningMax: 1, waitingMax: 3 });
    const later = wallPlus(scene.world.now(), 600_000);
    await scene.start({ tenant: 'small' }, { tenant: 'small', dueAt: later }, { tenant: 'small' });
    const refused = async (): Promise<string> => {
      const { reply } = await scene.store.start([scene.item({ tenant: 'small' })]);
      const [verdict] = reply;
      assert.ok(verdict !== undefined && (verdict.ok || /'small'.*3/.test(verdict.message)));
      return codeOf(verdict);
    };
    assert.equal(await refused(), 'tenant.full', 'a delayed run waits too');
    await scene.start({ tenant: 'other' });
    await scene.claim(node, 1);
    assert.equal(await refused(), 'created true', 'what runs does not wait');
    assert.equal(await refused(), 'tenant.full');
  });

  contract('changes nothing when a call fails half-way', async (scene) => {
    const broken = [scene.item({ id: 'good' }), null as never];
    await assert.rejects(scene.store.start(broken));
    assert.equal(await scene.store.get('good'), null);
    await scene.start({ id: 'after' });
    assert.equal((await scene.store.counts()).queued, 1);
  });

  contract('keeps the policy that a run was accepted with', async (scene) => {
    const node = await scene.join();
    const first = { ...plainPolicy, crashesMax: 1 };
    const second = { ...plainPolicy, retry: { ...plainPolicy.retry, attemptsMax: 9 } };
    await scene.start({ id: 'a', policy: first }, { id: 'b', policy: second }, { id: 'c' });
    const claimed = await scene.claim(node);
    assert.deepEqual(
      claimed.map((run) => run.policy),
      [first, second, plainPolicy],
    );
  });
}
