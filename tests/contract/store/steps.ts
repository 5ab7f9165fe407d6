/** The contract of steps: what is kept, under which fence, in which order, within which bounds. */
import assert from 'node:assert/strict';
import { fenceOf } from '../../../src/core/fence.ts';
import { limits } from '../../../src/core/limits.ts';
import type { StepWrite } from '../../../src/ports/store-steps.ts';
import {
  begin,
  emit,
  end,
  endsOf,
  over,
  record,
  recordAs,
  refused,
  running,
  sleep,
  stepOf,
  stepsOf,
  threw,
  waitFor,
} from './step-words.ts';
import type { Contract } from './suite.ts';

export function steps(contract: Contract): void {
  keeping(contract);
  fences(contract);
  repeats(contract);
  bounds(contract);
  reading(contract);
}

function keeping(contract: Contract): void {
  contract('keeps what a step gave, or why it threw', async (scene) => {
    const run = await running(scene);
    const failed = { does: 'end', key: 'step/b', kind: 'step', tries: 3, end: threw } as const;
    const value = { deep: ['ü', 1.5, null, '\u0000\ud800'] };
    assert.deepEqual(await record(scene, run, end('a', value), failed), [null, null]);
    const [a, b] = await stepsOf(scene, run.id);
    assert.deepEqual(JSON.parse(a?.end?.value ?? ''), value);
    assert.deepEqual(b?.end, { ...threw, nth: 2, at: b?.end?.at });
    assert.deepEqual([a?.kind, a?.attempt, a?.tries, a?.wait], ['step', 1, 1, null]);
    assert.deepEqual([b?.kind, b?.attempt, b?.tries, b?.wait], ['step', 1, 3, null]);
  });

  contract('(K3) numbers steps as they are heard of, and ends as they come', async (scene) => {
    const run = await running(scene);
    await record(scene, run, begin('a'), begin('b'), begin('c'));
    await record(scene, run, end('c'), end('d'));
    await record(scene, run, end('a'));
    const kept = await stepsOf(scene, run.id);
    assert.deepEqual(
      kept.map(({ key, ord, end: ended }) => [key, ord, ended?.nth ?? null]),
      [
        ['step/a', 1, 3],
        ['step/b', 2, null],
        ['step/c', 3, 1],
        ['step/d', 4, 2],
      ],
    );
  });

  contract(
    '(K3) says how many ends there were before, those by others among them',
    async (scene) => {
      const run = await running(scene);
      const before = async (...writes: readonly StepWrite[]): Promise<number> => {
        const verdict = await recordAs(scene, run, ...writes);
        assert.ok(verdict.ok);
        return verdict.nth;
      };
      assert.equal(await before(begin('a'), waitFor('paid')), 0);
      assert.equal(await before(end('b'), end('c')), 0);
      await emit(scene, 'paid');
      assert.equal(await before(end('a')), 3);
      assert.equal(await before(sleep('s', 1)), 4);
      assert.equal(await before(waitFor('late')), 4);
    },
  );

  contract('shows a step that runs, with its attempt and tries', async (scene) => {
    const run = await running(scene);
    await record(scene, run, begin('a'));
    const first = await stepOf(scene, run.id, 'step/a');
    assert.deepEqual([first.attempt, first.tries, first.end], [1, 1, null]);
    await record(scene, run, begin('a', 2));
    const again = await stepOf(scene, run.id, 'step/a');
    assert.deepEqual(again, { ...first, tries: 2 }, 'it is still the same step');
  });

  contract('a step that was running when its owner died begins anew', async (scene) => {
    const dead = await scene.join();
    const [id = ''] = await scene.start({});
    const run = await scene.claimOne(dead);
    await record(scene, run, begin('a', 5), end('b'));
    await scene.bury(dead);
    const next = await scene.claimOne(await scene.join());
    const before = await stepsOf(scene, id);
    assert.deepEqual(
      before.map(({ key, attempt, tries, end: ended }) => [key, attempt, tries, ended !== null]),
      [
        ['step/a', 1, 5, false],
        ['step/b', 1, 1, true],
      ],
    );
    await record(scene, next, end('a', 'done', 1));
    const a = await stepOf(scene, id, 'step/a');
    assert.deepEqual([a.ord, a.attempt, a.tries, a.end?.nth], [1, 2, 1, 2]);
    assert.ok(a.begunAt >= (before[0]?.begunAt ?? 0));
  });

  contract('a wait goes on over the attempts of its run', async (scene) => {
    const dead = await scene.join();
    const [id = ''] = await scene.start({});
    const run = await scene.claimOne(dead);
    const [begun] = await record(scene, run, sleep('long', 60_000));
    assert.ok(begun?.wait?.wakeAt !== null && begun?.wait?.wakeAt !== undefined);
    assert.equal(begun.wait.wakeAt, begun.begunAt + 60_000);
    await scene.bury(dead);
    const next = await scene.claimOne(await scene.join());
    assert.deepEqual(await record(scene, next, sleep('long', 60_000)), [begun], 'not longer');
    await record(scene, next, over('sleep/long', 'returned'));
    const { end: ended, ...rest } = await stepOf(scene, id, 'sleep/long');
    assert.deepEqual({ ...rest, end: null }, begun);
    assert.equal(ended?.how, 'returned');
  });

  contract('writes of one call go to their own runs', async (scene) => {
    const node = await scene.join();
    await scene.startMany(3, {});
    const runs = await scene.claim(node);
    const items = runs.map(({ seq, fence, attempt, id }, at) => ({
      ...{ seq, fence, attempt, knows: 0 },
      writes: [end('own', id), ...(at === 1 ? [waitFor('later')] : [])],
    }));
    const { reply } = await scene.store.record(items);
    assert.deepEqual(
      reply.map((one) => one.ok && one.steps.length),
      [1, 2, 1],
    );
    for (const { id } of runs) {
      assert.equal((await stepOf(scene, id, 'step/own')).end?.value, JSON.stringify(id));
    }
  });
}

