import { createMemoryStore } from '../../../src/store/memory/memory-store.ts';
import { SimulatedClock } from '../../../src/testing/index.ts';
import { storeContract } from './suite.ts';

/** Simulated milliseconds between two looks of a test that waits. */
const passMs = 5;

storeContract({
  name: 'memory',
  async open() {
    const clock = new SimulatedClock();
    const store = createMemoryStore({ clock });
    return {
      store,
      connect: async () => store.viewFor(clock),
      now: () => clock.wall(),
      pass: () => clock.advance(passMs),
      close: () => store.close(),
    };
  },
});
