import assert from 'node:assert/strict';
import { it } from 'node:test';
import { memoryBus, memoryHub } from '../../../src/bus/memory/memory-bus.ts';
import type { Bus } from '../../../src/ports/bus.ts';
import type { FarBus } from './suite.ts';
import { busContract, Ear } from './suite.ts';

const asFar = (bus: Bus): FarBus => ({
  publish: async (topic, times = 1) => {
    for (let i = 0; i < times; i++) bus.publish(topic);
  },
  listen: async (topic) => {
    const ear = new Ear();
    const heard = ear.next();
    bus.subscribe(topic, ear.listener);
    return { heard };
  },
});

busContract('memory', async () => {
  const hub = memoryHub();
  const far = memoryBus({ hub });
  return {
    open: () => memoryBus({ hub }),
    far: async () => asFar(far),
    close: () => far.close(),
  };
});

it('memory buses on different hubs do not hear each other', async () => {
  const [one, other] = [memoryBus(), memoryBus()];
  const [ear, stranger] = [new Ear(), new Ear()];
  one.subscribe('ready', ear.listener);
  other.subscribe('ready', stranger.listener);
  const woken = ear.next();
  one.publish('ready');
  await woken;
  assert.equal(stranger.calls, 0);
});

it('a memory bus calls when its owner says, so that a simulation stays in charge', () => {
  const later: (() => void)[] = [];
  const bus = memoryBus({ defer: (callback) => later.push(callback) });
  const ear = new Ear();
  bus.subscribe('ready', ear.listener);
  bus.publish('ready');
  bus.publish('ready');
  assert.deepEqual([later.length, ear.calls], [1, 0]);
  later[0]?.();
  assert.equal(ear.calls, 1);
});
