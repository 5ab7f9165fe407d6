/** The contract of the facts that explain why a run is not moving, and of pauses. */
import assert from 'node:assert/strict';
import { wallPlus } from '../../../src/core/time.ts';
import type { Scene } from './scene.ts';
import type { Contract } from './suite.ts';

async function facts(scene: Scene, id: string | undefined) {
  const found = await scene.store.explain(id ?? '');
  assert.ok(found !== null);
  return found;
}

export function explaining(contract: Contract): void {
  gates(contract);
  slots(contract);
  pauses(contract);
}

function gates(contract: Contract): void {
  contract('tells who holds the lane, and how many wait before', async (scene) => {
    const node = await scene.join({ name: 'worker' });
    const ids = await scene.startMany(4, { lane: 'x', laneWidth: 2 });
    await scene.claim(node, 1);
    const found = await facts(scene, ids[3]);
    assert.deepEqual(
      found.laneHolders.map((run) => [run.id, run.status, run.owner]),
      [
        [ids[0], 'running', 'worker'],
        [ids[1], 'queued', null],
      ],
    );
    assert.deepEqual([found.run.gate, found.laneAhead], ['lane', 1]);
  });

  contract('tells the limit of the tenant, and how much of it is held', async (scene) => {
    const terms = { tenant: 't', weight: 2, runningMax: 1, waitingMax: 9 };
    await scene.store.setTenant(terms);
    const [, id] = await scene.startMany(2, { tenant: 't' });
    const found = await facts(scene, id);
    assert.equal(found.run.gate, 'tenant');
    assert.deepEqual(found.tenant, { ...terms, holding: 1 });
  });

  contract('tells when a run is due, and what time it is', async (scene) => {
    const before = scene.world.now();
    const dueAt = wallPlus(before, 3_600_000);
    const [id] = await scene.start({ dueAt });
    const found = await facts(scene, id);
    assert.deepEqual([found.run.gate, found.run.dueAt], ['time', dueAt]);
    assert.ok(found.now >= before && found.now <= scene.world.now());
  });
}

function slots(contract: Contract): void {
  contract('tells how many live nodes there are, and how many host the function', async (scene) => {
    const hosting = (fn: string) => ({ functions: [{ fn, version: '1', digest: 'd' }] });
    const [id] = await scene.start({ fn: 'mine' });
    const counted = async () => {
      const { hosts, nodes } = await facts(scene, id);
      return [hosts, nodes];
    };
    assert.deepEqual(await counted(), [0, 0]);
    const mine = await scene.join(hosting('mine'));
    await scene.join(hosting('other'));
    assert.deepEqual(await counted(), [1, 2]);
    await scene.store.drain(mine);
    assert.deepEqual(await counted(), [0, 1]);
    const silent = await scene.join({ ...hosting('mine'), ttlMs: 20 });
    await scene.until('its lease is over', async () => {
      const row = (await scene.store.nodes()).find((one) => one.node === silent);
      return row?.leaseOver === true;
    });
    assert.deepEqual(await counted(), [0, 1]);
  });

  contract('tells how many eligible runs of the function go first', async (scene) => {
    await scene.startMany(5, { fn: 'other' });
    const ids = await scene.startMany(4, {});
    const [urgent] = await scene.start({ prioritySeconds: 3_600 });
    const ahead = async (id: string | undefined) => (await facts(scene, id)).slotAhead;
    assert.equal(await ahead(urgent), 0);
    assert.equal(await ahead(ids[0]), 1);
    assert.equal(await ahead(ids[3]), 4);
    const node = await scene.join();
    await scene.claim(node, 2);
    assert.equal(await ahead(ids[3]), 2);
    assert.equal(await ahead(urgent), 0, 'it is running');
  });
}

function pauses(contract: Contract): void {
  contract('tells which pauses concern the run', async (scene) => {
    const [id] = await scene.start({ fn: 'f', lane: 'x' });
    await scene.store.pause('function', 'f', 'broken');
    await scene.store.pause('lane', 'x', 'maintenance');
    await scene.store.pause('lane', 'f', 'another lane');
    await scene.store.pause('function', 'x', 'another function');
    const found = (await facts(scene, id)).pauses.map(({ kind, key }) => [kind, key]);
    assert.deepEqual(found, [
      ['function', 'f'],
      ['lane', 'x'],
    ]);
  });

  contract('shows what is paused, why and since when', async (scene) => {
    const before = scene.world.now();
    await scene.store.pause('lane', 'b', 'first reason');
    await scene.store.pause('function', 'b', 'other');
    await scene.store.pause('lane', 'b', 'second reason');
    const shown = await scene.store.pauses();
    assert.deepEqual(
      shown.map(({ kind, key, reason }) => [kind, key, reason]),
      [
        ['function', 'b', 'other'],
        ['lane', 'b', 'second reason'],
      ],
    );
    assert.ok(shown.every(({ since }) => since >= before && since <= scene.world.now()));
    const [lane] = await scene.store.lanes(10);
    assert.deepEqual(lane, {
      lane: 'b',
      paused: true,
      holders: [],
      waiting: 0,
      oldestWaitingAt: null,
    });
  });

  contract('says whether there was anything to resume', async (scene) => {
    const nothing = { ready: false, stop: false, done: false };
    const never = await scene.store.resume('function', 'f');
    assert.deepEqual(never, { reply: false, woken: nothing });
    await scene.store.pause('function', 'f', 'x');
    await scene.store.pause('lane', 'f', 'x');
    assert.equal((await scene.store.resume('function', 'f')).reply, true);
    assert.deepEqual(
      (await scene.store.pauses()).map(({ kind }) => kind),
      ['lane'],
    );
    assert.equal((await scene.store.resume('function', 'f')).reply, false);
  });
}
