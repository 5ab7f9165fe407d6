/**
 * The contract of parking: what a run gives up while it waits, who wakes it, and that no end is
 * slept through.
 */
import assert from 'node:assert/strict';
import { fenceOf } from '../../../src/core/fence.ts';
import { limits } from '../../../src/core/limits.ts';
import type { EndItem } from '../../../src/ports/store-runs.ts';
import { boom, plainPolicy } from './scene.ts';
import {
  answer,
  approval,
  begin,
  emit,
  end,
  endsOf,
  given,
  over,
  park,
  parkAs,
  record,
  recordAs,
  refused,
  running,
  sleep,
  sleepUntil,
  stepOf,
  stepsOf,
  waitFor,
} from './step-words.ts';
import type { Contract } from './suite.ts';

export function parking(contract: Contract): void {
  giving(contract);
  waking(contract);
  missing(contract);
  stopping(contract);
  diverging(contract);
}

function giving(contract: Contract): void {
  contract('a parked run holds no slot, and keeps its waits', async (scene) => {
    const run = await running(scene);
    await record(scene, run, end('a'));
    await park(scene, run, 1, sleep('s', 60_000), waitFor('paid', { n: 1 }), approval('t'));
    const parked = await scene.get(run.id);
    assert.deepEqual([parked.status, parked.owner, parked.attempt], ['parked', null, 1]);
    const kept = await stepsOf(scene, run.id);
    assert.deepEqual(
      kept.map(({ key, ord, kind, attempt, end: ended }) => [key, ord, kind, attempt, ended?.nth]),
      [
        ['step/a', 1, 'step', 1, 1],
        ['sleep/s', 2, 'sleep', 1, undefined],
        ['event/paid', 3, 'event', 1, undefined],
        ['approval/t', 4, 'approval', 1, undefined],
      ],
    );
    assert.equal(parked.dueAt, kept[1]?.wait?.wakeAt);
    assert.deepEqual(kept[2]?.wait?.event, {
      ...{ name: 'paid', paths: '["n"]', values: '[1]', after: 0 },
    });
    assert.equal(kept[3]?.wait?.token, 't');
    assert.deepEqual(
      parked.attempts.map(({ attempt, end: how, error }) => [attempt, how, error]),
      [[1, 'parked', null]],
    );
    assert.equal((await scene.store.counts()).parked, 1);
  });

  contract('its tenant has its place back, and its lane stays its own', async (scene) => {
    await scene.store.setTenant({ tenant: 'a', runningMax: 1 });
    const node = await scene.join();
    const wish = { tenant: 'a', lane: 'x' };
    await scene.start(wish, wish, { tenant: 'a' });
    const first = await scene.claimOne(node);
    assert.deepEqual(await scene.claimIds(node), []);
    await park(scene, first, 0, sleep('s', null));
    assert.deepEqual(await scene.claimIds(node), ['run-3'], 'the place of the tenant is free');
    assert.equal(await scene.stands('run-2'), 'lane');
  });

  contract('parks in one call, each with its own verdict', async (scene) => {
    const node = await scene.join();
    await scene.startMany(4, {});
    const [a, b, c, d] = await scene.claim(node);
    assert.ok(a !== undefined && b !== undefined && c !== undefined && d !== undefined);
    const parked = (run: typeof a, fence = run.fence): EndItem => ({
      ...{ seq: run.seq, fence },
      end: { how: 'parked', waits: [sleep('s', 60_000)], seen: 0 },
    });
    const { reply } = await scene.store.end([
      parked(a),
      parked(b, fenceOf(b.fence + 1)),
      parked(c),
      parked(c),
      { seq: d.seq, fence: d.fence, end: { how: 'succeeded', result: '1' } },
      { ...parked(a), seq: 999 },
    ]);
    const said = reply.map((one) =>
      one.ok ? [one.outcome?.kind ?? null, one.repeated] : one.code,
    );
    assert.deepEqual(said, [
      [null, false],
      'fence.stale',
      [null, false],
      [null, true],
      ['succeeded', false],
      'run.not_found',
    ]);
    const stand = await scene.allStand([a.id, b.id, c.id, d.id]);
    assert.deepEqual(stand, ['parked', 'running', 'parked', 'succeeded']);
  });

  contract('(W2) the same parking sent twice is one', async (scene) => {
    const run = await running(scene);
    await park(scene, run, 0, sleep('s', 60_000));
    const again = await parkAs(scene, run, 0, sleep('s', 60_000));
    assert.deepEqual(again, { ok: true, outcome: null, repeated: true });
    assert.equal((await stepsOf(scene, run.id)).length, 1);
    assert.equal((await scene.get(run.id)).attempts.length, 1);
    assert.equal(refused(await recordAs(scene, run, over('sleep/s'))), 'fence.stale');
  });

  contract('keeps the newest attempts of a run that parks again and again', async (scene) => {
    const node = await scene.join();
    const [id = ''] = await scene.start({});
    const times = limits.attemptsKeptMax + 3;
    for (let at = 0; at < times; at += 1) {
      const run = await scene.claimOne(node);
      await park(scene, run, at, approval(`t${at}`));
      assert.ok((await answer(scene, `t${at}`)).ok);
    }
    const { attempts, attempt, failures } = await scene.get(id);
    assert.deepEqual([attempt, failures], [times, 0]);
    assert.equal(attempts.length, limits.attemptsKeptMax);
    assert.equal(attempts[0]?.attempt, 4);
  });

  contract('a run with too many steps fails instead of parking', async (scene) => {
    const run = await running(scene);
    const many = Array.from({ length: limits.stepsMax + 1 }, (_, at) => sleep(`${at}`, 60_000));
    const verdict = await parkAs(scene, run, 0, ...many);
    assert.ok(verdict.ok && verdict.outcome?.kind === 'failed', JSON.stringify(verdict));
    assert.equal(verdict.outcome.error?.code, 'steps.full');
    assert.deepEqual(await stepsOf(scene, run.id), []);
  });
}

