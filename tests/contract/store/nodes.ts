/** (G7) The contract of joining, beating, draining and leaving. */
import assert from 'node:assert/strict';
import { nodeKeyOf } from '../../../src/core/execution/run.ts';
import type { Store } from '../../../src/ports/store.ts';
import type { Beat, HostedFunction, KeepAlive } from '../../../src/ports/store-nodes.ts';
import { gone, type Scene } from './scene.ts';
import type { Contract } from './suite.ts';

const hosts = (
  digest: string,
  version = '1',
): { readonly functions: readonly HostedFunction[] } => ({
  functions: [{ fn: 'work', version, digest }],
});

/** Keeps a node alive and writes down what the keeper says. */
function keep(store: Store, node: KeepAlive['node'], everyMs = 20) {
  const beats: Beat[] = [];
  let fenced = 0;
  const keeper = store.keepAlive({
    node,
    everyMs,
    ttlMs: 600_000,
    onBeat: (beat) => beats.push(beat),
    onFenced: () => {
      fenced += 1;
    },
  });
  return { keeper, beats, fenced: () => fenced };
}

const rowOf = async (scene: Scene, node: number) => {
  const row = (await scene.store.nodes()).find((one) => one.node === node);
  assert.ok(row !== undefined, `no node ${node}`);
  return row;
};

export function nodes(contract: Contract): void {
  joining(contract);
  beating(contract);
  ending(contract);
}

function joining(contract: Contract): void {
  contract('shows a node with its card, and what it runs', async (scene) => {
    const card = scene.card({ name: 'worker', ttlMs: 5_000, slots: 7 });
    const before = scene.world.now();
    const verdict = await scene.store.join(card);
    assert.ok(verdict.ok);
    await scene.startMany(2, {});
    await scene.claim(verdict.node);
    const [row, ...others] = await scene.store.nodes();
    assert.deepEqual(others, []);
    assert.ok(row !== undefined);
    const { joinedAt, renewedAgoMs, ...rest } = row;
    assert.ok(joinedAt >= before && joinedAt <= scene.world.now());
    assert.ok(renewedAgoMs >= 0 && renewedAgoMs < 60_000);
    assert.deepEqual(rest, {
      node: verdict.node,
      ...card,
      state: 'live',
      leaseOver: false,
      bootOver: false,
      running: 2,
    });
  });

  contract('gives every node a key of its own, also after others left', async (scene) => {
    const other = await scene.world.connect();
    const keys = [await scene.join({ name: 'same' })];
    await scene.store.leave(keys[0] ?? nodeKeyOf(0));
    keys.push(await scene.join({ name: 'same' }));
    const joined = await other.join(scene.card({ name: 'same' }));
    assert.ok(joined.ok);
    keys.push(joined.node);
    assert.equal(new Set(keys).size, 3);
    assert.ok(keys.every((key, at) => at === 0 || key > (keys[at - 1] ?? 0)));
  });

  contract('refuses another definition of a version that a live node hosts', async (scene) => {
    const node = await scene.join({ name: 'first', ...hosts('one') });
    const refused = await scene.store.join(scene.card(hosts('two')));
    assert.equal(refused.ok === false && refused.code, 'function.conflict');
    assert.match(JSON.stringify(refused), /'first'.*'work'/);
    await scene.join(hosts('one'));
    await scene.join(hosts('two', '2'));
    await scene.join({ functions: [{ fn: 'other', version: '1', digest: 'two' }] });
    await scene.store.drain(node);
    const still = await scene.store.join(scene.card(hosts('two')));
    assert.equal(still.ok, false, 'a draining node still executes');
  });

  contract(
    'accepts another definition once the nodes with the old one are no more',
    async (scene) => {
      const left = await scene.join(hosts('left'));
      await scene.store.leave(left);
      const dead = await scene.join(hosts('dead'));
      await scene.bury(dead);
      const silent = await scene.join({ ...hosts('silent'), ttlMs: 20 });
      await scene.until('its lease is over', async () => (await rowOf(scene, silent)).leaseOver);
      await scene.join(hosts('new'));
    },
  );
}

