/** The contract of pins: which version of a function goes on with a run. */
import assert from 'node:assert/strict';
import type { NodeKey } from '../../../src/core/execution/run.ts';
import type { ClaimedRun, RepinVerdict } from '../../../src/ports/store-runs.ts';
import type { RecordVerdict, StepWrite } from '../../../src/ports/store-steps.ts';
import { boom, gone, plainPolicy, type Scene } from './scene.ts';
import {
  begin,
  end,
  forkAs,
  park,
  record,
  refused,
  running,
  sleep,
  waitFor,
} from './step-words.ts';
import type { Contract } from './suite.ts';

const hosting = (...versions: readonly string[]) => ({
  functions: versions.map((version) => ({ fn: 'work', version, digest: 'digest' })),
});

/** Claims for a node that hosts these versions. */
async function claimBy(
  scene: Scene,
  node: NodeKey,
  versions: readonly string[],
  runsMax = 100,
  room = runsMax,
): Promise<readonly ClaimedRun[]> {
  const functions = [{ fn: 'work', runsMax: room, versions }];
  const reply = await scene.store.claim({ node, functions, runsMax });
  assert.ok(reply.ok, JSON.stringify(reply));
  return reply.runs;
}

const idsBy = async (...ask: Parameters<typeof claimBy>): Promise<readonly string[]> =>
  (await claimBy(...ask)).map(({ id }) => id);

/** Keeps steps by the code of a version. */
async function recordBy(
  scene: Scene,
  { seq, fence, attempt }: Pick<ClaimedRun, 'seq' | 'fence' | 'attempt'>,
  pin: string,
  ...writes: readonly StepWrite[]
): Promise<RecordVerdict> {
  const { reply } = await scene.store.record([{ seq, fence, attempt, knows: 0, writes, pin }]);
  assert.ok(reply[0] !== undefined);
  return reply[0];
}

const pinOf = async (scene: Scene, id: string): Promise<string | null> => (await scene.get(id)).pin;

/** Runs that are pinned and eligible again. */
async function pinnedRuns(scene: Scene, count: number, pin: string): Promise<readonly string[]> {
  const ids = await scene.startMany(count, {});
  const runs = await scene.claim(await scene.join());
  for (const run of runs) {
    assert.ok((await recordBy(scene, run, pin, end('a'))).ok);
    assert.ok((await scene.end(run, { how: 'handed-back' })).ok);
  }
  return ids;
}

async function repin(scene: Scene, id: string, pin: string | null): Promise<RepinVerdict> {
  const { reply } = await scene.store.repin([{ id, pin }]);
  assert.ok(reply[0] !== undefined);
  return reply[0];
}

export function pinning(contract: Contract): void {
  beingPinned(contract);
  parking(contract);
  handingOut(contract);
  sharingRoom(contract);
  looking(contract);
  repinning(contract);
  forking(contract);
}

function beingPinned(contract: Contract): void {
  contract('(R6) a run is pinned with its first end, and not with a beginning', async (scene) => {
    const run = await running(scene);
    assert.equal(run.pin, null);
    await recordBy(scene, run, '1', begin('a'));
    assert.equal(await pinOf(scene, run.id), null);
    await recordBy(scene, run, '1', end('a'));
    assert.equal(await pinOf(scene, run.id), '1');
    await recordBy(scene, run, '2', end('b'));
    assert.equal(await pinOf(scene, run.id), '1', 'the first pin stands');
    await scene.succeed(run);
    assert.equal(await pinOf(scene, run.id), '1', 'also when it has ended');
  });

  contract('a run is pinned with its first wait, for a time or for an event', async (scene) => {
    for (const wait of [sleep('s', 60_000), waitFor('paid')]) {
      const run = await running(scene);
      await recordBy(scene, run, '7', wait);
      assert.equal(await pinOf(scene, run.id), '7');
      await scene.succeed(run);
    }
  });

  contract('of many runs that are told of at once each is pinned as it says', async (scene) => {
    await scene.startMany(3, {});
    const runs = await scene.claim(await scene.join());
    const items = runs.map(({ seq, fence, attempt }, at) => ({
      ...{ seq, fence, attempt, knows: 0, writes: [end('a')] },
      ...(at === 1 ? {} : { pin: `${at}` }),
    }));
    await scene.store.record(items);
    const pins = await Promise.all(runs.map(({ id }) => pinOf(scene, id)));
    assert.deepEqual(pins, ['0', null, '2']);
  });

  contract('(G1) whoever has lost a run does not pin it', async (scene) => {
    const [id = ''] = await scene.start({});
    const node = await scene.join();
    const lost = await scene.claimOne(node);
    await scene.bury(node);
    const run = await scene.claimOne(await scene.join());
    // By a program that knows of no pins: there is something that it could be pinned by.
    await record(scene, run, end('first'));
    assert.equal(refused(await recordBy(scene, lost, '1', end('a'))), 'fence.stale');
    await scene.end(lost, { how: 'parked', waits: [sleep('s', 1_000)], seen: 0, pin: '1' });
    assert.equal(await pinOf(scene, id), null);
    await recordBy(scene, run, '2', end('a'));
    assert.equal(await pinOf(scene, id), '2');
  });

  contract('what has kept nothing is not pinned, however often it was tried', async (scene) => {
    const [id = ''] = await scene.start({});
    const node = await scene.join(hosting('1'));
    const [first] = await claimBy(scene, node, ['1']);
    assert.ok(first !== undefined);
    await recordBy(scene, first, '1', begin('a'));
    await scene.fail(first);
    await scene.untilDue(id);
    const [second] = await claimBy(scene, await scene.join(hosting('2')), ['2']);
    assert.deepEqual([second?.id, second?.pin, second?.attempt], [id, null, 2]);
  });
}