function waking(contract: Contract): void {
  contract('wakes when its first time is over', async (scene) => {
    const run = await running(scene);
    await park(scene, run, 0, sleep('later', 3_600_000), sleep('soon', 30), waitFor('paid'));
    const soon = await stepOf(scene, run.id, 'sleep/soon');
    assert.equal((await scene.get(run.id)).dueAt, soon.wait?.wakeAt);
    const { reply } = await scene.store.sweep(100);
    assert.ok(reply.nextDueAt === null || reply.nextDueAt <= (soon.wait?.wakeAt ?? 0));
    await scene.until('it is awake', async () => {
      await scene.store.sweep(100);
      return (await scene.stands(run.id)) === 'slot';
    });
    assert.ok(scene.world.now() >= (soon.wait?.wakeAt ?? 0));
    const next = await scene.claimOne(await scene.join());
    assert.deepEqual([next.id, next.attempt, next.failures], [run.id, 2, 0]);
    await record(scene, next, over('sleep/soon', 'returned'));
    await park(scene, next, 1);
    const later = await stepOf(scene, run.id, 'sleep/later');
    assert.equal((await scene.get(run.id)).dueAt, later.wait?.wakeAt, 'what is over is over');
  });

  contract('a time that has passed already wakes at once', async (scene) => {
    const run = await running(scene);
    await park(scene, run, 0, sleepUntil('past', run.acceptedAt));
    await scene.until('it is awake', async () => {
      await scene.store.sweep(100);
      return (await scene.stands(run.id)) === 'slot';
    });
  });

  contract('a claim names the time at which the first parked run wakes', async (scene) => {
    const node = await scene.join();
    const run = await running(scene);
    await park(scene, run, 0, sleep('s', 60_000));
    const functions = [{ fn: 'work', runsMax: 1 }];
    const reply = await scene.store.claim({ node, functions, runsMax: 1 });
    assert.ok(reply.ok);
    const wakeAt = (await stepOf(scene, run.id, 'sleep/s')).wait?.wakeAt;
    assert.equal(reply.nextDueAt, wakeAt);
  });

  contract('an event wakes it, and says that a run is ready', async (scene) => {
    const run = await running(scene);
    await park(scene, run, 0, waitFor('paid', {}, { afterMs: 3_600_000 }));
    const item = { id: 'p', name: 'paid', tenant: 'default', data: '5' };
    const { woken } = await scene.store.emit([item]);
    assert.deepEqual(woken, { ready: true, stop: false, done: false });
    const next = await scene.claimOne(await scene.join());
    assert.equal(next.attempt, 2);
    assert.equal(given(await stepOf(scene, run.id, 'event/paid')).data, 5);
    await scene.succeed(next);
  });

  contract('waits for nothing until somebody answers', async (scene) => {
    const run = await running(scene);
    await park(scene, run, 0, approval('t'));
    assert.equal((await scene.get(run.id)).dueAt, null);
    await scene.store.sweep(100);
    assert.equal(await scene.stands(run.id), 'parked');
    const { woken } = await scene.store.answer([{ token: 't', tenant: null, value: '1' }]);
    assert.deepEqual(woken, { ready: true, stop: false, done: false });
    assert.equal(await scene.stands(run.id), 'slot');
  });

  contract('wakes before its gates: its place of the tenant is to be had again', async (scene) => {
    await scene.store.setTenant({ tenant: 'a', runningMax: 1 });
    const node = await scene.join();
    const wishes = [{ tenant: 'a' }, { tenant: 'a' }, { lane: 'x' }, {}, { prioritySeconds: 9 }];
    const ids: string[] = [];
    for (const wish of wishes) {
      ids.push(...(await scene.start(wish)));
      await park(scene, await scene.claimOne(node), 0, sleep('s', 0));
    }
    const [behind] = await scene.start({ lane: 'x' });
    await scene.until('they are awake', async () => {
      const { reply } = await scene.store.sweep(100);
      return (await scene.store.counts()).parked === 0 && !reply.more;
    });
    const stand = await scene.allStand(ids);
    assert.deepEqual([...stand].sort(), ['slot', 'slot', 'slot', 'slot', 'tenant']);
    assert.equal(await scene.stands(behind), 'lane', 'the place in the lane was kept');
    const handed = await scene.claim(node);
    assert.ok(handed.every(({ attempt }) => attempt === 2));
    const plain = handed.map(({ id }) => id).filter((id) => id === ids[3] || id === ids[4]);
    assert.deepEqual(plain, [ids[4], ids[3]], 'the head start counts');
    await scene.succeed(...handed);
    assert.equal(await scene.stands(behind), 'slot');
  });

  contract('a run whose deadline passed while it slept ends, and does not wake', async (scene) => {
    const deadlineAt = (scene.world.now() + 120) as typeof run.acceptedAt;
    const run = await running(scene, { deadlineAt });
    await park(scene, run, 0, sleepUntil('s', deadlineAt));
    await scene.until('both times are over', async () => scene.world.now() > deadlineAt + 5);
    const { reply, woken } = await scene.store.sweep(100);
    assert.deepEqual([reply.due, reply.ended, woken.ready], [0, 1, false]);
    assert.equal(await scene.stands(run.id), 'timed-out');
  });

  contract('many wake, whatever they wait for', async (scene) => {
    const node = await scene.join({ slots: 1_000 });
    await scene.startMany(60, {});
    const runs = await scene.claim(node, 60);
    await scene.store.end(
      runs.map(({ seq, fence }, at) => ({
        ...{ seq, fence },
        end: {
          how: 'parked',
          waits: [at % 2 === 0 ? sleep('s', at) : waitFor('go', { at: at % 3 })],
          seen: 0,
        },
      })),
    );
    for (const at of [0, 1, 2]) assert.equal(await emit(scene, 'go', { at }), 10);
    await scene.until('all are awake', async () => {
      await scene.store.sweep(7);
      return (await scene.store.counts()).queued === 60;
    });
  });
}

