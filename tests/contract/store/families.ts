/** The contract of families: who may start a child, who hears of its end, and what is kept. */
import assert from 'node:assert/strict';
import { fenceOf } from '../../../src/core/fence.ts';
import { limits } from '../../../src/core/limits.ts';
import type { ClaimedRun } from '../../../src/ports/store-runs.ts';
import {
  bear,
  bearAs,
  bearMany,
  childrenOf,
  startedAll,
  sweepAll,
  waitForAll,
} from './family-words.ts';
import type { Scene } from './scene.ts';
import { parkAs, record, running, stepOf } from './step-words.ts';
import type { Contract } from './suite.ts';

export function families(contract: Contract): void {
  accepting(contract);
  waiting(contract);
  keeping(contract);
  looking(contract);
}

const keepNothing = {
  ...{ succeeded: 0, failed: 0, cancelled: 0, 'timed-out': 0, rejected: 0, lost: 0 },
};

function accepting(contract: Contract): void {
  contract('accepts a child once, and finds it again', async (scene) => {
    const run = await running(scene);
    const wish = { id: 'child', index: 3 };
    assert.equal(await bear(scene, run, wish), 'child');
    assert.deepEqual(await bearAs(scene, run, wish), { ok: true, id: 'child', created: false });
    const [other] = [await bearAs(scene, run, { ...wish, index: 4 })];
    assert.equal(!other.ok && other.code, 'run.conflict', 'it is another child');
    await scene.start({ id: 'nobody' });
    const taken = await bearAs(scene, run, { id: 'nobody' });
    assert.equal(!taken.ok && taken.code, 'run.conflict', 'it is nobody’s child');
    const { parent, children, childrenOpen } = await scene.get('child');
    assert.deepEqual([parent, children, childrenOpen], [run.id, 0, 0]);
    const above = await scene.get(run.id);
    assert.deepEqual([above.parent, above.children, above.childrenOpen], [null, 1, 1]);
  });

  contract('(G1) a stale owner starts no child', async (scene) => {
    const dead = await scene.join();
    await scene.start({ id: 'parent' });
    const late = await scene.claimOne(dead);
    const early = await bear(scene, late, { id: 'early', fn: 'other' });
    await scene.bury(dead);
    const refused = async (parent: Pick<ClaimedRun, 'seq' | 'fence'>): Promise<void> => {
      for (const id of ['early', 'new']) {
        const verdict = await bearAs(scene, parent, { id, fn: 'other' });
        assert.equal(!verdict.ok && verdict.code, 'parent.over', id);
      }
    };
    await refused(late);
    const owner = await scene.claimOne(await scene.join());
    await refused(late);
    await refused({ ...owner, fence: fenceOf(owner.fence + 1) });
    await refused({ ...owner, seq: 12_345 });
    assert.equal(await bear(scene, owner, { id: early, fn: 'other' }), early, 'found again');
    await scene.succeed(owner);
    await refused(owner);
    assert.equal(await scene.store.get('new'), null);
    await sweepAll(scene);
  });

  contract('a run that is asked to stop may still start children', async (scene) => {
    const run = await running(scene);
    await scene.store.cancel([{ id: run.id, reason: 'enough' }]);
    await bear(scene, run, { id: 'undo' });
    await sweepAll(scene);
    assert.equal(await scene.stands('undo'), 'slot', 'what belongs to the clean-up is left alone');
  });

  contract('bounds how deep runs start runs', async (scene) => {
    const node = await scene.join();
    await scene.start({});
    let run = await scene.claimOne(node);
    for (let depth = 1; depth <= limits.childDepthMax; depth += 1) {
      await bear(scene, run, { close: 'abandon' });
      run = await scene.claimOne(node);
    }
    const verdict = await bearAs(scene, run);
    assert.equal(!verdict.ok && verdict.code, 'child.too_deep');
  });

  contract('a child has no more time than its parent', async (scene) => {
    const now = scene.world.now();
    const [soon, late] = [now + 3_600_000, now + 7_200_000].map((at) => at as typeof now);
    const run = await running(scene, { deadlineAt: soon ?? null });
    await bear(scene, run, { id: 'none', index: 0 });
    await bear(scene, run, { id: 'late', index: 1, deadlineAt: late ?? null });
    await bear(scene, run, { id: 'own', index: 2, deadlineAt: (now + 1_800_000) as typeof now });
    const deadlines = await Promise.all(
      ['none', 'late', 'own'].map(async (id) => (await scene.get(id)).deadlineAt),
    );
    assert.deepEqual(deadlines, [soon, soon, now + 1_800_000]);
  });

  contract('(Q2) a refused child takes nothing from the others', async (scene) => {
    const run = await running(scene);
    const at = (index: number, fence = run.fence) => ({
      parent: { seq: run.seq, fence, group: 'g', index, close: 'cancel' as const },
    });
    const items = [at(0), at(1, fenceOf(run.fence + 1)), {}, at(2)].map((one) => scene.item(one));
    const { reply } = await scene.store.start(items);
    assert.deepEqual(
      reply.map((one) => (one.ok ? 'accepted' : one.code)),
      ['accepted', 'parent.over', 'accepted', 'accepted'],
    );
    assert.deepEqual(
      (await childrenOf(scene, run.id)).map(({ index }) => index),
      [0, 2],
    );
  });
}

