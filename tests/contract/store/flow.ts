/** The contract of flow control: each term at its bounds, decided when a run is started. */
import assert from 'node:assert/strict';
import { limits } from '../../../src/core/limits.ts';
import type { StartFlow } from '../../../src/ports/store-flow.ts';
import type { StartVerdict } from '../../../src/ports/store-runs.ts';
import { plainPolicy, type Scene, type Wish } from './scene.ts';
import type { Contract } from './suite.ts';

const hour = 3_600_000;
const each = { key: '', tenants: 'each' } as const;

const rate = (more: Partial<NonNullable<StartFlow['rateLimit']>> = {}): Wish => ({
  flow: { rateLimit: { ...each, max: 2, perMs: hour, algorithm: 'sliding', ...more } },
});
const throttle = (max: number, perMs: number): Wish => ({
  flow: { throttle: { ...each, max, perMs } },
});
const debounce = (quietMs: number, maxMs: number, key = ''): Wish => ({
  flow: { debounce: { key, quietMs, maxMs } },
});
const unique = (when: 'queued' | 'unfinished', key = ''): Wish => ({
  flow: { unique: { key, while: when } },
});
const conflict = (onConflict: NonNullable<StartFlow['onConflict']>): Wish => ({
  lane: 'x',
  flow: { onConflict },
});

/** Starts in one call, and gives every verdict. */
async function ask(scene: Scene, ...wishes: readonly Wish[]): Promise<readonly StartVerdict[]> {
  return (await scene.store.start(wishes.map((wish) => scene.item(wish)))).reply;
}

/** Starts one. */
async function askOne(scene: Scene, wish: Wish): Promise<StartVerdict> {
  const [verdict] = await ask(scene, wish);
  assert.ok(verdict !== undefined);
  return verdict;
}

/** What became of each: the code of its refusal, how it joined another, or `created`. */
const words = (verdicts: readonly StartVerdict[]): string[] =>
  verdicts.map((verdict) => {
    if (!verdict.ok) return verdict.code;
    return verdict.created ? 'created' : (verdict.how ?? 'same-id');
  });

export function flow(contract: Contract): void {
  rates(contract);
  throttles(contract);
  debounces(contract);
  deadlines(contract);
  uniques(contract);
  conflicts(contract);
  replaced(contract);
  keeping(contract);
}

function rates(contract: Contract): void {
  for (const algorithm of ['sliding', 'bucket'] as const) {
    contract(
      `refuses what is over the rate, and says for how long: ${algorithm}`,
      async (scene) => {
        const wish = rate({ algorithm });
        const verdicts = await ask(scene, wish, wish, wish);
        assert.deepEqual(words(verdicts), ['created', 'created', 'rate.limited']);
        const [, , refused] = verdicts;
        assert.ok(refused !== undefined && !refused.ok && refused.code === 'rate.limited');
        const most = algorithm === 'sliding' ? hour : hour / 2;
        assert.ok(refused.retryAfterMs > most - 60_000 && refused.retryAfterMs <= most);
        assert.match(
          refused.message,
          /^'work' takes 2 starts within 3600000 ms; try again in \d+ ms$/,
        );
        assert.deepEqual(words(await ask(scene, wish)), ['rate.limited'], 'in the next call too');
      },
    );

    contract(`takes starts again when there is room: ${algorithm}`, async (scene) => {
      const wish = rate({ algorithm, max: 1, perMs: 40 });
      assert.deepEqual(words(await ask(scene, wish, wish)), ['created', 'rate.limited']);
      await scene.until('there was room', async () => (await askOne(scene, wish)).ok);
    });
  }

  contract('counts each key, tenant and function by itself', async (scene) => {
    const wish = rate({ max: 1 });
    const others: readonly Wish[] = [
      ...[wish, rate({ max: 1, key: 'a' }), { ...wish, tenant: 'acme' }, { ...wish, fn: 'other' }],
    ];
    assert.ok((await ask(scene, ...others)).every((verdict) => verdict.ok));
    assert.deepEqual(words(await ask(scene, ...others)), Array(4).fill('rate.limited'));
  });

  contract('counts all tenants together where it is told to', async (scene) => {
    const wish = rate({ max: 1, tenants: 'together' });
    const verdicts = await ask(scene, wish, { ...wish, tenant: 'acme' });
    assert.deepEqual(words(verdicts), ['created', 'rate.limited']);
  });

  contract('does not count what is refused otherwise, or was there already', async (scene) => {
    await scene.store.setTenant({ tenant: 'small', waitingMax: 0 });
    const wish = { ...rate({ max: 2 }), tenant: 'small' };
    assert.deepEqual(words(await ask(scene, wish, wish)), ['tenant.full', 'tenant.full']);
    await scene.store.setTenant({ tenant: 'small', waitingMax: null });
    const named = { ...wish, id: 'mine' };
    const verdicts = await ask(scene, named, named, wish, wish);
    assert.deepEqual(words(verdicts), ['created', 'same-id', 'created', 'rate.limited']);
  });
}

