import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StoreAlarm, StoreHealth } from '../store/postgres/health.ts';
import { SimulatedClock } from '../testing/simulated-clock.ts';
import { HealthWatch } from './health-watch.ts';

const minuteMs = 60_000;
const alarm: StoreAlarm = { name: 'dead-rows', message: 'too many' };
const healthWith = (...alarms: readonly StoreAlarm[]): StoreHealth => ({
  ...{ heldMs: 0, heldBy: null, table: null, deadRows: 0, liveRows: 0, seesAll: true },
  alarms,
});

/** A watch, and what it told. `next` is what it sees at the next look. */
function watching() {
  const clock = new SimulatedClock();
  const told: string[] = [];
  const scene = { next: healthWith() as StoreHealth | Error, looks: 0, told, clock };
  const ask = async () => {
    scene.looks += 1;
    if (scene.next instanceof Error) throw scene.next;
    return scene.next;
  };
  const log = { log: (level: string, message: string) => void told.push(`${level} ${message}`) };
  return { scene, watch: new HealthWatch(ask, clock, log) };
}

describe('the watch over the health of a store', () => {
  it('looks once a minute, and remembers what it saw', async () => {
    const { scene, watch } = watching();
    assert.equal(watch.last, null);
    await scene.clock.advance(10 * minuteMs);
    assert.equal(scene.looks, 10);
    assert.equal(watch.last, scene.next);
    await watch.stop();
    await scene.clock.advance(10 * minuteMs);
    assert.equal(scene.looks, 10);
  });

  it('tells an alarm when it begins, and again only after it ended', async () => {
    const { scene, watch } = watching();
    for (const seen of [healthWith(alarm), healthWith(alarm), healthWith(), healthWith(alarm)]) {
      scene.next = seen;
      await scene.clock.advance(minuteMs);
    }
    assert.deepEqual(scene.told, ['warn too many', 'warn too many']);
    await watch.stop();
  });

  it('goes on after a look that failed, with what it knew', async () => {
    const { scene, watch } = watching();
    scene.next = healthWith(alarm);
    await scene.clock.advance(minuteMs);
    scene.next = new Error('the server is away');
    await scene.clock.advance(2 * minuteMs);
    assert.deepEqual(watch.last?.alarms, [alarm]);
    assert.equal(scene.looks, 3);
    await watch.stop();
  });
});