function parking(contract: Contract): void {
  contract('a run is pinned by what it is parked with', async (scene) => {
    const ways = [
      { waits: [sleep('s', 60_000)], wish: {} },
      { waits: [waitFor('never')], wish: {} },
      { waits: [sleep('s', 60_000)], wish: { tenant: 'limited' } },
      { waits: [sleep('s', 60_000)], wish: { lane: 'l' } },
    ];
    await scene.store.setTenant({ tenant: 'limited', runningMax: 5 });
    for (const { waits, wish } of ways) {
      const run = await running(scene, wish);
      const verdict = await scene.end(run, { how: 'parked', waits, seen: 0, pin: '3' });
      assert.equal(verdict.ok, true);
      assert.equal(await scene.stands(run.id), 'parked');
      assert.equal(await pinOf(scene, run.id), '3');
    }
  });

  contract('it goes on pinned when it wakes, whoever wakes it', async (scene) => {
    const run = await running(scene);
    const waits = [sleep('s', 1)];
    await scene.end(run, { how: 'parked', waits, seen: 0, pin: '3' });
    await scene.until('it is eligible', async () => {
      await scene.store.sweep(100);
      return (await scene.stands(run.id)) === 'slot';
    });
    const node = await scene.join();
    assert.deepEqual(await idsBy(scene, node, []), []);
    const [again] = await claimBy(scene, node, ['3']);
    assert.deepEqual([again?.id, again?.pin], [run.id, '3']);
  });

  contract('what is missed at the parking pins as well', async (scene) => {
    const run = await running(scene);
    await recordBy(scene, run, '1', begin('x'));
    const waits = [sleep('s', 60_000)];
    await scene.end(run, { how: 'parked', waits, seen: 4, pin: '3' });
    assert.deepEqual([await scene.stands(run.id), await pinOf(scene, run.id)], ['slot', '3']);
    assert.equal((await claimBy(scene, await scene.join(), ['3'])).length, 1);
  });

  contract('parking with what is known already needs no pin', async (scene) => {
    const run = await running(scene);
    await recordBy(scene, run, '1', sleep('s', 60_000));
    await park(scene, run, 0, sleep('s', 60_000));
    assert.deepEqual([await scene.stands(run.id), await pinOf(scene, run.id)], ['parked', '1']);
  });
}