function beating(contract: Contract): void {
  contract('renews the lease of a node until its keeper is stopped', async (scene) => {
    const asked = await scene.join({ ttlMs: 1_000 });
    const { keeper, beats } = keep(scene.store, asked, 20);
    const first = keeper.lastRenewalStarted();
    await scene.until('it beat some times', async () => beats.length >= 5);
    assert.ok(keeper.lastRenewalStarted() > first);
    const row = await rowOf(scene, asked);
    assert.deepEqual([row.leaseOver, row.state], [false, 'live']);
    await keeper.stop();
    const last = keeper.lastRenewalStarted();
    const count = beats.length;
    await scene.until('its lease is over', async () => (await rowOf(scene, asked)).leaseOver);
    assert.equal(keeper.lastRenewalStarted(), last);
    assert.equal(beats.length, count);
  });

  contract('takes joining for the first renewal', async (scene) => {
    const node = await scene.join();
    const { keeper } = keep(scene.store, node, 60_000);
    const first = keeper.lastRenewalStarted();
    assert.ok(first > 0, 'since it asked to join');
    await scene.until('it beat', async () => keeper.lastRenewalStarted() >= first);
    await keeper.stop();
  });

  contract('renews at once when it is told to hurry, where its clock needs that', async (scene) => {
    const node = await scene.join();
    const { keeper, beats } = keep(scene.store, node, 60_000);
    await scene.until('it beat', async () => beats.length === 1);
    const { hurry } = keeper;
    assert.equal(hurry === undefined, scene.store.kind === 'sqlite', 'its clock never stands');
    if (hurry === undefined) {
      await keeper.stop();
      return;
    }
    const first = keeper.lastRenewalStarted();
    // A second word while the first is obeyed changes nothing.
    hurry();
    hurry();
    await scene.until('it beat again', async () => beats.length === 2);
    assert.ok(keeper.lastRenewalStarted() >= first);
    await keeper.stop();
    hurry();
    assert.equal(beats.length, 2);
  });

  contract('brings with each beat the other nodes, and who is asked to stop', async (scene) => {
    const node = await scene.join({ name: 'mine' });
    await scene.join({ name: 'other' });
    const [id] = await scene.start({});
    const { seq, fence } = await scene.claimOne(node);
    const { keeper, beats } = keep(scene.store, node);
    await scene.until('it beat', async () => beats.length > 0);
    assert.deepEqual(beats[0]?.nodes.map((row) => row.name).sort(), ['mine', 'other']);
    assert.deepEqual(beats[0]?.stops, []);
    await scene.store.cancel([{ id: id ?? '', reason: 'enough' }]);
    await scene.until('it hears of the stop', async () => (beats.at(-1)?.stops.length ?? 0) > 0);
    const order = { seq, fence, cause: 'cancel', reason: 'enough' };
    assert.deepEqual(beats.at(-1)?.stops, [order]);
    await keeper.stop();
  });

  contract(
    'tells a node that was declared dead, once, and never lets it come back',
    async (scene) => {
      const node = await scene.join();
      const other = await scene.world.connect();
      const { keeper, beats, fenced } = keep(other, node);
      await scene.until('it beat', async () => beats.length > 0);
      await scene.bury(node);
      await scene.until('it was told', async () => fenced() > 0);
      const count = beats.length;
      assert.equal((await rowOf(scene, node)).state, 'dead');
      const again = keep(other, node);
      await scene.until('it was told again', async () => again.fenced() > 0);
      assert.deepEqual([fenced(), beats.length, again.beats.length], [1, count, 0]);
      await keeper.stop();
      await again.keeper.stop();
    },
  );
}

function ending(contract: Contract): void {
  contract('shows a draining node, which goes on beating', async (scene) => {
    const node = await scene.join();
    await scene.store.drain(node);
    assert.equal((await rowOf(scene, node)).state, 'draining');
    const { keeper, beats, fenced } = keep(scene.store, node);
    await scene.until('it beat twice', async () => beats.length > 1);
    assert.equal(fenced(), 0);
    await keeper.stop();
  });

  contract('lets a node that left beat no more', async (scene) => {
    const node = await scene.join();
    await scene.store.drain(node);
    await scene.store.leave(node);
    assert.equal((await rowOf(scene, node)).state, 'left');
    const { keeper, fenced } = keep(scene.store, node);
    await scene.until('it was told', async () => fenced() > 0);
    await scene.store.drain(node);
    assert.equal((await rowOf(scene, node)).state, 'left', 'nothing brings it back');
    await keeper.stop();
  });

  contract(
    'takes it calmly when a node that nobody knows drains, leaves or stops',
    async (scene) => {
      const nobody = nodeKeyOf(4_711);
      await scene.store.drain(nobody);
      await scene.store.leave(nobody);
      await scene.store.settled(nobody, [{ seq: 1, attempt: 1 }]);
      assert.deepEqual(await scene.store.stops(nobody), []);
      const { reply } = await scene.store.recover(nobody, gone, 10);
      assert.equal(reply.ok === false && reply.code, 'node.not_found');
    },
  );
}