/** Parks a run until all of its group have ended. */
const waits = (scene: Scene, run: ClaimedRun, group = 'g') =>
  parkAs(scene, run, 0, waitForAll(group));

function waiting(contract: Contract): void {
  contract('a parent goes on when the last of a group has ended, in any order', async (scene) => {
    const run = await running(scene);
    await bearMany(scene, run, 3);
    await waits(scene, run);
    const node = await scene.join();
    const children = await scene.claim(node, 3);
    const [first, second, third] = [children[1], children[2], children[0]];
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    await scene.succeed(first);
    await scene.fail(second, { advice: { kind: 'never' } });
    await sweepAll(scene);
    assert.equal(await scene.stands(run.id), 'parked');
    await scene.succeed(third);
    await sweepAll(scene);
    assert.equal(await scene.stands(run.id), 'slot');
    const { end } = await stepOf(scene, run.id, 'child/g');
    assert.deepEqual([end?.how, end?.value, end?.nth], ['returned', 'null', 1]);
  });

  contract('says that a sweep has something to do, and nothing while it has not', async (scene) => {
    const run = await running(scene);
    const [a = ''] = await bearMany(scene, run, 2);
    const node = await scene.join();
    const children = await scene.claim(node, 2);
    const woken = await Promise.all(
      children.map(async ({ seq, fence }) => {
        const end = { how: 'succeeded', result: '1' } as const;
        return (await scene.store.end([{ seq, fence, end }])).woken.family ?? false;
      }),
    );
    assert.deepEqual(woken.sort(), [false, true]);
    assert.equal(await scene.stands(a), 'succeeded');
    const { woken: plain } = await scene.store.sweep(100);
    assert.equal(plain.family ?? false, false);
  });

  contract('a wait for children that are over ends at once', async (scene) => {
    const run = await running(scene);
    await bear(scene, run);
    const node = await scene.join();
    await scene.succeed(await scene.claimOne(node));
    const [kept] = await record(scene, run, waitForAll());
    assert.equal(kept?.end?.how, 'returned');
    const [none] = await record(scene, run, waitForAll('none'));
    assert.equal(none?.end?.how, 'returned', 'a group of none is over');
  });

  contract('a run that parks with children that are over is queued again', async (scene) => {
    const run = await running(scene);
    await bear(scene, run);
    const node = await scene.join();
    await scene.succeed(await scene.claimOne(node));
    await waits(scene, run);
    assert.equal(await scene.stands(run.id), 'slot');
  });

  contract('an owner with other work hears that its children have ended', async (scene) => {
    const run = await running(scene);
    await bear(scene, run);
    const [kept] = await record(scene, run, waitForAll());
    assert.equal(kept?.end, null);
    await scene.succeed(await scene.claimOne(await scene.join()));
    const { woken } = await scene.store.sweep(100);
    assert.equal(woken.stop, true);
    assert.equal((await stepOf(scene, run.id, 'child/g')).end?.how, 'returned');
    await sweepAll(scene);
  });

  contract('groups are waited for one by one', async (scene) => {
    const run = await running(scene);
    await bear(scene, run, { group: 'a' });
    await bear(scene, run, { group: 'b', index: 0 });
    await parkAs(scene, run, 0, waitForAll('a'), waitForAll('b'));
    const node = await scene.join();
    const [a, b] = await scene.claim(node, 2);
    assert.ok(a !== undefined && b !== undefined);
    await scene.succeed(b);
    await sweepAll(scene);
    assert.equal(await scene.stands(run.id), 'slot');
    assert.equal((await stepOf(scene, run.id, 'child/a')).end, null);
    assert.equal((await stepOf(scene, run.id, 'child/b')).end?.nth, 1);
    await scene.succeed(a);
    await sweepAll(scene);
    assert.equal((await stepOf(scene, run.id, 'child/a')).end?.nth, 2);
  });

  contract('hears of children that end in every other way', async (scene) => {
    const run = await running(scene);
    const past = (scene.world.now() + 1) as ReturnType<typeof scene.world.now>;
    const ids = await bearMany(scene, run, 2);
    await bear(scene, run, { index: 2, id: 'late', deadlineAt: past });
    await waits(scene, run);
    await scene.store.cancel(ids.map((id) => ({ id, reason: 'no' })));
    await scene.until('the parent goes on', async () => {
      await sweepAll(scene);
      return (await scene.stands(run.id)) === 'slot';
    });
    assert.deepEqual(await scene.allStand([...ids, 'late']), [
      ...['cancelled', 'cancelled', 'timed-out'],
    ]);
  });

  contract('a child in a lane, or of a tenant with a limit, is heard of too', async (scene) => {
    await scene.store.setTenant({ tenant: 'few', runningMax: 1 });
    const run = await running(scene, { tenant: 'few', lane: 'one' });
    await bear(scene, run, { index: 0, lane: 'two', tenant: 'few' });
    await waits(scene, run);
    await scene.succeed(await scene.claimOne(await scene.join()));
    await sweepAll(scene);
    assert.equal(await scene.stands(run.id), 'slot');
  });

  contract('is not told of a child with children of its own before its siblings', async (scene) => {
    const run = await running(scene);
    const [one = ''] = await bearMany(scene, run, 2);
    await waits(scene, run);
    const node = await scene.join();
    const [first, second] = await scene.claim(node, 2);
    assert.ok(first !== undefined && second !== undefined);
    assert.equal(first.id, one);
    await bear(scene, first, { close: 'abandon' });
    await scene.succeed(first);
    await sweepAll(scene);
    assert.equal(await scene.stands(run.id), 'parked');
    await scene.succeed(second);
    await sweepAll(scene);
    assert.equal(await scene.stands(run.id), 'slot');
  });

  contract('hears of many families in one sweep after the other', async (scene) => {
    const node = await scene.join();
    await scene.startMany(30, {});
    const parents = await scene.claim(node, 30);
    for (const parent of parents) await bear(scene, parent);
    for (const parent of parents) await waits(scene, parent);
    const children = await scene.claim(await scene.join(), 30);
    const end = { how: 'succeeded', result: '1' } as const;
    await scene.store.end(children.map(({ seq, fence }) => ({ seq, fence, end })));
    await sweepAll(scene);
    const stand = await scene.allStand(parents.map(({ id }) => id));
    assert.deepEqual([...new Set(stand)], ['slot']);
  });
}