function handingOut(contract: Contract): void {
  contract('(H1) a pinned run is handed only to who asks for its version', async (scene) => {
    const [id] = await pinnedRuns(scene, 1, '1');
    const node = await scene.join(hosting('2'));
    assert.deepEqual(await idsBy(scene, node, ['2', '3']), []);
    assert.deepEqual(await idsBy(scene, node, []), [], 'nor to who knows of no versions');
    const [fresh] = await scene.start({});
    assert.deepEqual(await idsBy(scene, node, ['2']), [fresh], 'others stand behind nobody');
    const [run] = await claimBy(scene, node, ['0', '1']);
    assert.deepEqual([run?.id, run?.fn, run?.pin, run?.attempt], [id, 'work', '1', 2]);
  });

  contract('a version is one word: it is not found by a part of it', async (scene) => {
    await pinnedRuns(scene, 1, '1.2');
    const node = await scene.join();
    for (const version of ['1', '1.', '1.20', '2', '']) {
      assert.deepEqual(await idsBy(scene, node, [version]), []);
    }
    const elsewhere = [{ fn: 'work1', runsMax: 1, versions: ['.2', '1.2'] }];
    const reply = await scene.store.claim({ node, functions: elsewhere, runsMax: 1 });
    assert.ok(reply.ok && reply.runs.length === 0);
    assert.equal((await claimBy(scene, node, ['1.2'])).length, 1);
  });

  contract('it stays pinned over crashes, failures and hand-backs', async (scene) => {
    const [id = ''] = await pinnedRuns(scene, 1, '1');
    const take = async () => {
      const node = await scene.join(hosting('1'));
      const [run] = await claimBy(scene, node, ['1']);
      assert.deepEqual([run?.id, run?.pin], [id, '1']);
      return { node, run: run ?? assert.fail() };
    };
    const first = await take();
    await scene.store.recover(first.node, gone, 10);
    const second = await take();
    await scene.fail(second.run);
    await scene.untilDue(id);
    const third = await take();
    await scene.end(third.run, { how: 'handed-back' });
    const fourth = await take();
    await scene.succeed(fourth.run);
  });

  contract('lanes and limits hold for pinned runs as for others', async (scene) => {
    await scene.store.setTenant({ tenant: 't', runningMax: 1 });
    for (const wish of [{ lane: 'x' }, { tenant: 't' }]) {
      const [id = '', next = ''] = await scene.start(wish, wish);
      const node = await scene.join();
      const [run] = await claimBy(scene, node, ['1']);
      assert.ok(run !== undefined);
      await recordBy(scene, run, '1', end('a'));
      await scene.end(run, { how: 'handed-back' });
      const [again] = await claimBy(scene, node, ['1']);
      assert.deepEqual([again?.id, (await scene.stands(next)) !== 'slot'], [id, true]);
      await scene.succeed(again ?? assert.fail());
      assert.deepEqual(await idsBy(scene, node, ['1']), [next]);
    }
  });

  contract('what nobody asks for stands in nobody’s way', async (scene) => {
    await pinnedRuns(scene, 60, 'old');
    const fresh = await scene.startMany(40, {});
    const node = await scene.join();
    assert.deepEqual(await idsBy(scene, node, ['new'], 25), fresh.slice(0, 25));
    assert.deepEqual(await idsBy(scene, node, ['new'], 25), fresh.slice(25));
    const old = await claimBy(scene, node, ['old', 'new'], 100);
    assert.equal(old.length, 60);
    assert.ok(old.every(({ pin }) => pin === 'old'));
  });
}

function sharingRoom(contract: Contract): void {
  contract('(H1) all versions of a function share its room', async (scene) => {
    await pinnedRuns(scene, 12, '1');
    await pinnedRuns(scene, 12, '2');
    await scene.startMany(12, {});
    const node = await scene.join();
    assert.equal((await claimBy(scene, node, ['1', '2'], 100, 5)).length, 5);
    assert.equal((await claimBy(scene, node, ['1', '2'], 3, 50)).length, 3);
    const rest = await claimBy(scene, node, ['1', '2'], 100, 27);
    assert.equal(rest.length, 27);
    assert.equal((await claimBy(scene, node, ['1', '2'])).length, 1);
  });

  contract('(H2) and are handed out in one order, beside other functions', async (scene) => {
    const first = await pinnedRuns(scene, 3, '1');
    const second = await scene.startMany(3, {});
    const third = await scene.startMany(3, { fn: 'other' });
    const node = await scene.join();
    const functions = [
      { fn: 'other', runsMax: 2, versions: ['1'] },
      { fn: 'work', runsMax: 4, versions: ['1', '2'] },
    ];
    const reply = await scene.store.claim({ node, functions, runsMax: 100 });
    assert.ok(reply.ok);
    const ids = reply.runs.map(({ id }) => id);
    assert.deepEqual(ids, [...first, ...second.slice(0, 1), ...third.slice(0, 2)]);
  });

  contract('a function that is paused is so in all its versions', async (scene) => {
    const pinned = await pinnedRuns(scene, 2, '1');
    const [fresh = ''] = await scene.start({});
    const node = await scene.join();
    await scene.store.pause('function', 'work', 'deploy');
    assert.deepEqual(await idsBy(scene, node, ['1']), []);
    await scene.store.resume('function', 'work');
    assert.deepEqual(await idsBy(scene, node, ['1']), [...pinned, fresh]);
  });
}

