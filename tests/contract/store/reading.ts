/** The contract of looking at runs: one, many, and how many. */
import assert from 'node:assert/strict';
import type { RunFilter, RunPage } from '../../../src/ports/store-reads.ts';
import { everyRun } from './audit.ts';
import { plainPolicy, type Scene } from './scene.ts';
import type { Contract } from './suite.ts';

const once = { retry: { ...plainPolicy.retry, attemptsMax: 1 } };

/** Ids of all pages of a filter. */
async function listed(scene: Scene, filter: RunFilter, rowsMax = 3): Promise<string[]> {
  const ids: string[] = [];
  let before: number | null = null;
  do {
    const page = await scene.store.list({ filter, before, rowsMax });
    assert.ok(page.runs.length <= rowsMax);
    ids.push(...page.runs.map((run) => run.id));
    before = page.next;
  } while (before !== null);
  return ids;
}

export function reading(contract: Contract): void {
  one(contract);
  pages(contract);
  filters(contract);
  counting(contract);
}

function one(contract: Contract): void {
  contract('says so when it does not know a run', async (scene) => {
    assert.equal(await scene.store.get('unknown'), null);
    assert.equal(await scene.store.explain('unknown'), null);
    const { ended, unknown } = await scene.store.ends(['unknown']);
    assert.deepEqual([ended, unknown], [[], ['unknown']]);
  });

  contract('tells of some ids which ended and which it does not know', async (scene) => {
    const node = await scene.join();
    const [good, bad, waits] = await scene.start({}, { policy: once }, {});
    const [first, second] = await scene.claim(node, 2);
    assert.ok(first !== undefined && second !== undefined);
    await scene.succeed(first);
    await scene.fail(second);
    const { ended, unknown } = await scene.store.ends([
      'unknown',
      waits ?? '',
      bad ?? '',
      good ?? '',
    ]);
    assert.deepEqual(unknown, ['unknown']);
    assert.deepEqual(
      ended.map(({ id, outcome, result }) => [id, outcome.kind, result]),
      [
        [bad, 'failed', null],
        [good, 'succeeded', '"done"'],
      ],
    );
  });

  contract('sees a write whose promise has resolved, through every connection', async (scene) => {
    const other = await scene.world.connect();
    for (let n = 0; n < 10; n += 1) {
      const [id] = await scene.start({});
      assert.equal((await other.get(id ?? ''))?.id, id);
      await other.cancel([{ id: id ?? '', reason: 'x' }]);
      assert.equal(await scene.stands(id), 'cancelled');
    }
  });
}

function pages(contract: Contract): void {
  contract('lists runs newest first, in pages without gaps and doubles', async (scene) => {
    const ids = await scene.startMany(10, {});
    for (const rowsMax of [1, 3, 5, 10, 100]) {
      assert.deepEqual(await listed(scene, {}, rowsMax), [...ids].reverse());
    }
    const page = await scene.store.list({ filter: {}, before: 4, rowsMax: 2 });
    assert.deepEqual(
      page.runs.map((run) => run.seq),
      [3, 2],
    );
  });

  contract(
    'lists everything that was there, also while runs are started and ended',
    async (scene) => {
      const node = await scene.join();
      const ids = await scene.startMany(40, {});
      const seen: string[] = [];
      let before: number | null = null;
      do {
        const listing: Promise<RunPage> = scene.store.list({ filter: {}, before, rowsMax: 4 });
        const others = [
          scene.startMany(3, {}),
          scene.claim(node, 2).then((runs) => scene.succeed(...runs)),
        ];
        const page = await listing;
        await Promise.all(others);
        seen.push(...page.runs.map((run) => run.id));
        before = page.next;
      } while (before !== null);
      assert.equal(new Set(seen).size, seen.length, 'nothing twice');
      assert.deepEqual(
        seen.filter((id) => ids.includes(id)),
        [...ids].reverse(),
      );
    },
  );

  contract('lists across what pruning took away', async (scene) => {
    const node = await scene.join();
    const ids = await scene.startMany(12, {});
    const runs = await scene.claim(node, 9);
    await scene.succeed(...runs.slice(2));
    const ended = scene.world.now();
    await scene.until('some time passed', async () => scene.world.now() > ended);
    const retention = { failed: null, cancelled: null, 'timed-out': null, rejected: null };
    await scene.store.prune({ ...retention, succeeded: 0, lost: null }, 100);
    const left = [...ids.slice(0, 2), ...ids.slice(9)].reverse();
    assert.deepEqual(await listed(scene, {}, 2), left);
  });

  contract('gives no more rows at once than it may', async (scene) => {
    await scene.startMany(1_100, {});
    const page = await scene.store.list({ filter: {}, before: null, rowsMax: 1_000_000 });
    assert.equal(page.runs.length, 1_000);
    const none = await scene.store.list({ filter: {}, before: null, rowsMax: 0 });
    assert.equal(none.runs.length, 1, 'a page that asks for nothing still moves on');
  });
}

