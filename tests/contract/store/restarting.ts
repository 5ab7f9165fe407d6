/** The contract of giving runs a second life. */
import assert from 'node:assert/strict';
import { wallPlus } from '../../../src/core/time.ts';
import { plainPolicy, type Scene } from './scene.ts';
import type { Contract } from './suite.ts';

const once = { retry: { ...plainPolicy.retry, attemptsMax: 1 } };

async function retry(scene: Scene, id: string | undefined, newId = `${id}-again`) {
  const { reply, woken } = await scene.store.retry([{ id: id ?? '', newId }]);
  const [verdict] = reply;
  assert.ok(verdict !== undefined);
  return { verdict, woken };
}

/** A run that failed for good. */
async function failed(scene: Scene, wish: Parameters<Scene['item']>[0] = {}): Promise<string> {
  const node = await scene.join();
  const [id] = await scene.start({ policy: once, ...wish });
  await scene.fail(await scene.claimOne(node));
  return id ?? '';
}

export function restarting(contract: Contract): void {
  quarantined(contract);
  ended(contract);
  refused(contract);
}

function quarantined(contract: Contract): void {
  contract(
    'puts a quarantined run back into the queue, with its crashes forgiven',
    async (scene) => {
      const [id, other] = await scene.start(
        { lane: 'x', policy: { crashesMax: 1 } },
        { lane: 'x' },
      );
      const node = await scene.join();
      await scene.claimOne(node);
      await scene.bury(node);
      const { verdict, woken } = await retry(scene, id);
      assert.deepEqual(verdict, { ok: true, id, created: false });
      assert.equal(woken.ready, false, 'its place in the lane went to the next');
      const run = await scene.get(id);
      assert.deepEqual([run.status, run.crashes, run.quarantine], ['queued', 0, null]);
      const fresh = await scene.join();
      await scene.succeed(await scene.claimOne(fresh));
      assert.equal(await scene.stands(other), 'succeeded');
      const second = await scene.claimOne(fresh);
      assert.deepEqual([second.id, second.attempt], [id, 2]);
      await scene.succeed(second);
      assert.equal((await scene.get(id)).attempts[0]?.end, 'crashed', 'the evidence is kept');
    },
  );
}

function ended(contract: Contract): void {
  contract(
    '(G2) starts a failed run anew under another id, and leaves its outcome',
    async (scene) => {
      const wish = {
        input: '{"n":1}',
        lane: 'x',
        laneWidth: 2,
        tenant: 't',
        prioritySeconds: 3,
        tags: ['a', 'b'],
        deadlineAt: wallPlus(scene.world.now(), 3_600_000),
      };
      const id = await failed(scene, wish);
      const before = await scene.get(id);
      const { verdict, woken } = await retry(scene, id, 'second');
      assert.deepEqual(verdict, { ok: true, id: 'second', created: true });
      assert.equal(woken.ready, true);
      assert.deepEqual(await scene.get(id), before);
      const second = await scene.get('second');
      const { seq, acceptedAt, dueAt, ...shown } = second;
      assert.ok(seq > before.seq && acceptedAt >= before.acceptedAt && dueAt === acceptedAt);
      assert.deepEqual(shown, {
        ...shown,
        ...wish,
        deadlineAt: null,
        fn: 'work',
        retryOf: id,
        attempt: 0,
        failures: 0,
        fence: 0,
        outcome: null,
        attempts: [],
        status: 'queued',
      });
      const run = await scene.claimOne(await scene.join());
      assert.deepEqual([run.id, run.policy], ['second', { ...plainPolicy, ...once }]);
      await scene.succeed(run);
    },
  );

  contract('starts cancelled and lost runs anew as well', async (scene) => {
    const node = await scene.join();
    const [lost, cancelled] = await scene.start({ policy: { onCrash: 'lose' } }, {});
    await scene.claimOne(node);
    await scene.bury(node);
    await scene.store.cancel([{ id: cancelled ?? '', reason: 'x' }]);
    for (const id of [lost, cancelled]) {
      const { verdict } = await retry(scene, id);
      assert.deepEqual(verdict, { ok: true, id: `${id}-again`, created: true });
    }
    assert.equal((await scene.claim(await scene.join())).length, 2);
  });

  contract('gives one new run when the same retry is sent twice', async (scene) => {
    const id = await failed(scene);
    const first = (await retry(scene, id, 'second')).verdict;
    const again = (await retry(scene, id, 'second')).verdict;
    assert.deepEqual([first.ok, again.ok], [true, true]);
    assert.equal(again.ok && again.id, 'second');
    assert.equal((await scene.store.counts()).queued, 1);
    await scene.succeed(await scene.claimOne(await scene.join()));
    const late = (await retry(scene, id, 'second')).verdict;
    assert.equal(late.ok && late.id, 'second', 'also when the new run has ended meanwhile');
    assert.equal(await scene.stands('second'), 'succeeded');
  });
}

function refused(contract: Contract): void {
  contract('refuses what did not end badly, each item for itself', async (scene) => {
    const node = await scene.join();
    const ids = await scene.startMany(3, {});
    await scene.succeed(await scene.claimOne(node));
    await scene.claimOne(node);
    const items = [...ids, 'unknown'].map((id) => ({ id, newId: `${id}-again` }));
    const { reply } = await scene.store.retry(items);
    assert.deepEqual(
      reply.map((verdict) => (verdict.ok ? verdict.id : verdict.code)),
      [
        'run.illegal_transition',
        'run.illegal_transition',
        'run.illegal_transition',
        'run.not_found',
      ],
    );
    assert.deepEqual(await scene.allStand(ids), ['succeeded', 'running', 'slot']);
    assert.equal(await scene.store.get(`${ids[0]}-again`), null);
  });

  contract('refuses what the tenant has no room for', async (scene) => {
    const id = await failed(scene, { tenant: 'small' });
    await scene.store.setTenant({ tenant: 'small', weight: 1, runningMax: null, waitingMax: 1 });
    await scene.start({ tenant: 'small' });
    const { verdict } = await retry(scene, id);
    assert.equal(verdict.ok === false && verdict.code, 'tenant.full');
  });
}