function fences(contract: Contract): void {
  contract('(G1) refuses every write under a stale fence, and changes nothing', async (scene) => {
    const dead = await scene.join();
    const [id = ''] = await scene.start({});
    const late = await scene.claimOne(dead);
    await record(scene, late, end('a', 1));
    await scene.bury(dead);
    const writes: readonly StepWrite[] = [end('b'), begin('c'), sleep('d', 1), waitFor('e')];
    for (const write of writes) {
      assert.equal(refused(await recordAs(scene, late, write)), 'fence.stale', 'nobody has it');
    }
    const owner = await scene.claimOne(await scene.join());
    const before = await stepsOf(scene, id);
    for (const fence of [late.fence, fenceOf(0), fenceOf(owner.fence + 1)]) {
      for (const write of writes) {
        const verdict = await recordAs(scene, { ...owner, fence }, end('a', 2), write);
        assert.equal(refused(verdict), 'fence.stale');
      }
    }
    assert.deepEqual(await stepsOf(scene, id), before);
    await record(scene, owner, end('b', 2));
  });

  contract('(G2) refuses writes of a run that has ended, and of none', async (scene) => {
    const run = await running(scene);
    await record(scene, run, end('a'));
    await scene.succeed(run);
    assert.equal(refused(await recordAs(scene, run, end('b'))), 'fence.stale');
    assert.equal(refused(await recordAs(scene, run, waitFor('b'))), 'fence.stale');
    const unknown = { ...run, seq: 12_345 };
    assert.equal(refused(await recordAs(scene, unknown, end('b'))), 'run.not_found');
    assert.equal(refused(await recordAs(scene, unknown, waitFor('b'))), 'run.not_found');
    assert.equal((await stepsOf(scene, run.id)).length, 1);
  });

  contract('(R5) keeps nothing of an owner that knows ends which are not kept', async (scene) => {
    const run = await running(scene);
    await record(scene, run, end('a'));
    const { seq, fence, attempt } = run;
    const at = { seq, fence, attempt };
    const { reply } = await scene.store.record([
      { ...at, knows: 2, writes: [end('b')] },
      { ...at, knows: 1, writes: [end('c')] },
    ]);
    assert.deepEqual(reply.map(refused), ['fence.stale', 'accepted']);
    const kept = await stepsOf(scene, run.id);
    assert.deepEqual(
      kept.map(({ key }) => key),
      ['step/a', 'step/c'],
    );
  });

  contract('(Q2) a stale item of a call takes nothing from the others', async (scene) => {
    const node = await scene.join();
    await scene.startMany(2, {});
    const [a, b] = await scene.claim(node);
    assert.ok(a !== undefined && b !== undefined);
    const { reply } = await scene.store.record([
      { seq: a.seq, fence: fenceOf(a.fence + 1), attempt: 1, knows: 0, writes: [end('x')] },
      { seq: b.seq, fence: b.fence, attempt: 1, knows: 0, writes: [end('x')] },
      { seq: 999, fence: fenceOf(1), attempt: 1, knows: 0, writes: [end('x')] },
    ]);
    assert.deepEqual(reply.map(refused), ['fence.stale', 'accepted', 'run.not_found']);
    assert.deepEqual(await stepsOf(scene, a.id), []);
    assert.equal((await stepsOf(scene, b.id)).length, 1);
  });

  contract('keeps steps of a run that was asked to stop: clean-up is durable', async (scene) => {
    const run = await running(scene);
    await scene.store.cancel([{ id: run.id, reason: 'enough' }]);
    await record(scene, run, end('undo'));
    await scene.end(run, { how: 'stopped', settled: true });
    assert.deepEqual(await endsOf(scene, run.id), ['step/undo returned']);
  });
}