function throttles(contract: Contract): void {
  contract('moves the due times of what is over the throttle, in order', async (scene) => {
    const ids = await scene.startMany(5, throttle(2, hour));
    const stands = await scene.allStand(ids);
    assert.deepEqual(stands, ['slot', 'slot', 'time', 'time', 'time']);
    const runs = await Promise.all(ids.map((id) => scene.get(id)));
    const [first] = runs;
    const after = runs.map(({ dueAt }) =>
      Math.round(((dueAt ?? 0) - (first?.acceptedAt ?? 0)) / hour),
    );
    assert.deepEqual(after.slice(2), [1, 1, 2]);
    const [next] = await scene.start(throttle(2, hour));
    const { dueAt } = await scene.get(next);
    assert.equal(dueAt, runs[4]?.dueAt, 'a later call goes on where the first ended');
  });

  contract('lets throttled runs begin when they are due', async (scene) => {
    const node = await scene.join();
    const ids = await scene.startMany(3, throttle(1, 30));
    const dues = await Promise.all(ids.map(async (id) => (await scene.get(id)).dueAt ?? 0));
    const [due = 0] = dues;
    assert.deepEqual(dues, [due, due + 30, due + 60]);
    const order: string[] = [];
    await scene.until('all had begun', async () => {
      await scene.store.sweep(100);
      order.push(...(await scene.claimIds(node)));
      return order.length === 3;
    });
    assert.deepEqual(order, ids);
    for (const [at, id] of ids.entries()) {
      const { startedAt } = await scene.get(id);
      assert.ok((startedAt ?? 0) >= (dues[at] ?? 0), `begun at ${startedAt} of ${dues.join(', ')}`);
    }
  });
}

