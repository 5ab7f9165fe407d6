/** The contract of handing runs to nodes. */
import assert from 'node:assert/strict';
import { nodeKeyOf } from '../../../src/core/execution/run.ts';
import { wallPlus } from '../../../src/core/time.ts';
import { plainPolicy } from './scene.ts';
import type { Contract } from './suite.ts';

export function claiming(contract: Contract): void {
  handOut(contract);
  refusals(contract);
  order(contract);
  traces(contract);
}

function handOut(contract: Contract): void {
  contract('hands a run over with what its owner needs, under fence 1', async (scene) => {
    const node = await scene.join({ name: 'worker' });
    const [id] = await scene.start({ input: '[1]', lane: 'x', tenant: 't', tags: ['a'] });
    const { acceptedAt, seq } = await scene.get(id);
    const reply = await scene.store.claim({
      node,
      functions: [{ fn: 'work', runsMax: 5 }],
      runsMax: 5,
    });
    const run = {
      seq,
      id,
      fn: 'work',
      pin: null,
      attempt: 1,
      failures: 0,
      fence: 1,
      input: '[1]',
      lane: 'x',
      tenant: 't',
      tags: ['a'],
      acceptedAt,
      deadlineAt: null,
      retryOf: null,
      trace: null,
      policy: plainPolicy,
    };
    assert.deepEqual(reply, { ok: true, runs: [run], nextDueAt: null });
    const shown = await scene.get(id);
    assert.equal(shown.status, 'running');
    assert.equal(shown.owner, 'worker');
    assert.equal(shown.attempt, 1);
    assert.ok(shown.startedAt !== null && shown.startedAt >= acceptedAt);
  });

  contract('hands nothing out when nothing waits', async (scene) => {
    const node = await scene.join();
    const ask = { node, functions: [{ fn: 'work', runsMax: 5 }], runsMax: 5 };
    assert.deepEqual(await scene.store.claim(ask), { ok: true, runs: [], nextDueAt: null });
  });

  contract('(G1) hands every run out once, however many nodes ask at once', async (scene) => {
    const ids = await scene.startMany(120, {});
    const other = await scene.world.connect();
    const stores = [scene.store, other];
    const nodes = [await scene.join(), await scene.join()];
    const asks = Array.from({ length: 30 }, (_, n) => {
      const node = nodes[n % 2] ?? nodeKeyOf(0);
      const functions = [{ fn: 'work', runsMax: 4 }];
      return (stores[n % 2] ?? other).claim({ node, functions, runsMax: 4 });
    });
    const runs = (await Promise.all(asks)).flatMap((reply) => (reply.ok ? reply.runs : []));
    assert.deepEqual(runs.map((run) => run.id).sort(), [...ids].sort());
  });

  contract('hands out no more than there is room, for each function and in all', async (scene) => {
    const node = await scene.join();
    await scene.startMany(10, { fn: 'a' });
    await scene.startMany(10, { fn: 'b' });
    const functions = [
      { fn: 'a', runsMax: 2 },
      { fn: 'b', runsMax: 9 },
      { fn: 'c', runsMax: 9 },
    ];
    const first = await scene.store.claim({ node, functions, runsMax: 6 });
    assert.ok(first.ok);
    assert.equal(first.runs.length, 6);
    assert.equal(first.runs.filter((run) => run.fn === 'a').length, 2);
    const none = await scene.store.claim({ node, functions, runsMax: 0 });
    assert.deepEqual(none.ok && none.runs, []);
    const noRoom = [{ fn: 'a', runsMax: 0 }];
    const full = await scene.store.claim({ node, functions: noRoom, runsMax: 6 });
    assert.deepEqual(full.ok && full.runs, []);
  });

  contract('hands out only functions that were asked for', async (scene) => {
    const node = await scene.join();
    const [mine] = await scene.start({ fn: 'mine' }, { fn: 'theirs' });
    assert.deepEqual(await scene.claimIds(node, 10, ['mine', 'unheard of']), [mine]);
  });

  contract('tells a node what it owns, also when the answer of a claim was lost', async (scene) => {
    const [node, other] = [await scene.join(), await scene.join()];
    await scene.startMany(6, {});
    const runs = await scene.claim(node, 4);
    await scene.claim(other, 1);
    const [first, second, ...rest] = runs;
    assert.ok(first !== undefined && second !== undefined);
    await scene.succeed(first);
    await scene.store.cancel([{ id: second.id, reason: 'x' }]);
    await scene.end(second, { how: 'stopped', settled: false });
    const owned = rest.map(({ seq, attempt, fence }) => ({ seq, attempt, fence, lingers: false }));
    assert.deepEqual(await scene.store.owned(node, 10), owned, 'what ended is not owned');
    assert.deepEqual(await scene.store.owned(nodeKeyOf(4_711), 10), []);
    await scene.bury(node);
    assert.deepEqual(await scene.store.owned(node, 10), []);
  });

  contract('says with a claim when time alone changes something next', async (scene) => {
    const node = await scene.join();
    const in1 = wallPlus(scene.world.now(), 3_600_000);
    const in2 = wallPlus(scene.world.now(), 7_200_000);
    const next = async () => {
      const reply = await scene.store.claim({ node, functions: [], runsMax: 1 });
      return reply.ok ? reply.nextDueAt : reply;
    };
    assert.equal(await next(), null);
    await scene.start({ dueAt: in2 });
    assert.equal(await next(), in2);
    await scene.start({ deadlineAt: in1 });
    assert.equal(await next(), in1, 'the deadline of a run that nobody owns');
    await scene.claim(node);
    const owned = await next();
    assert.ok(owned !== null && typeof owned === 'number', 'an owner that has to end it');
    assert.ok(owned > in1 && owned < in2, 'gets its grace and a margin beyond the deadline');
  });
}