function missing(contract: Contract): void {
  contract('(R4) does not sleep through an end that its code has not seen', async (scene) => {
    const run = await running(scene);
    await record(scene, run, waitFor('paid'), begin('a'));
    await emit(scene, 'paid', 1);
    const { reply, woken } = await scene.store.end([
      {
        ...{ seq: run.seq, fence: run.fence },
        end: { how: 'parked', waits: [sleep('s', null)], seen: 0 },
      },
    ]);
    assert.deepEqual(reply, [{ ok: true, outcome: null, repeated: false }]);
    assert.equal(woken.ready, true);
    assert.equal(await scene.stands(run.id), 'slot');
    const next = await scene.claimOne(await scene.join());
    await park(scene, next, 1);
    assert.equal(await scene.stands(run.id), 'parked', 'it has seen it now');
  });

  contract('(R5) whoever has seen ends that are not kept goes on instead', async (scene) => {
    const run = await running(scene);
    await record(scene, run, end('a'));
    await parkAs(scene, run, 2, sleep('long', 60_000));
    assert.equal((await scene.get(run.id)).status, 'queued');
  });

  contract('(R3) a wait that is kept with the parking looks back', async (scene) => {
    const run = await running(scene);
    await emit(scene, 'paid', { n: 1 });
    await park(scene, run, 0, waitFor('paid', { n: 2 }));
    assert.equal(await scene.stands(run.id), 'parked');
    const other = await running(scene);
    await emit(scene, 'paid', { n: 1 });
    await park(scene, other, 0, waitFor('paid', { n: 1 }), waitFor('paid', { n: 3 }, { key: 'b' }));
    assert.equal(await scene.stands(other.id), 'slot', 'it came before');
    assert.deepEqual(await endsOf(scene, other.id), ['event/paid returned']);
  });

  contract('a run that waits for its retry sees what ended meanwhile', async (scene) => {
    const run = await running(scene, {
      policy: { retry: { ...plainPolicy.retry, delayMs: 60_000 } },
    });
    await record(scene, run, waitFor('paid'), approval('t'));
    await scene.fail(run);
    assert.equal(await scene.stands(run.id), 'time');
    assert.equal(await emit(scene, 'paid'), 1);
    assert.ok((await answer(scene, 't')).ok);
    assert.equal(await scene.stands(run.id), 'time', 'it waits for its time all the same');
    assert.deepEqual(await endsOf(scene, run.id), ['event/paid returned', 'approval/t returned']);
  });
}