function keeping(contract: Contract): void {
  contract('keeps children for as long as their parent is unfinished', async (scene) => {
    const run = await running(scene);
    const child = await bear(scene, run);
    const node = await scene.join();
    const claimed = await scene.claimOne(node);
    await scene.succeed(claimed);
    await sweepAll(scene);
    const prune = async (): Promise<void> => {
      await scene.until('a ms has passed', async () => {
        await scene.store.prune(keepNothing, 100);
        return (await scene.get(run.id)).acceptedAt + 50 < scene.world.now();
      });
    };
    await prune();
    assert.equal(await scene.stands(child), 'succeeded');
    await scene.succeed(run);
    await sweepAll(scene);
    await scene.until('both are gone', async () => {
      await scene.store.prune(keepNothing, 100);
      return (await scene.store.get(child)) === null && (await scene.store.get(run.id)) === null;
    });
  });

  contract('prunes nobody whose children have not been told yet', async (scene) => {
    const run = await running(scene);
    const child = await bear(scene, run);
    const end = { how: 'succeeded', result: '1' } as const;
    const { woken } = await scene.store.end([{ seq: run.seq, fence: run.fence, end }]);
    assert.equal(woken.family, true);
    await scene.until('a moment is over', async () => {
      await scene.store.prune(keepNothing, 100);
      return ((await scene.get(run.id)).finishedAt ?? 0) + 50 < scene.world.now();
    });
    await sweepAll(scene);
    assert.equal(await scene.stands(child), 'cancelled');
  });

  contract('a fork begins anew where children are not all over', async (scene) => {
    const run = await running(scene);
    await record(scene, run, startedAll('a'));
    await bear(scene, run, { group: 'a' });
    await scene.succeed(await scene.claimOne(await scene.join()));
    await record(scene, run, waitForAll('a'), startedAll('b'), startedAll('c'));
    await bear(scene, run, { group: 'b' });
    await scene.succeed(run);
    const kept = async (newId: string, from: string | null = null) => {
      const { reply } = await scene.store.fork([{ id: run.id, newId, from }]);
      const [verdict] = reply;
      assert.ok(verdict?.ok, JSON.stringify(verdict));
      return verdict.kept;
    };
    assert.equal(await kept('now'), 2, 'up to the first start that is open');
    assert.equal(await kept('earlier', 'child/a'), 1);
    assert.equal(await kept('later', 'start/c'), 2);
    await sweepAll(scene);
    assert.equal(await kept('after'), 4, 'once they are all over');
  });
}

