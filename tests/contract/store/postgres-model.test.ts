/**
 * Random sequences of verbs on Postgres against the obvious model: the short way inside the
 * database and the verbs of the embedded stores must decide alike.
 */
import { it } from 'node:test';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { parsePostgresAddress } from '../../../src/system/postgres/address.ts';
import { testServer } from '../../postgres/server.ts';
import { againstModel } from './against-model.ts';

it('(G1, G2, G4) Postgres and the model agree on every verdict and every run', async () => {
  const server = await testServer();
  const { url, drop } = server.freshSchema();
  const address = parsePostgresAddress(url);
  const store = await openPostgresStore({ address, durability: 'relaxed', log: { log() {} } });
  try {
    await againstModel(store, 30);
  } finally {
    await store.close();
    await drop();
  }
});
