/** (G1, G2, G3) Crashes at every point of durable runs, on Postgres. */
import { storeScene } from '../postgres/store-scene.ts';
import { crashWalk } from './crash-walk-suite.ts';

crashWalk('postgres', async () => {
  const scene = await storeScene();
  return { store: scene.store, leave: () => scene[Symbol.asyncDispose]() };
});