function refusals(contract: Contract): void {
  contract('hands nothing to a node that is dead, draining, gone or unknown', async (scene) => {
    await scene.startMany(5, {});
    const functions = [{ fn: 'work', runsMax: 1 }];
    const claimed = async (node: number) => {
      const reply = await scene.store.claim({ node: nodeKeyOf(node), functions, runsMax: 1 });
      return reply.ok ? reply.runs.length : reply.code;
    };
    const dead = await scene.join();
    await scene.bury(dead);
    const draining = await scene.join();
    await scene.store.drain(draining);
    const left = await scene.join();
    await scene.store.leave(left);
    for (const node of [dead, draining, left, 99_999]) {
      assert.equal(await claimed(node), 'node.fenced');
    }
    assert.equal(await claimed(await scene.join()), 1);
  });

  contract('hands nothing out of a paused function until it is resumed', async (scene) => {
    const node = await scene.join();
    const [a, b] = await scene.start({ fn: 'a' }, { fn: 'b' });
    await scene.store.pause('function', 'a', 'broken');
    assert.deepEqual(await scene.claimIds(node, 10, ['a', 'b']), [b]);
    const [later] = await scene.start({ fn: 'a' });
    assert.deepEqual(await scene.claimIds(node, 10, ['a', 'b']), []);
    const { reply, woken } = await scene.store.resume('function', 'a');
    assert.equal(reply, true);
    assert.equal(woken.ready, true);
    assert.deepEqual(await scene.claimIds(node, 10, ['a', 'b']), [a, later]);
  });
}