function filters(contract: Contract): void {
  contract('filters by what a run is and where it stands, all filters at once', async (scene) => {
    const node = await scene.join();
    const [a, b, c, d, e] = await scene.start(
      { fn: 'x', tenant: 't1', lane: 'l1', tags: ['red', 'big'], policy: once },
      { fn: 'x', tenant: 't2', lane: 'l1', tags: ['red'] },
      { fn: 'y', tenant: 't1', lane: 'l2', tags: ['big'] },
      { fn: 'y', tenant: 't2', tags: ['re', 'red big'] },
      { fn: 'z', tenant: 't1' },
    );
    await scene.fail(await scene.claimOne(node, ['x']));
    await scene.claim(node, 1, ['y']);
    await scene.store.cancel([{ id: e ?? '', reason: 'x' }]);
    const { acceptedAt } = await scene.get(a);
    const cases: readonly (readonly [RunFilter, readonly (string | undefined)[]])[] = [
      [{ fn: 'x' }, [b, a]],
      [{ tenant: 't1' }, [e, c, a]],
      [{ lane: 'l1' }, [b, a]],
      [{ tag: 'red' }, [b, a]],
      [{ tag: 'big' }, [c, a]],
      [{ status: 'queued' }, [c, b]],
      [{ status: 'running' }, [d]],
      [{ status: 'parked' }, []],
      [{ status: 'quarantined' }, []],
      [{ status: 'done' }, [e, a]],
      [{ outcome: 'failed' }, [a]],
      [{ outcome: 'cancelled' }, [e]],
      [{ outcome: 'succeeded' }, []],
      [{ status: 'running', outcome: 'failed' }, []],
      [{ status: 'queued', fn: 'x', tenant: 't2', lane: 'l1', tag: 'red' }, [b]],
      [{ fn: 'unheard of' }, []],
      [{ acceptedBefore: acceptedAt }, []],
      [{ acceptedAfter: scene.world.now() }, []],
    ];
    for (const [filter, ids] of cases) {
      assert.deepEqual(await listed(scene, filter, 1), ids, JSON.stringify(filter));
    }
  });

  contract('filters by the time of acceptance, both ends left out', async (scene) => {
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const before = scene.world.now();
      await scene.until('the clock moved', async () => scene.world.now() > before + 1);
      ids.push(...(await scene.start({})));
    }
    const [first, second, third] = await Promise.all(ids.map((id) => scene.get(id)));
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    const acceptedAfter = first.acceptedAt;
    const acceptedBefore = third.acceptedAt;
    assert.deepEqual(await listed(scene, { acceptedAfter, acceptedBefore }), [second.id]);
    assert.deepEqual(await listed(scene, { acceptedAfter }), [third.id, second.id]);
  });
}

function counting(contract: Contract): void {
  contract('counts runs by status and by outcome', async (scene) => {
    const node = await scene.join();
    const doomed = await scene.join();
    await scene.store.setTenant({ tenant: 'none', weight: 1, runningMax: 0, waitingMax: null });
    await scene.start({ fn: 'doomed', policy: { crashesMax: 1 } });
    await scene.claimOne(doomed, ['doomed']);
    await scene.bury(doomed);
    await scene.startMany(3, { lane: 'x' });
    await scene.start({ tenant: 'none' });
    await scene.startMany(3, {});
    const runs = await scene.claim(node, 3);
    await scene.succeed(...runs.slice(0, 1));
    await scene.store.cancel([{ id: runs[1]?.id ?? '', reason: 'x' }]);
    const counts = await scene.store.counts();
    const zero = { parked: 0, failed: 0, cancelled: 0, 'timed-out': 0, rejected: 0, lost: 0 };
    const seen = { queued: 4, running: 2, quarantined: 1, done: 1, succeeded: 1 };
    assert.deepEqual(counts, { ...zero, ...seen });
    assert.equal((await everyRun(scene.store)).length, 8);
  });
}