function stopping(contract: Contract): void {
  contract('a parked run ends at its deadline', async (scene) => {
    const deadlineAt = (scene.world.now() + 150) as typeof run.acceptedAt;
    const run = await running(scene, { deadlineAt });
    await park(scene, run, 0, sleep('s', 3_600_000));
    await scene.until('its deadline has passed', async () => {
      await scene.store.sweep(100);
      return (await scene.stands(run.id)) === 'timed-out';
    });
    assert.ok(scene.world.now() >= deadlineAt);
  });

  contract('whoever was asked to stop does not park', async (scene) => {
    const run = await running(scene);
    await scene.store.cancel([{ id: run.id, reason: 'enough' }]);
    const verdict = await parkAs(scene, run, 0, sleep('s', 10), waitFor('paid'));
    assert.ok(verdict.ok && verdict.outcome?.kind === 'cancelled', JSON.stringify(verdict));
    assert.equal(await emit(scene, 'paid'), 0);
  });

  contract('the timeout of an attempt is not running while the run is parked', async (scene) => {
    const run = await running(scene, { policy: { attemptTimeoutMs: 20, graceMs: -1_980 } });
    await park(scene, run, 0, sleep('s', 3_600_000));
    const from = scene.world.now();
    await scene.until('its timeout would be over', async () => {
      await scene.store.sweep(100);
      return scene.world.now() > from + 100;
    });
    assert.equal(await scene.stands(run.id), 'parked');
  });
}

function diverging(contract: Contract): void {
  contract('a run whose code asks for other steps is set aside, and can go on', async (scene) => {
    const run = await running(scene);
    await record(scene, run, end('a', 1), waitFor('paid'));
    const details = { recorded: ['step/a'], asked: ['step/b'], at: 1 };
    const error = { code: 'replay.diverged', message: 'other steps', details } as const;
    const verdict = await scene.end(run, { how: 'diverged', error });
    assert.deepEqual(verdict, { ok: true, outcome: null, repeated: false });
    const aside = await scene.get(run.id);
    assert.deepEqual([aside.status, aside.quarantine], ['quarantined', error]);
    assert.deepEqual(
      aside.attempts.map(({ end: how, error: why }) => [how, why]),
      [['diverged', error]],
    );
    assert.equal(await emit(scene, 'paid'), 1, 'what it waits for still comes');
    assert.equal(await scene.stands(run.id), 'quarantined');
    const { reply } = await scene.store.retry([{ id: run.id, newId: 'never' }]);
    assert.deepEqual(reply, [{ ok: true, id: run.id, created: false }]);
    const next = await scene.claimOne(await scene.join());
    assert.deepEqual([next.id, next.attempt], [run.id, 2]);
    assert.deepEqual(await endsOf(scene, run.id), ['step/a returned', 'event/paid returned']);
    await scene.succeed(next);
  });

  contract('(W2) a second end of any kind under the fence is a repeated one', async (scene) => {
    const run = await running(scene);
    const error = { ...boom, code: 'replay.diverged' } as const;
    assert.ok((await scene.end(run, { how: 'diverged', error })).ok);
    const again = await parkAs(scene, run, 0, sleep('s', 1));
    assert.deepEqual(again, { ok: true, outcome: null, repeated: true });
    assert.deepEqual(await stepsOf(scene, run.id), []);
    assert.equal(await scene.stands(run.id), 'quarantined');
  });
}