function debounces(contract: Contract): void {
  contract('makes starts of one key one run with the newest input', async (scene) => {
    const [id] = await scene.start({ ...debounce(hour, hour), input: '1' });
    const before = await scene.get(id);
    const verdicts = await ask(
      scene,
      { ...debounce(hour, 2 * hour), input: '2' },
      { ...debounce(hour, 2 * hour), input: '3' },
      debounce(hour, hour, 'other'),
    );
    assert.deepEqual(verdicts.slice(0, 2), [
      { ok: true, id, created: false, how: 'debounced' },
      { ok: true, id, created: false, how: 'debounced' },
    ]);
    assert.deepEqual(words(verdicts)[2], 'created');
    const after = await scene.get(id);
    assert.equal(after.input, '3');
    assert.equal(after.gate, 'time');
    assert.ok((after.dueAt ?? 0) >= (before.dueAt ?? 0));
    assert.equal((await scene.store.counts()).queued, 2);
  });

  contract('begins once all is quiet, and takes no more from then on', async (scene) => {
    const node = await scene.join();
    const [id] = await scene.start({ ...debounce(20, hour), input: '1' });
    await scene.untilDue(id);
    const late = await askOne(scene, { ...debounce(hour, hour), input: '2' });
    assert.ok(late.ok && late.created);
    const run = await scene.claimOne(node);
    assert.deepEqual([run.id, run.input], [id, '1']);
    assert.equal(await scene.stands(late.id), 'time');
    const third = await askOne(scene, { ...debounce(hour, hour), input: '3' });
    assert.deepEqual([third.ok && third.id, words([third])], [late.id, ['debounced']]);
  });

  contract('takes nothing when its time is over and no sweep has seen it', async (scene) => {
    const [id] = await scene.start(debounce(10, hour));
    const { dueAt } = await scene.get(id);
    await scene.until('it was due', async () => scene.world.now() > (dueAt ?? 0));
    assert.deepEqual(words([await askOne(scene, debounce(hour, hour))]), ['created']);
  });

  contract('keeps lanes and tenants apart', async (scene) => {
    const wish = debounce(hour, hour);
    const verdicts = await ask(scene, wish, { ...wish, tenant: 'acme' }, { ...wish, lane: 'x' });
    assert.deepEqual(words(verdicts), ['created', 'created', 'created']);
  });

  contract('knows a start again that was merged', async (scene) => {
    const node = await scene.join();
    const wish = { ...debounce(hour, hour), idempotent: false };
    const [id] = await scene.start({ ...wish, id: 'first' });
    await ask(scene, { ...wish, id: 'second', input: '"new"' });
    const again = async () => {
      const items = ['first', 'second'].map((one) =>
        scene.item({ ...wish, id: one, idempotent: true, input: '"new"' }),
      );
      return (await scene.store.start(items)).reply.map((one) => one.ok && one.id);
    };
    assert.deepEqual(await again(), [id, id]);
    await ask(scene, debounce(1, hour));
    await scene.untilDue(id);
    await scene.claimOne(node);
    assert.deepEqual(await again(), [id, id], 'also when it has begun');
    const next = await askOne(scene, { ...debounce(hour, hour), input: '"next"' });
    assert.ok(next.ok && next.created);
    assert.deepEqual(await again(), [id, id], 'also when the next run of the key is there');
    assert.equal((await scene.get(next.id)).input, '"next"', 'which is left as it is');
    assert.deepEqual(words([await askOne(scene, debounce(hour, hour))]), ['debounced']);
    assert.deepEqual(await again(), [id, id], 'and has merged others');
  });
}

function deadlines(contract: Contract): void {
  contract('waits again after each start, and never past its deadline', async (scene) => {
    const [id] = await scene.start(debounce(hour, 2 * hour));
    const { acceptedAt } = await scene.get(id);
    const dueAt = async () => ((await scene.get(id)).dueAt ?? 0) - acceptedAt;
    assert.equal(await dueAt(), hour);
    await scene.until('time passed', async () => scene.world.now() > acceptedAt);
    await askOne(scene, debounce(hour, 2 * hour));
    assert.ok((await dueAt()) > hour, 'it waits for quiet again');
    await askOne(scene, debounce(hour, hour));
    assert.equal(await dueAt(), hour, 'but not past its deadline');
    await askOne(scene, debounce(5, 10));
    await scene.untilDue(id);
    assert.equal(await scene.stands(id), 'slot');
  });
}

