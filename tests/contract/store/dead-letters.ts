/** The contract of dead letters: what is one, and that each is dealt with once. */
import assert from 'node:assert/strict';
import type { DeadFilter } from '../../../src/ports/store-flow.ts';
import { plainPolicy, type Scene, type Wish } from './scene.ts';
import type { Contract } from './suite.ts';

const once = { retry: { ...plainPolicy.retry, attemptsMax: 1 } };

/** All dead letters, by pages that do not divide anything. */
async function letters(scene: Scene, filter: DeadFilter = {}, rowsMax = 2): Promise<string[]> {
  const ids: string[] = [];
  let before: number | null = null;
  do {
    const page = await scene.store.dead({ filter, before, rowsMax });
    assert.ok(page.runs.length <= rowsMax);
    ids.push(...page.runs.map(({ id }) => id));
    before = page.next;
  } while (before !== null);
  return ids;
}

/** Runs that have failed, in the order of their starts. */
async function failed(scene: Scene, count: number, wish: Wish = {}): Promise<string[]> {
  const node = await scene.join();
  const ids = await scene.startMany(count, { ...wish, policy: once });
  for (const run of await scene.claim(node, 100, [wish.fn ?? 'work'])) await scene.fail(run);
  return ids;
}

/** A run whose owners have died too often. */
async function quarantined(scene: Scene): Promise<string> {
  const [id] = await scene.start({ policy: { ...once, crashesMax: 1 } });
  const node = await scene.join();
  await scene.claimOne(node);
  await scene.bury(node);
  assert.equal(await scene.stands(id), 'quarantined');
  return id ?? '';
}

const redrive = async (scene: Scene, id: string, newId: string) =>
  (await scene.store.redrive([{ id, newId }])).reply[0];

const code = (verdict: { readonly ok: boolean; readonly code?: string } | undefined) =>
  verdict?.ok === false ? verdict.code : verdict?.ok;

export function deadLetters(contract: Contract): void {
  listing(contract);
  dealing(contract);
  leaving(contract);
}

function listing(contract: Contract): void {
  contract('are runs that failed, timed out, were lost or are set aside', async (scene) => {
    const node = await scene.join();
    const [good, bad] = await failed(scene, 2);
    const aside = await quarantined(scene);
    const [late] = await scene.start({ deadlineAt: scene.world.now() });
    const [stopped] = await scene.start({});
    await scene.store.cancel([{ id: stopped ?? '', reason: 'x' }]);
    await scene.until('its deadline passed', async () => {
      await scene.store.sweep(100);
      return (await scene.stands(late)) === 'timed-out';
    });
    await scene.start({});
    await scene.succeed(await scene.claimOne(node));
    assert.deepEqual(await letters(scene), [late, aside, bad, good]);
  });

  contract('are listed by function and tenant, newest first', async (scene) => {
    const a = await failed(scene, 3, { tenant: 'a' });
    const b = await failed(scene, 2, { tenant: 'b' });
    const other = await failed(scene, 2, { tenant: 'b', fn: 'other' });
    const newest = (ids: readonly string[]) => ids.toReversed();
    assert.deepEqual(await letters(scene), newest([...a, ...b, ...other]));
    assert.deepEqual(await letters(scene, { tenant: 'b' }), newest([...b, ...other]));
    assert.deepEqual(await letters(scene, { fn: 'work' }), newest([...a, ...b]));
    assert.deepEqual(await letters(scene, { fn: 'work', tenant: 'b' }), newest(b));
    assert.deepEqual(await letters(scene, { fn: 'other', tenant: 'a' }), []);
    const [shown] = (await scene.store.dead({ filter: {}, before: null, rowsMax: 1 })).runs;
    assert.equal(shown?.outcome?.error?.message, 'boom');
  });

  contract('are listed in one order with those that are set aside', async (scene) => {
    const [first] = await failed(scene, 1);
    const aside = await quarantined(scene);
    const last = await failed(scene, 2);
    for (const rowsMax of [1, 2, 3, 9]) {
      const expected = [...last.toReversed(), aside, first];
      assert.deepEqual(await letters(scene, {}, rowsMax), expected);
    }
  });
}

function dealing(contract: Contract): void {
  contract('are redriven once, whoever asks', async (scene) => {
    const [id = ''] = await failed(scene, 1);
    const stores = [scene.store, await scene.world.connect(), await scene.world.connect()];
    const asked = await Promise.all(
      stores.map((store, n) => store.redrive([{ id, newId: `again-${n}` }])),
    );
    const made = asked.flatMap(({ reply }) => reply).filter(({ ok }) => ok);
    assert.equal(made.length, 1);
    assert.deepEqual(await letters(scene), []);
    assert.equal(code(await redrive(scene, id, 'later')), 'dead.not_found');
    assert.equal((await scene.store.counts()).queued, 1);
  });

  contract('find the run that an earlier asking made', async (scene) => {
    const [id = ''] = await failed(scene, 1);
    const first = await redrive(scene, id, 'again');
    assert.deepEqual(first, { ok: true, id: 'again', created: true });
    assert.deepEqual(await redrive(scene, id, 'again'), first);
    const { retryOf, input } = await scene.get('again');
    assert.deepEqual([retryOf, input], [id, 'null']);
  });

  contract('go on under their id if they were set aside', async (scene) => {
    const id = await quarantined(scene);
    assert.deepEqual(await redrive(scene, id, 'unused'), { ok: true, id, created: false });
    assert.equal(await scene.stands(id), 'slot');
    assert.equal(code(await redrive(scene, id, 'unused')), 'dead.not_found');
  });

  contract('are discarded for good, and their runs stay', async (scene) => {
    const [one = '', two = ''] = await failed(scene, 2);
    const aside = await quarantined(scene);
    const items = [one, aside, 'nobody'].map((id) => ({ id, reason: 'known' }));
    const { reply } = await scene.store.discard(items);
    assert.deepEqual(reply.map(code), [true, true, 'dead.not_found']);
    assert.deepEqual(await letters(scene), [two]);
    assert.deepEqual(await scene.allStand([one, aside]), ['failed', 'cancelled']);
    assert.equal(code(await redrive(scene, one, 'again')), 'dead.not_found');
    assert.equal(code((await scene.store.discard(items)).reply[0]), 'dead.not_found');
  });

  contract('are none any more when they were retried otherwise', async (scene) => {
    const [one = ''] = await failed(scene, 1);
    await scene.store.retry([{ id: one, newId: 'again' }]);
    assert.deepEqual(await letters(scene), []);
    assert.equal(code(await redrive(scene, one, 'once more')), 'dead.not_found');
  });

  contract('are refused a new run where the tenant is full, and stay', async (scene) => {
    const [id = ''] = await failed(scene, 1, { tenant: 'small' });
    await scene.store.setTenant({ tenant: 'small', waitingMax: 0 });
    assert.equal(code(await redrive(scene, id, 'again')), 'tenant.full');
    assert.deepEqual(await letters(scene), [id]);
  });
}

function leaving(contract: Contract): void {
  contract('go with their runs', async (scene) => {
    const [id = ''] = await failed(scene, 1);
    const now = scene.world.now();
    await scene.until('it was older', async () => scene.world.now() > now);
    const kept = {
      succeeded: null,
      cancelled: null,
      'timed-out': null,
      rejected: null,
      lost: null,
    };
    await scene.store.prune({ ...kept, failed: 0 }, 10);
    assert.equal(await scene.store.get(id), null);
    assert.deepEqual(await letters(scene), []);
    assert.equal(code(await redrive(scene, id, 'again')), 'dead.not_found');
  });
}
