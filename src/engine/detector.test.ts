import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type NodeKey, nodeKeyOf } from '../core/execution/run.ts';
import { wallMs } from '../core/time.ts';
import type { NodeRow } from '../ports/store-nodes.ts';
import { SimulatedClock } from '../testing/index.ts';
import { countersStart } from './counters.ts';
import { Detector } from './detector.ts';
import type { World } from './world.ts';

const ttlMs = 15_000;
const self = { hostId: 'here', hostName: 'here', pid: 1, startedAt: 's' };
/** A node of another host, so that only its lease can prove its death. */
const far = (renewedAgoMs: number): NodeRow => ({
  ...{ node: nodeKeyOf(7), name: 'far', process: { ...self, hostId: 'far' }, state: 'live' },
  ...{ joinedAt: wallMs(0), ttlMs, renewedAgoMs, leaseOver: renewedAgoMs > ttlMs },
  ...{ bootOver: false, slots: 4, running: 2, functions: [] },
});

/** A detector that is told of heartbeats by hand. */
async function watching(hurries: boolean) {
  const clock = new SimulatedClock();
  const recovered: { node: NodeKey; at: number }[] = [];
  const hurried: number[] = [];
  const woken = { ready: false, stop: false, done: false };
  const none = { ok: true, requeued: 2, quarantined: 0, ended: 0, more: false } as const;
  const world = {
    clock,
    processes: { self: () => self, look: () => 'unknown' },
    store: {
      nodes: async () => [],
      recover: async (node: NodeKey) => {
        recovered.push({ node, at: clock.mono() });
        return { reply: none, woken };
      },
    },
    bus: { publish() {} },
    log: { log() {} },
  } as unknown as World;
  const detector = new Detector(world, countersStart(), {
    self: () => null,
    stoppedHere: () => false,
    hurry: () => {
      if (hurries) hurried.push(clock.mono());
      return hurries;
    },
  });
  await detector.start();
  return { clock, detector, recovered, hurried };
}

describe('the watch over a node of another host', () => {
  it('asks for a heartbeat when its lease may be over, and judges by that', async () => {
    const { clock, detector, recovered, hurried } = await watching(true);
    const from = clock.mono();
    detector.see([far(12_300)]);
    await clock.advance(2_699);
    assert.deepEqual([hurried, recovered], [[], []]);
    await clock.advance(3);
    assert.equal(hurried.length, 1);
    assert.ok((hurried[0] ?? 0) - from <= 2_702);
    assert.deepEqual(recovered, [], 'nothing is done on what is old');
    await clock.advance(20);
    detector.see([far(15_022)]);
    await clock.advance(0);
    assert.deepEqual(recovered, [{ node: nodeKeyOf(7), at: from + 2_722 }]);
    await detector.close();
  });

  it('leaves one alone that has renewed its lease by then, and asks again in a while', async () => {
    const { clock, detector, recovered, hurried } = await watching(true);
    detector.see([far(14_900)]);
    await clock.advance(110);
    assert.equal(hurried.length, 1);
    detector.see([far(200)]);
    await clock.advance(10_000);
    assert.deepEqual([hurried.length, recovered], [1, []]);
    await detector.close();
  });

  it('asks again and again while no heartbeat comes, four times a second at the most', async () => {
    const { clock, detector, recovered, hurried } = await watching(true);
    detector.see([far(14_000)]);
    await clock.advance(3_000);
    assert.ok(hurried.length >= 7 && hurried.length <= 9, `${hurried.length}`);
    assert.deepEqual(recovered, []);
    await detector.close();
  });

  it('acts at that time by itself where the clock of the store needs no heartbeat', async () => {
    const { clock, detector, recovered } = await watching(false);
    const from = clock.mono();
    detector.see([far(14_300)]);
    await clock.advance(1_000);
    assert.equal(recovered.length, 1);
    assert.ok((recovered[0]?.at ?? 0) - from <= 702);
    await detector.close();
  });
});