function looking(contract: Contract): void {
  contract('lists children by acceptance, and a group by its indexes', async (scene) => {
    const run = await running(scene);
    await bear(scene, run, { id: 'b2', group: 'b', index: 2, close: 'abandon' });
    await bear(scene, run, { id: 'a0', group: 'a', index: 0, fn: 'other' });
    await bear(scene, run, { id: 'b0', group: 'b', index: 0, close: 'terminate' });
    await bear(scene, run, { id: 'b1', group: 'b', index: 1 });
    const ids = (rows: Awaited<ReturnType<typeof childrenOf>>) => rows.map(({ id }) => id);
    assert.deepEqual(ids(await childrenOf(scene, run.id)), ['b2', 'a0', 'b0', 'b1']);
    assert.deepEqual(ids(await childrenOf(scene, run.id, 'b')), ['b0', 'b1', 'b2']);
    assert.deepEqual(await childrenOf(scene, run.id, 'none'), []);
    const [first, second] = await childrenOf(scene, run.id);
    const { acceptedAt } = await scene.get('b2');
    assert.deepEqual(first, {
      ...{ id: 'b2', fn: 'work', group: 'b', index: 2, close: 'abandon', status: 'queued' },
      ...{ acceptedAt, finishedAt: null, outcome: null, result: null },
    });
    assert.equal(second?.fn, 'other');
    const ask = { id: 'nobody', group: null, after: null, rowsMax: 2, results: false };
    assert.equal(await scene.store.children(ask), null);
    assert.deepEqual(await childrenOf(scene, 'a0'), []);
  });

  contract(
    'shows how children ended, and what they gave where that is asked for',
    async (scene) => {
      const run = await running(scene);
      const [a = '', b = ''] = await bearMany(scene, run, 2);
      const node = await scene.join();
      const [one, two] = await scene.claim(node, 2);
      assert.ok(one !== undefined && two !== undefined);
      await scene.succeed(one);
      await scene.fail(two, { advice: { kind: 'never' } });
      const shown = async (results: boolean) =>
        (await childrenOf(scene, run.id, 'g', results)).map(({ id, status, outcome, result }) => [
          ...[id, status, outcome?.kind, outcome?.error?.code ?? null, result],
        ]);
      const failed = [b, 'done', 'failed', 'attempt.failed', null];
      assert.deepEqual(await shown(true), [[a, 'done', 'succeeded', null, '"done"'], failed]);
      assert.deepEqual(await shown(false), [[a, 'done', 'succeeded', null, null], failed]);
      await sweepAll(scene);
    },
  );

  contract('ends a page of children early when it grows heavy', async (scene) => {
    const run = await running(scene);
    await bearMany(scene, run, 3);
    const result = JSON.stringify('x'.repeat(limits.childPageCharsMax / 2));
    for (const { seq, fence } of await scene.claim(await scene.join(), 3)) {
      await scene.store.end([{ seq, fence, end: { how: 'succeeded', result } }]);
    }
    const page = async (after: number | null) =>
      scene.store.children({ id: run.id, group: 'g', after, rowsMax: 10, results: true });
    const first = await page(null);
    assert.deepEqual([first?.children.length, first?.next], [1, 0]);
    const last = await page(1);
    assert.deepEqual([last?.children.length, last?.next], [1, null]);
    await sweepAll(scene);
  });

  contract('explains how many children have not ended', async (scene) => {
    const run = await running(scene);
    await bearMany(scene, run, 2);
    await waits(scene, run);
    assert.equal((await scene.store.explain(run.id))?.childrenOpen, 2);
    await scene.succeed(await scene.claimOne(await scene.join()));
    assert.equal((await scene.store.explain(run.id))?.childrenOpen, 1);
  });
}
