import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import type { Durability } from '../../../src/store/sqlite/connection.ts';
import { openSqliteStore, type SqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { type StoreAdapter, storeContract } from './suite.ts';

const clock = systemClock();

const sqlite = (durability: Durability): StoreAdapter => ({
  name: `sqlite, ${durability}`,
  async open() {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-contract-'));
    const path = join(folder, 'runs.db');
    const opened: SqliteStore[] = [];
    const connect = async () => {
      const store = await openSqliteStore({ path, durability });
      opened.push(store);
      return store;
    };
    return {
      store: await connect(),
      connect,
      now: () => clock.wall(),
      pass: () => turn(),
      async close() {
        await Promise.all(opened.map((store) => store.close()));
        await rm(folder, { recursive: true });
      },
    };
  },
});

storeContract(sqlite('full'));
