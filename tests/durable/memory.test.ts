/** (G1, G2, G3) Crashes at every point of durable runs, in memory. */
import { createMemoryStore } from '../../src/store/memory/memory-store.ts';
import { systemClock } from '../../src/system/clock.ts';
import { crashWalk } from './crash-walk-suite.ts';

crashWalk('memory', async () => {
  const store = createMemoryStore({ clock: systemClock() });
  return { store, leave: () => store.close() };
});