function repeats(contract: Contract): void {
  contract('(R2) the first end of a step stands, and who comes second is told', async (scene) => {
    const run = await running(scene);
    await record(scene, run, end('a', 'first'));
    const [told] = await record(scene, run, end('a', 'second'));
    assert.equal(told?.end?.value, '"first"');
    assert.equal(told?.end?.nth, 1);
    assert.deepEqual(await record(scene, run, begin('a')), [null], 'a late beginning is nothing');
    assert.deepEqual(await endsOf(scene, run.id), ['step/a returned']);
    const kept = await stepOf(scene, run.id, 'step/a');
    assert.deepEqual(kept, told);
  });

  contract('(Q3) the same item sent twice is kept once', async (scene) => {
    const run = await running(scene);
    const writes = [begin('a'), end('a', 1), sleep('s', 50), waitFor('e'), begin('b')];
    const first = await record(scene, run, ...writes);
    const second = await record(scene, run, ...writes);
    assert.deepEqual(second[2], first[2]);
    assert.deepEqual(second[3], first[3]);
    assert.equal(second[1]?.end?.value, '1');
    const kept = await stepsOf(scene, run.id);
    assert.deepEqual(
      kept.map(({ key, ord }) => [key, ord]),
      [
        ['step/a', 1],
        ['sleep/s', 2],
        ['event/e', 3],
        ['step/b', 4],
      ],
    );
  });

  contract('(R2) whoever ends a wait first, the owner or an event, has ended it', async (scene) => {
    const run = await running(scene);
    await record(scene, run, waitFor('paid', {}, { key: 'a' }), waitFor('paid', {}, { key: 'b' }));
    await record(scene, run, over('event/a'));
    assert.equal(await emit(scene, 'paid', 7), 1);
    const [a] = await record(scene, run, over('event/a'));
    const [b] = await record(scene, run, over('event/b'));
    assert.deepEqual([a?.end?.how, b?.end?.how], ['timed-out', 'returned']);
    assert.deepEqual(await endsOf(scene, run.id), ['event/a timed-out', 'event/b returned']);
  });
}

