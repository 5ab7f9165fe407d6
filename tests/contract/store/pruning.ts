/** The contract of deleting finished runs. */
import assert from 'node:assert/strict';
import type { OutcomeKind } from '../../../src/core/outcome.ts';
import type { Retention } from '../../../src/ports/store-reads.ts';
import { plainPolicy, type Scene } from './scene.ts';
import type { Contract } from './suite.ts';

/** Keeps everything but what is named, and that not at all. */
const keepAllBut = (...kinds: readonly OutcomeKind[]): Retention => {
  const kept = (kind: OutcomeKind): number | null => (kinds.includes(kind) ? 0 : null);
  return {
    succeeded: kept('succeeded'),
    failed: kept('failed'),
    cancelled: kept('cancelled'),
    'timed-out': kept('timed-out'),
    rejected: kept('rejected'),
    lost: kept('lost'),
  };
};

/** Waits until what ended before is older than now. */
async function untilOlder(scene: Scene): Promise<void> {
  const ended = scene.world.now();
  await scene.until('some time passed', async () => scene.world.now() > ended);
}

export function pruning(contract: Contract): void {
  contract('deletes by outcome, and keeps for ever what is to be kept', async (scene) => {
    const node = await scene.join();
    const ids = await scene.start(
      {},
      { policy: { retry: { ...plainPolicy.retry, attemptsMax: 1 } } },
      {},
    );
    const [good, bad, stopped] = ids;
    const [one, two] = await scene.claim(node, 2);
    assert.ok(one !== undefined && two !== undefined);
    await scene.succeed(one);
    await scene.fail(two);
    await scene.store.cancel([{ id: stopped ?? '', reason: 'x' }]);
    await untilOlder(scene);
    assert.deepEqual(await scene.store.prune(keepAllBut(), 10), { pruned: 0, more: false });
    const pruned = await scene.store.prune(keepAllBut('succeeded', 'cancelled'), 10);
    assert.deepEqual(pruned, { pruned: 2, more: false });
    assert.equal(await scene.store.get(good ?? ''), null);
    assert.equal(await scene.store.get(stopped ?? ''), null);
    assert.equal(await scene.stands(bad), 'failed');
  });

  contract('keeps what is younger than its retention', async (scene) => {
    const node = await scene.join();
    const [id] = await scene.start({});
    await scene.succeed(await scene.claimOne(node));
    await untilOlder(scene);
    const hour = { ...keepAllBut(), succeeded: 3_600_000 };
    assert.deepEqual(await scene.store.prune(hour, 10), { pruned: 0, more: false });
    assert.equal(await scene.stands(id), 'succeeded');
  });

  contract('deletes a bounded number at once, the oldest first', async (scene) => {
    const node = await scene.join();
    const ids = await scene.startMany(5, {});
    for (const run of await scene.claim(node)) await scene.succeed(run);
    await untilOlder(scene);
    const all = keepAllBut('succeeded');
    assert.deepEqual(await scene.store.prune(all, 2), { pruned: 2, more: true });
    const { unknown } = await scene.store.ends(ids);
    assert.deepEqual(unknown, ids.slice(0, 2));
    assert.deepEqual(await scene.store.prune(all, 2), { pruned: 2, more: true });
    assert.deepEqual(await scene.store.prune(all, 2), { pruned: 1, more: false });
    assert.equal((await scene.store.counts()).succeeded, 0);
  });

  contract('forgets everything about a run, and lets its id be used again', async (scene) => {
    const node = await scene.join();
    const wish = { id: 'again', input: '1' };
    await scene.start(wish);
    const first = await scene.claimOne(node);
    await scene.fail(first);
    const second = await scene.claimOne(node);
    const line = { at: scene.world.now(), level: 'info', message: 'x', fields: null } as const;
    await scene.store.note([{ ...second, progress: '1', lines: [line] }]);
    await scene.succeed(second);
    await untilOlder(scene);
    await scene.store.prune(keepAllBut('succeeded'), 10);
    assert.equal(await scene.store.logs('again', null, 10), null);
    assert.deepEqual(await scene.store.ends(['again']), { ended: [], unknown: ['again'] });
    const late = await scene.end(second, { how: 'succeeded', result: '1' });
    assert.equal(late.ok === false && late.code, 'run.not_found');
    await scene.start({ ...wish, input: '2' });
    const fresh = await scene.get('again');
    assert.ok(fresh.seq > second.seq, 'numbers are never given again');
    assert.deepEqual(
      [fresh.input, fresh.result, fresh.progress, fresh.attempts, fresh.logLines],
      ['2', null, null, [], 0],
    );
  });

  contract('never deletes a run that is not done', async (scene) => {
    const doomed = await scene.join();
    await scene.start({ policy: { crashesMax: 1 } });
    await scene.claimOne(doomed);
    await scene.bury(doomed);
    const node = await scene.join();
    await scene.startMany(2, {});
    await scene.claimOne(node);
    await untilOlder(scene);
    const everything = keepAllBut('succeeded', 'failed', 'cancelled', 'timed-out', 'lost');
    assert.deepEqual(await scene.store.prune(everything, 10), { pruned: 0, more: false });
    const { queued, running, quarantined } = await scene.store.counts();
    assert.deepEqual([queued, running, quarantined], [1, 1, 1]);
  });

  contract('(G4) keeps an ended run for as long as its code holds the lane', async (scene) => {
    const node = await scene.join();
    const [id, next] = await scene.startMany(2, { lane: 'x' });
    const run = await scene.claimOne(node);
    await scene.store.cancel([{ id: run.id, reason: 'x' }]);
    await scene.end(run, { how: 'stopped', settled: false });
    await untilOlder(scene);
    await scene.store.prune(keepAllBut('cancelled'), 10);
    assert.equal(await scene.stands(next), 'lane', 'the code may still be executing');
    await scene.store.settled(node, [run]);
    assert.deepEqual(await scene.claimIds(node), [next]);
    await scene.store.prune(keepAllBut('cancelled'), 10);
    assert.equal(await scene.store.get(id ?? ''), null);
  });
}
