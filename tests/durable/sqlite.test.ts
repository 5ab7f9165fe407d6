/** (G1, G2, G3) Crashes at every point of durable runs, on SQLite. */
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { temporaryFolder } from '../e2e/call.ts';
import { crashWalk } from './crash-walk-suite.ts';

crashWalk('sqlite', async () => {
  const folder = temporaryFolder();
  const store = await openSqliteStore({ path: folder.at('walk.db') });
  const leave = async (): Promise<void> => {
    await store.close();
    folder[Symbol.dispose]();
  };
  return { store, leave };
});