const many = (count: number, name: string): readonly StepWrite[] =>
  Array.from({ length: count }, (_, at) => end(`${name}-${at}`));

function bounds(contract: Contract): void {
  contract(
    '(G6) a run has no more steps than its limit, and an item is all or none',
    async (scene) => {
      const run = await running(scene);
      const before = many(limits.stepsMax - 2, 'a');
      for (let at = 0; at < before.length; at += 1_000) {
        await record(scene, run, ...before.slice(at, at + 1_000));
      }
      const full = await recordAs(scene, run, end('x'), end('y'), end('z'));
      assert.equal(refused(full), 'steps.full');
      const waits = await recordAs(scene, run, end('x'), waitFor('y'), sleep('z', 1));
      assert.equal(refused(waits), 'steps.full');
      const none = await scene.store.steps(run.id, limits.stepsMax - 2, 10);
      assert.deepEqual(none?.steps, [], 'nothing of it was kept');
      await record(scene, run, end('x'), begin('x'), end('y'), end('a-0'));
      assert.equal(refused(await recordAs(scene, run, begin('z'))), 'steps.full');
      await record(scene, run, end('a-1'), begin('y'));
    },
  );
}

function reading(contract: Contract): void {
  contract('gives pages of steps, and the time by the store', async (scene) => {
    const run = await running(scene);
    assert.deepEqual(
      { ...(await scene.store.steps(run.id, 0, 10)), now: 0 },
      { steps: [], next: null, now: 0 },
    );
    assert.equal(await scene.store.steps('nobody', 0, 10), null);
    await record(scene, run, ...many(5, 'a'));
    const first = await scene.store.steps(run.id, 0, 3);
    assert.deepEqual(
      first?.steps.map(({ ord }) => ord),
      [1, 2, 3],
    );
    assert.equal(first?.next, 3);
    const second = await scene.store.steps(run.id, 3, 3);
    assert.deepEqual(
      second?.steps.map(({ ord }) => ord),
      [4, 5],
    );
    assert.equal(second?.next, null);
    const [begun] = await record(scene, run, sleep('s', 0));
    const { now = 0 } = (await scene.store.steps(run.id, 5, 3)) ?? {};
    assert.ok(begun !== undefined && now >= (begun?.begunAt ?? Number.POSITIVE_INFINITY));
  });

  contract('ends a page of steps early when it grows heavy', async (scene) => {
    const run = await running(scene);
    const heavy = 'x'.repeat(Math.ceil(limits.stepPageCharsMax / 2) - 100);
    for (const name of ['a', 'b', 'c']) await record(scene, run, end(name, heavy));
    const pages: number[][] = [];
    for (let after: number | null = 0; after !== null; ) {
      const page = await scene.store.steps(run.id, after, 10);
      assert.ok(page !== null);
      pages.push(page.steps.map(({ ord }) => ord));
      after = page.next;
    }
    assert.deepEqual(pages, [[1, 2], [3]]);
    const huge = 'x'.repeat(limits.stepPageCharsMax + 1);
    await record(scene, run, end('d', huge));
    const alone = await scene.store.steps(run.id, 3, 10);
    assert.equal(alone?.steps.length, 1, 'one step is always given');
  });

  contract('deletes the steps of a run with it', async (scene) => {
    const run = await running(scene);
    await record(scene, run, end('a'), waitFor('paid'), sleep('s', 5));
    await scene.succeed(run);
    const keep = { failed: null, cancelled: null, 'timed-out': null, rejected: null, lost: null };
    await scene.until('it is pruned', async () => {
      await scene.store.prune({ ...keep, succeeded: 0 }, 100);
      return (await scene.store.get(run.id)) === null;
    });
    assert.equal(await scene.store.steps(run.id, 0, 10), null);
    assert.equal(await emit(scene, 'paid'), 0);
    const again = await running(scene, { id: run.id });
    assert.deepEqual(await stepsOf(scene, again.id), []);
  });
}