function looking(contract: Contract): void {
  contract('explains by the version: who hosts it, and who goes first', async (scene) => {
    const [first = '', second = ''] = await pinnedRuns(scene, 2, '1');
    const [fresh = ''] = await scene.start({});
    const facts = async (id: string) => {
      const { hosts, slotAhead, run } = (await scene.store.explain(id)) ?? assert.fail();
      return [hosts, slotAhead, run.pin];
    };
    for (const { node } of await scene.store.nodes()) await scene.store.leave(node);
    await scene.join(hosting('2'));
    assert.deepEqual(await facts(first), [0, 0, '1']);
    assert.deepEqual(await facts(second), [0, 1, '1']);
    assert.deepEqual(await facts(fresh), [1, 0, null]);
    await scene.join(hosting('1', '2'));
    assert.deepEqual(await facts(first), [1, 0, '1']);
    assert.deepEqual(await facts(fresh), [2, 0, null]);
  });

  contract('counts unfinished runs by the version that they are pinned to', async (scene) => {
    assert.deepEqual(await scene.store.pinned(10), []);
    const parked = await running(scene);
    await scene.end(parked, { how: 'parked', waits: [sleep('s', 60_000)], seen: 0, pin: '1' });
    const one = await pinnedRuns(scene, 3, '1');
    await pinnedRuns(scene, 1, '2');
    await scene.start({});
    const [run] = await claimBy(scene, await scene.join(), ['1'], 1);
    assert.equal(run?.id, one[0]);
    const counted = await scene.store.pinned(10);
    assert.deepEqual(counted, [
      { fn: 'work', version: '1', unfinished: 4, waiting: 2 },
      { fn: 'work', version: '2', unfinished: 1, waiting: 1 },
    ]);
    assert.deepEqual(await scene.store.pinned(1), counted.slice(0, 1));
    await scene.succeed(run ?? assert.fail());
    await scene.store.cancel([{ id: one[1] ?? '', reason: 'x' }]);
    const [left] = await scene.store.pinned(10);
    assert.deepEqual([left?.unfinished, left?.waiting], [3, 2], 'it is to clean up');
  });
}

