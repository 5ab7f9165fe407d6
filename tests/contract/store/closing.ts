/** The contract of letting go of a store. */
import assert from 'node:assert/strict';
import type { HoldfastError } from '../../../src/core/errors.ts';
import { nodeKeyOf } from '../../../src/core/execution/run.ts';
import type { Store } from '../../../src/ports/store.ts';
import { gone, type Scene } from './scene.ts';
import type { Contract } from './suite.ts';

const isClosed = (error: HoldfastError): boolean => error.code === 'store.closed';

/** One call of every verb that answers with a promise. */
const everyVerb = (scene: Scene, store: Store): readonly (() => Promise<unknown>)[] => [
  () => store.start([scene.item()]),
  () => store.claim({ node: nodeKeyOf(1), functions: [], runsMax: 1 }),
  () => store.end([]),
  () => store.note([]),
  () => store.settled(nodeKeyOf(1), []),
  () => store.cancel([]),
  () => store.retry([]),
  () => store.sweep(1),
  () =>
    store.prune({ succeeded: 0, failed: 0, cancelled: 0, 'timed-out': 0, rejected: 0, lost: 0 }, 1),
  () => store.pause('lane', 'x', 'x'),
  () => store.resume('lane', 'x'),
  () => store.setTenant({ tenant: 't', weight: 1, runningMax: null, waitingMax: null }),
  () => store.join(scene.card()),
  () => store.drain(nodeKeyOf(1)),
  () => store.leave(nodeKeyOf(1)),
  () => store.recover(nodeKeyOf(1), gone, 1),
  () => store.stops(nodeKeyOf(1)),
  () => store.owned(nodeKeyOf(1), 1),
  () => store.nodes(),
  () => store.get('x'),
  () => store.list({ filter: {}, before: null, rowsMax: 1 }),
  () => store.ends([]),
  () => store.explain('x'),
  () => store.logs('x', null, 1),
  () => store.lanes(1),
  () => store.tenants(1),
  () => store.pauses(),
  () => store.counts(),
  () => store.secret('cursors', 'x'),
  () => store.examine(),
];

export function closing(contract: Contract): void {
  contract('refuses every call after it was closed', async (scene) => {
    const other = await scene.world.connect();
    await other.close();
    for (const verb of everyVerb(scene, other)) await assert.rejects(verb, isClosed, `${verb}`);
    await other.close();
    assert.equal((await scene.store.counts()).queued, 0, 'other connections go on');
  });

  contract('answers what was asked before it was closed', async (scene) => {
    const other = await scene.world.connect();
    const items = Array.from({ length: 20 }, () => scene.item());
    const calls = items.map((item) => other.start([item]));
    const read = other.get(items[19]?.id ?? '');
    await other.close();
    for (const { reply } of await Promise.all(calls)) assert.equal(reply[0]?.ok, true);
    await read;
    assert.equal((await scene.store.counts()).queued, 20);
  });

  contract('accepts calls about nothing', async (scene) => {
    for (const verb of everyVerb(scene, scene.store)) await verb();
  });

  contract('keeps no node alive through a connection that is closed', async (scene) => {
    const other = await scene.world.connect();
    const joined = await other.join(scene.card({ ttlMs: 60 }));
    assert.ok(joined.ok);
    let beats = 0;
    other.keepAlive({
      node: joined.node,
      everyMs: 10,
      ttlMs: 60,
      onBeat: () => {
        beats += 1;
      },
      onFenced: () => {},
    });
    await scene.until('it beat', async () => beats > 1);
    await other.close();
    const count = beats;
    await scene.until('its lease is over', async () => {
      return (await scene.store.nodes())[0]?.leaseOver === true;
    });
    assert.equal(beats, count);
  });
}