function uniques(contract: Contract): void {
  contract('gives the run of the key while that is unfinished', async (scene) => {
    const node = await scene.join();
    const wish = unique('unfinished', 'k');
    const [first, second] = await ask(scene, wish, wish);
    assert.ok(first?.ok && second?.ok);
    assert.deepEqual(second, { ok: true, id: first.id, created: false, how: 'unique' });
    const run = await scene.claimOne(node);
    assert.deepEqual(words(await ask(scene, wish)), ['unique'], 'while it is executed');
    await scene.fail(run);
    assert.deepEqual(words(await ask(scene, wish)), ['unique'], 'while it waits for its retry');
    await scene.succeed(await scene.claimOne(node));
    assert.deepEqual(words(await ask(scene, wish, wish)), ['created', 'unique']);
  });

  contract('gives the run of the key only until that begins, where it says so', async (scene) => {
    const node = await scene.join();
    const wish = unique('queued');
    assert.deepEqual(words(await ask(scene, wish, wish)), ['created', 'unique']);
    await scene.claimOne(node);
    assert.deepEqual(words(await ask(scene, wish, wish)), ['created', 'unique']);
    assert.equal((await scene.store.counts()).queued, 1);
  });

  contract('is unique of a tenant, a function and a key', async (scene) => {
    const wish = unique('unfinished');
    const others = [
      { ...wish, tenant: 'acme' },
      { ...wish, fn: 'other' },
      unique('unfinished', 'k'),
    ];
    assert.ok((await ask(scene, wish, ...others)).every((one) => one.ok && one.created));
  });

  contract('is one of many that ask at once through connections of their own', async (scene) => {
    const stores = [scene.store, await scene.world.connect(), await scene.world.connect()];
    const asked = await Promise.all(
      Array.from({ length: 30 }, (_, n) => {
        const store = stores[n % stores.length] ?? scene.store;
        return store.start([scene.item(unique('unfinished')), scene.item(rate({ max: 7 }))]);
      }),
    );
    const verdicts = asked.map(({ reply }) => reply);
    const first = verdicts.filter(([one]) => one?.ok && one.created);
    assert.equal(first.length, 1);
    const ids = new Set(verdicts.map(([one]) => (one?.ok ? one.id : '')));
    assert.equal(ids.size, 1);
    assert.equal(verdicts.filter(([, one]) => one?.ok).length, 7);
  });
}

function conflicts(contract: Contract): void {
  contract('drops a start while anything of its lane waits or is executed', async (scene) => {
    const node = await scene.join();
    const wish = conflict('drop');
    assert.deepEqual(words(await ask(scene, wish, wish)), ['created', 'lane.busy']);
    const run = await scene.claimOne(node);
    assert.deepEqual(words(await ask(scene, wish)), ['lane.busy']);
    await scene.succeed(run);
    assert.deepEqual(words(await ask(scene, wish)), ['created']);
    assert.deepEqual(words(await ask(scene, { ...wish, lane: 'y' })), ['created']);
  });

  contract('cancels what has begun in its lane, and queues', async (scene) => {
    const node = await scene.join();
    const [running, waiting] = await scene.startMany(2, { lane: 'x' });
    const run = await scene.claimOne(node);
    const [next] = await scene.start(conflict('cancel-running'));
    const stopped = await scene.get(running);
    assert.equal(stopped.stopReason, `it gave way to run '${next}'`);
    assert.deepEqual(await scene.allStand([waiting ?? '', next ?? '']), ['lane', 'lane']);
    await scene.end(run, { how: 'stopped', settled: true });
    assert.deepEqual(await scene.allStand([running ?? '', waiting ?? '', next ?? '']), [
      'cancelled',
      'slot',
      'lane',
    ]);
  });

  contract('cancels at once what waits for its retry, and goes in', async (scene) => {
    const node = await scene.join();
    const retry = { ...plainPolicy.retry, delayMs: hour, delayMsMax: hour };
    const [id] = await scene.start({ lane: 'x', policy: { retry } });
    await scene.fail(await scene.claimOne(node));
    const [next] = await scene.start(conflict('cancel-running'));
    assert.deepEqual(await scene.allStand([id ?? '', next ?? '']), ['cancelled', 'slot']);
  });

  contract('leaves runs of other tenants in a shared lane as they are', async (scene) => {
    const node = await scene.join();
    const [other] = await scene.start({ lane: 'x', tenant: 'acme' });
    await scene.claimOne(node);
    const [mine] = await scene.start(conflict('cancel-running'));
    await ask(scene, conflict('replace-waiting'));
    assert.equal((await scene.get(other)).stopReason, null);
    assert.equal(await scene.stands(other), 'running');
    assert.equal(await scene.stands(mine), 'cancelled');
  });
}

