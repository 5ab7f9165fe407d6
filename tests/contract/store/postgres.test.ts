import { silentLog } from '../../../src/ports/log.ts';
import {
  openPostgresStore,
  type PostgresStore,
} from '../../../src/store/postgres/postgres-store.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { parsePostgresAddress } from '../../../src/system/postgres/address.ts';
import { othersBeat } from '../../postgres/others-beat.ts';
import { testServer } from '../../postgres/server.ts';
import { type StoreAdapter, storeContract } from './suite.ts';

const clock = systemClock();

const postgres = (durability: 'full' | 'relaxed'): StoreAdapter => ({
  name: `postgres, ${durability}`,
  async open() {
    const server = await testServer();
    const place = server.freshSchema();
    const address = parsePostgresAddress(place.url);
    const opened: PostgresStore[] = [];
    const connect = async () => {
      const store = await openPostgresStore({ address, durability, log: silentLog });
      opened.push(store);
      return store;
    };
    return {
      store: await connect(),
      connect,
      // The server is on this host, and so has the same wall clock.
      now: () => clock.wall(),
      pass: othersBeat(server.query, place.schema),
      async close() {
        await Promise.all(opened.map((store) => store.close()));
        await place.drop();
      },
    };
  },
});

storeContract(postgres('full'));
