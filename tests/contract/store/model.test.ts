/**
 * The embedded stores against the obvious model; that of Postgres is in a file of its own.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createMemoryStore } from '../../../src/store/memory/memory-store.ts';
import { openSqliteStore } from '../../../src/store/sqlite/sqlite-store.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { againstModel } from './against-model.ts';

const clock = systemClock();

describe('a store and the obvious model of it', () => {
  it('(G1, G2, G4) agree on every verdict and every run in memory', async () => {
    const store = createMemoryStore({ clock });
    await againstModel(store, 250);
    await store.close();
  });

  it('(G1, G2, G4) agree on every verdict and every run in SQLite', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'holdfast-model-'));
    const store = await openSqliteStore({ path: join(folder, 'runs.db'), durability: 'relaxed' });
    try {
      await againstModel(store, 40);
    } finally {
      await store.close();
      await rm(folder, { recursive: true });
    }
  });
});
