import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { memoryBus } from '../bus/memory/memory-bus.ts';
import { faultyBus, type WakeUpFault } from './faulty-bus.ts';
import { SimulatedClock, settle } from './simulated-clock.ts';

function scene(fault: WakeUpFault | null) {
  const clock = new SimulatedClock({ monoStartMs: 0 });
  const bus = faultyBus(memoryBus(), { clock, decide: () => fault });
  const heard: number[] = [];
  const end = bus.subscribe('ready', () => heard.push(clock.mono()));
  return { clock, bus, heard, end };
}

describe('a faulty bus', () => {
  it('delivers what the plan leaves alone', async () => {
    const { bus, heard } = scene(null);
    bus.publish('ready');
    await settle(2);
    assert.deepEqual(heard, [0]);
  });

  it('loses, doubles and delays wake-ups', async () => {
    for (const fault of [[], [0, 5], [30]]) {
      const { clock, bus, heard } = scene(fault);
      bus.publish('ready');
      await settle(2);
      await clock.advance(100);
      assert.deepEqual(heard, fault);
    }
  });

  it('delivers nothing to whoever does not listen any more', async () => {
    const { clock, bus, heard, end } = scene([10]);
    bus.publish('ready');
    await settle(2);
    end();
    await clock.advance(100);
    assert.deepEqual(heard, []);
    await bus.close();
  });
});