function order(contract: Contract): void {
  contract('hands runs of one tenant out by order of acceptance, over functions', async (scene) => {
    const node = await scene.join();
    const wishes = Array.from({ length: 12 }, (_, n) => ({ fn: `fn-${n % 3}` }));
    const ids = await scene.start(...wishes);
    const claimed: string[] = [];
    while (claimed.length < ids.length) {
      claimed.push(...(await scene.claimIds(node, 5, ['fn-0', 'fn-1', 'fn-2'])));
    }
    assert.deepEqual(claimed, ids);
  });

  contract('gives a priority its head start, and no more', async (scene) => {
    const node = await scene.join();
    const before = await scene.startMany(300, {});
    // From an hour to a hundredth of a second: whatever the pace of a turn, some end up in between.
    const seconds = Array.from({ length: 20 }, (_, n) => 3_600 / 2 ** n);
    const urgent = await scene.start(...seconds.map((prioritySeconds) => ({ prioritySeconds })));
    const [patient] = await scene.start({ prioritySeconds: -3_600 });
    const after = await scene.startMany(300, {});
    const order = await scene.claimIds(node, 700);
    const places = urgent.map((id) => order.indexOf(id));
    assert.equal(places[0], 0);
    assert.deepEqual(
      places,
      [...places].sort((a, b) => a - b),
      'more seconds go before fewer',
    );
    const between = places.filter((at) => at > urgent.length && at < before.length);
    assert.ok(between.length > 0, `some overtake some of 300, not all: ${places}`);
    assert.equal(order.at(-1), patient);
    const others = order.filter((id) => !urgent.includes(id) && id !== patient);
    assert.deepEqual(others, [...before, ...after]);
  });

  contract(
    'lets nothing starve: not even behind tenants that are new all the time',
    async (scene) => {
      const node = await scene.join();
      const [patient] = await scene.start({ prioritySeconds: -0.01 });
      let tenant = 0;
      for (let claims = 0; claims < 40; claims += 1) {
        const fresh = Array.from({ length: 64 }, () => {
          tenant += 1;
          return { tenant: `new-${tenant}` };
        });
        await scene.start(...fresh);
        if ((await scene.claimIds(node, 64)).includes(patient ?? '')) return;
      }
      assert.fail(`${tenant} runs went before a run that gave away a hundredth of a second`);
    },
  );
}

function traces(contract: Contract): void {
  const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  contract('hands over the trace that a run was started with, at every attempt', async (scene) => {
    const node = await scene.join();
    const dueAt = wallPlus(scene.world.now(), 1);
    for (const more of [{}, { lane: 'x' }, { tenant: 't', tags: ['a'] }, { dueAt }]) {
      const [id = ''] = await scene.start({ ...more, trace });
      await scene.untilDue(id);
      const first = await scene.claimOne(node);
      assert.deepEqual([first.id, first.trace], [id, trace]);
      await scene.fail(first);
      const second = await scene.claimOne(node);
      assert.deepEqual([second.id, second.attempt, second.trace], [id, 2, trace]);
      await scene.succeed(second);
    }
  });

  contract('keeps the traces of runs of one call apart', async (scene) => {
    const other = trace.replace('0af', '1af');
    await scene.start({ trace }, {}, { trace: other }, { trace: null });
    const runs = await scene.claim(await scene.join());
    assert.deepEqual(
      runs.map((run) => run.trace),
      [trace, null, other, null],
    );
    for (const run of runs) await scene.succeed(run);
  });

  contract('gives a run that does another anew the trace of that one', async (scene) => {
    const node = await scene.join();
    const [id = ''] = await scene.start({ trace });
    const run = await scene.claimOne(node);
    await scene.store.fork([{ id, newId: 'forked', from: null }]);
    assert.equal((await scene.claimOne(node)).trace, trace);
    await scene.fail(run, { advice: { kind: 'never' } });
    await scene.store.retry([{ id, newId: 'again' }]);
    const again = await scene.claimOne(node);
    assert.deepEqual([again.id, again.trace], ['again', trace]);
  });

  contract('takes a start for the same whatever its trace', async (scene) => {
    const item = scene.item({ trace });
    await scene.store.start([item]);
    const { reply } = await scene.store.start([{ ...item, trace: null }]);
    assert.deepEqual(reply, [{ ok: true, id: item.id, created: false }]);
    assert.equal((await scene.claimOne(await scene.join())).trace, trace);
  });
}