function replaced(contract: Contract): void {
  contract('replaces what has not begun in its lane: the newest waits', async (scene) => {
    const node = await scene.join();
    const wish = conflict('replace-waiting');
    const [first] = await scene.start(wish);
    const [second] = await scene.start(wish);
    assert.deepEqual(await scene.allStand([first ?? '', second ?? '']), ['cancelled', 'slot']);
    const { outcome } = await scene.get(first);
    assert.equal(outcome?.error?.code, 'run.cancelled');
    assert.match(outcome?.error?.message ?? '', new RegExp(`gave way to run '${second}'`));
    const run = await scene.claimOne(node);
    assert.equal(run.id, second);
    const [third] = await scene.start(wish);
    const [fourth] = await scene.start(wish);
    assert.deepEqual(await scene.allStand([second ?? '', third ?? '', fourth ?? '']), [
      'running',
      'cancelled',
      'lane',
    ]);
    await scene.succeed(run);
    assert.equal(await scene.stands(fourth), 'slot');
  });

  contract('replaces those of its own call too', async (scene) => {
    const wish = conflict('replace-waiting');
    const ids = await scene.startMany(3, wish);
    assert.deepEqual(await scene.allStand(ids), ['cancelled', 'cancelled', 'slot']);
    assert.equal((await scene.store.counts()).queued, 1);
  });

  contract('makes room of its tenant by what it replaces', async (scene) => {
    await scene.store.setTenant({ tenant: 'small', waitingMax: 1 });
    const wish = { ...conflict('replace-waiting'), tenant: 'small' };
    assert.deepEqual(words(await ask(scene, wish, wish)), ['created', 'created']);
    assert.deepEqual(words(await ask(scene, wish)), ['created']);
    assert.deepEqual(words(await ask(scene, { tenant: 'small' })), ['tenant.full']);
  });
}

function keeping(contract: Contract): void {
  contract(
    'forgets keys that say nothing any more, and none of a run that goes on',
    async (scene) => {
      const node = await scene.join();
      await ask(scene, unique('unfinished'), rate({ max: 1, perMs: 1 }), throttle(1, 1));
      const all = {
        ...{ succeeded: null, failed: null, cancelled: null, 'timed-out': null },
        ...{ rejected: null, lost: null },
      };
      await scene.until('rates were over', async () => {
        await scene.store.prune(all, limits.sweepRowsMax);
        return (await ask(scene, rate({ max: 1, perMs: 1 })))[0]?.ok === true;
      });
      assert.deepEqual(words(await ask(scene, unique('unfinished'))), ['unique']);
      await scene.succeed(...(await scene.claim(node)));
      assert.deepEqual(words(await ask(scene, unique('unfinished'))), ['created']);
    },
  );

  contract('says what decides when a run is due', async (scene) => {
    const told = { key: '', tenants: 'each', max: 1, perMs: hour } as const;
    const start = {
      ...{ policy: plainPolicy, laneWidth: 1, totalMs: null, lane: null, laneComputed: false },
      ...{ tenant: null, tenantComputed: false, prioritySeconds: null, tags: null },
    };
    const one = { fn: 'work', version: '1', digest: 'digest' };
    const [, second] = await scene.startMany(2, throttle(1, hour));
    assert.equal((await scene.store.explain(second ?? ''))?.timed, null, 'nobody hosts it');
    await scene.join({ functions: [{ ...one, start: { ...start, flow: { throttle: told } } }] });
    assert.equal((await scene.store.explain(second ?? ''))?.timed, 'throttle');
  });
}
