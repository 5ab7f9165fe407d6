/** The contract of trying failed attempts again. */
import assert from 'node:assert/strict';
import { limits } from '../../../src/core/limits.ts';
import type { RetryPolicy } from '../../../src/core/retry.ts';
import { wallPlus } from '../../../src/core/time.ts';
import { boom, plainPolicy, type Scene } from './scene.ts';
import type { Contract } from './suite.ts';

const backoff: RetryPolicy = {
  attemptsMax: 10,
  backoff: 'exponential',
  delayMs: 3_600_000,
  factor: 2,
  delayMsMax: 9_000_000,
  jitter: 0.5,
};

/** How long after its failure the run is due. */
async function delayOf(scene: Scene, id: string | undefined): Promise<number> {
  const run = await scene.get(id);
  const failedAt = run.attempts.at(-1)?.endedAt;
  assert.ok(run.gate === 'time' && run.dueAt !== null && failedAt !== undefined);
  return run.dueAt - failedAt;
}

export function retrying(contract: Contract): void {
  delays(contract);
  advice(contract);
  budget(contract);
}

function delays(contract: Contract): void {
  contract(
    'tries again after the delay of the policy, less what chance takes away',
    async (scene) => {
      const node = await scene.join();
      const ids = await scene.startMany(3, { policy: { retry: backoff } });
      const chances = [0, 0.5, 0.75];
      for (const [at, run] of (await scene.claim(node)).entries()) {
        const verdict = await scene.fail(run, { chance: chances[at] ?? 0 });
        assert.equal(verdict.outcome, null);
      }
      const found = await Promise.all(ids.map((id) => delayOf(scene, id)));
      assert.deepEqual(found, [3_600_000, 2_700_000, 2_250_000]);
    },
  );

  contract('waits longer after each failure, up to the cap', async (scene) => {
    const node = await scene.join();
    const retry = { ...backoff, delayMs: 20, delayMsMax: 70, jitter: 0 };
    const [id] = await scene.start({ policy: { retry } });
    const found: number[] = [];
    for (let failures = 1; failures <= 4; failures += 1) {
      await scene.fail(await scene.claimOne(node));
      found.push(await delayOf(scene, id));
      await scene.untilDue(id);
    }
    assert.deepEqual(found, [20, 40, 70, 70]);
  });

  contract('waits the same each time when the backoff is fixed', async (scene) => {
    const node = await scene.join();
    const retry = { ...backoff, backoff: 'fixed' as const, delayMs: 15, jitter: 0 };
    const [id] = await scene.start({ policy: { retry } });
    for (let failures = 1; failures <= 3; failures += 1) {
      await scene.fail(await scene.claimOne(node));
      assert.equal(await delayOf(scene, id), 15);
      await scene.untilDue(id);
    }
  });

  contract('hands a run out again when it is due and not before', async (scene) => {
    const node = await scene.join();
    const retry = { ...backoff, delayMs: 120, jitter: 0 };
    const [id] = await scene.start({ policy: { retry } });
    await scene.fail(await scene.claimOne(node));
    const { dueAt } = await scene.get(id);
    assert.ok(dueAt !== null);
    await scene.until('it was handed out again', async () => {
      await scene.store.sweep(10);
      const [run] = await scene.claim(node);
      if (run === undefined) return false;
      assert.ok(scene.world.now() >= dueAt, 'too early');
      assert.deepEqual([run.attempt, run.failures], [2, 1]);
      return true;
    });
  });
}