function repinning(contract: Contract): void {
  contract('(N2) a queued run is sent on in its place', async (scene) => {
    const ids = await pinnedRuns(scene, 6, '1');
    const fresh = await scene.startMany(2, {});
    const node = await scene.join();
    assert.deepEqual(await repin(scene, ids[2] ?? '', '2'), {
      ...{ ok: true, id: ids[2], before: '1' },
    });
    assert.ok((await repin(scene, ids[4] ?? '', null)).ok);
    assert.ok((await repin(scene, fresh[1] ?? '', '1')).ok);
    assert.deepEqual(await idsBy(scene, node, ['2']), [ids[2], ids[4], fresh[0]]);
    const rest = [...ids.filter((_, at) => at !== 2 && at !== 4), fresh[1]];
    assert.deepEqual(await idsBy(scene, node, ['1']), rest);
  });

  contract('and is found although its new order has gone past it', async (scene) => {
    const [old = ''] = await pinnedRuns(scene, 1, '1');
    await pinnedRuns(scene, 10, '2');
    const node = await scene.join();
    assert.equal((await claimBy(scene, node, ['2'])).length, 10);
    assert.ok((await repin(scene, old, '2')).ok);
    assert.deepEqual(await idsBy(scene, node, ['2']), [old]);
  });

  contract('(N2) a parked run is executed at once, a quarantined one goes on', async (scene) => {
    const parked = await running(scene);
    await scene.end(parked, { how: 'parked', waits: [sleep('s', 60_000)], seen: 0, pin: '1' });
    const aside = await running(scene);
    await recordBy(scene, aside, '1', end('a'));
    await scene.end(aside, { how: 'diverged', error: boom });
    const later = await running(scene, { lane: 'x' });
    await scene.end(later, { how: 'parked', waits: [sleep('s', 60_000)], seen: 0, pin: '1' });
    const ids = [parked.id, aside.id, later.id];
    assert.deepEqual(await scene.allStand(ids), ['parked', 'quarantined', 'parked']);
    const { reply, woken } = await scene.store.repin(ids.map((id) => ({ id, pin: '2' })));
    assert.ok(reply.every((one) => one.ok && one.before === '1'));
    assert.equal(woken.ready, true);
    assert.deepEqual(await scene.allStand(ids), ['slot', 'slot', 'slot']);
    const node = await scene.join();
    assert.deepEqual(await idsBy(scene, node, ['1']), []);
    assert.deepEqual(new Set(await idsBy(scene, node, ['2'])), new Set(ids));
  });

  contract('(N3) asked for again it changes nothing more', async (scene) => {
    const parked = await running(scene);
    await scene.end(parked, { how: 'parked', waits: [sleep('s', 60_000)], seen: 0, pin: '1' });
    assert.ok((await repin(scene, parked.id, '1')).ok);
    assert.equal(await scene.stands(parked.id), 'parked');
    const aside = await running(scene);
    await scene.end(aside, { how: 'diverged', error: boom });
    assert.ok((await repin(scene, aside.id, null)).ok);
    assert.equal(await scene.stands(aside.id), 'slot');
    assert.ok((await repin(scene, aside.id, null)).ok);
    assert.equal(await scene.stands(aside.id), 'slot');
  });

  contract('a quarantined run that is retried goes on under its pin', async (scene) => {
    const aside = await running(scene);
    await recordBy(scene, aside, '1', end('a'));
    await scene.end(aside, { how: 'diverged', error: boom });
    await scene.store.retry([{ id: aside.id, newId: 'unused' }]);
    const node = await scene.join();
    assert.deepEqual(await idsBy(scene, node, ['2']), []);
    assert.deepEqual(await idsBy(scene, node, ['1']), [aside.id]);
  });

  contract(
    '(N1) refuses what is executed, what has ended, and what is not there',
    async (scene) => {
      const run = await running(scene);
      const verdicts = async () => {
        const { reply } = await scene.store.repin([
          { id: run.id, pin: '2' },
          { id: 'nobody', pin: '2' },
        ]);
        return reply.map(refused);
      };
      assert.deepEqual(await verdicts(), ['run.illegal_transition', 'run.not_found']);
      await scene.succeed(run);
      assert.deepEqual(await verdicts(), ['run.already_done', 'run.not_found']);
      assert.equal(await pinOf(scene, run.id), null);
    },
  );
}

function forking(contract: Contract): void {
  contract('(F4) a fork that keeps steps is pinned as the first, or as it says', async (scene) => {
    const run = await running(scene);
    await recordBy(scene, run, '1', end('a'), end('b'));
    assert.ok((await forkAs(scene, run.id, 'same')).ok);
    assert.ok((await forkAs(scene, run.id, 'nothing', 'step/a')).ok);
    await scene.store.fork([
      { id: run.id, newId: 'other', from: 'step/b', pin: '2' },
      { id: run.id, newId: 'any', from: null, pin: null },
      { id: run.id, newId: 'chosen', from: 'step/a', pin: '2' },
    ]);
    const names = ['same', 'nothing', 'other', 'any', 'chosen'];
    const pins = async () => Promise.all(names.map((id) => pinOf(scene, id)));
    assert.deepEqual(await pins(), ['1', null, '2', null, '2']);
    await scene.succeed(run);
    assert.ok((await forkAs(scene, run.id, 'late')).ok);
    assert.equal(await pinOf(scene, 'late'), '1');
    const node = await scene.join();
    assert.deepEqual(await idsBy(scene, node, ['1']), ['same', 'nothing', 'any', 'late']);
    assert.deepEqual(await idsBy(scene, node, ['2']), ['other', 'chosen']);
  });

  contract('a run that is done anew begins without a pin', async (scene) => {
    const run = await running(scene, { policy: { retry: once } });
    await recordBy(scene, run, '1', end('a'));
    await scene.fail(run);
    assert.equal(await pinOf(scene, run.id), '1');
    const { reply } = await scene.store.retry([{ id: run.id, newId: 'again' }]);
    assert.equal(reply[0]?.ok, true);
    assert.equal(await pinOf(scene, 'again'), null);
  });

  contract('a run whose owner says nothing of versions is not pinned', async (scene) => {
    const run = await running(scene);
    await record(scene, run, end('a'));
    await park(scene, run, 1, sleep('s', 60_000));
    assert.equal(await pinOf(scene, run.id), null);
  });
}

const once = { ...plainPolicy.retry, attemptsMax: 1 };