function advice(contract: Contract): void {
  contract('ends a run at once when its error says never', async (scene) => {
    const node = await scene.join();
    const [id] = await scene.start({});
    const verdict = await scene.fail(await scene.claimOne(node), { advice: { kind: 'never' } });
    assert.deepEqual(verdict.outcome, { kind: 'failed', error: boom });
    assert.deepEqual((await scene.get(id)).outcome, { kind: 'failed', error: boom });
  });

  contract('tries again when the error says, and not when the policy does', async (scene) => {
    const node = await scene.join();
    const at = wallPlus(scene.world.now(), 7_200_000);
    const past = wallPlus(scene.world.now(), -7_200_000);
    const ids = await scene.startMany(3, { policy: { retry: backoff } });
    const [first, second, third] = await scene.claim(node);
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    await scene.fail(first, { advice: { kind: 'at', at } });
    await scene.fail(second, { advice: { kind: 'after', delayMs: 86_400_000 }, chance: 0.9 });
    await scene.fail(third, { advice: { kind: 'at', at: past } });
    assert.equal((await scene.get(ids[0])).dueAt, at);
    assert.equal(await delayOf(scene, ids[1]), 86_400_000);
    assert.deepEqual(await scene.claimIds(node), [ids[2]], 'a time that is past is now');
  });

  contract('spends the budget also when the error says when', async (scene) => {
    const node = await scene.join();
    const retry = { ...plainPolicy.retry, attemptsMax: 2 };
    const [id] = await scene.start({ policy: { retry } });
    const advice = { kind: 'after', delayMs: 0 } as const;
    await scene.fail(await scene.claimOne(node), { advice });
    await scene.fail(await scene.claimOne(node), { advice });
    assert.equal(await scene.stands(id), 'failed');
  });

  contract('fails now when the deadline comes before the retry', async (scene) => {
    const node = await scene.join();
    const deadlineAt = wallPlus(scene.world.now(), 1_800_000);
    const [id] = await scene.start({ deadlineAt, policy: { retry: backoff } });
    const verdict = await scene.fail(await scene.claimOne(node));
    assert.deepEqual(verdict.outcome, { kind: 'failed', error: boom });
    assert.equal(await scene.stands(id), 'failed');
  });
}

function budget(contract: Contract): void {
  contract(
    'fails with the last error when the budget is spent, and keeps the others',
    async (scene) => {
      const node = await scene.join({ name: 'worker' });
      const [id] = await scene.start({});
      for (const message of ['first', 'second', 'third']) {
        const error = { ...boom, message };
        const end = { how: 'failed', error, chance: 0 } as const;
        await scene.end(await scene.claimOne(node), end);
      }
      const run = await scene.get(id);
      assert.deepEqual(run.outcome, { kind: 'failed', error: { ...boom, message: 'third' } });
      assert.deepEqual(
        run.attempts.map(({ attempt, end, error, node: by }) => [attempt, end, error?.message, by]),
        [
          [1, 'failed', 'first', 'worker'],
          [2, 'failed', 'second', 'worker'],
          [3, 'failed', 'third', 'worker'],
        ],
      );
      assert.ok(run.attempts.every((one) => one.startedAt <= one.endedAt));
      assert.deepEqual(await scene.claimIds(node), []);
    },
  );

  contract('counts a timed-out attempt as a failure', async (scene) => {
    const node = await scene.join();
    const retry = { ...plainPolicy.retry, attemptsMax: 2 };
    const [id] = await scene.start({ policy: { retry } });
    const error = { code: 'attempt.timed_out', message: 'took longer than 5 ms' };
    const timeOut = async () => {
      const end = { how: 'timed-out', error, chance: 0, scope: 'attempt', settled: true } as const;
      return scene.end(await scene.claimOne(node), end);
    };
    assert.deepEqual(await timeOut(), { ok: true, outcome: null, repeated: false });
    const outcome = { kind: 'timed-out', error };
    assert.deepEqual(await timeOut(), { ok: true, outcome, repeated: false });
    assert.equal((await scene.get(id)).failures, 2);
  });

  contract('keeps the newest attempts of a run that fails very often', async (scene) => {
    const node = await scene.join();
    const times = limits.attemptsKeptMax + 5;
    const retry = { ...plainPolicy.retry, attemptsMax: times };
    const [id] = await scene.start({ policy: { retry } });
    for (let n = 0; n < times; n += 1) await scene.fail(await scene.claimOne(node));
    const run = await scene.get(id);
    assert.deepEqual([run.attempt, run.failures], [times, times]);
    assert.equal(run.attempts.length, limits.attemptsKeptMax);
    assert.deepEqual([run.attempts[0]?.attempt, run.attempts.at(-1)?.attempt], [6, times]);
  });
}
