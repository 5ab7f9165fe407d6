/**
 * Owns a Postgres store of a test's own, with the words of the contract, and a way to look behind
 * its back.
 */
import pg from 'pg';
import {
  openPostgresStore,
  type PostgresOptions,
  type PostgresStore,
} from '../../src/store/postgres/postgres-store.ts';
import { systemClock } from '../../src/system/clock.ts';
import { parsePostgresAddress } from '../../src/system/postgres/address.ts';
import { Scene } from '../contract/store/scene.ts';
import { othersBeat } from './others-beat.ts';
import { testServer } from './server.ts';

/** A store, and what stands around it. */
export interface StoreScene {
  readonly scene: Scene;
  readonly store: PostgresStore;
  readonly schema: string;
  readonly url: string;
  /** Another store on the same schema, as another process has it. */
  connect(over?: Partial<PostgresOptions>): Promise<PostgresStore>;
  /** Runs SQL as the owner of everything; `$s` stands for the schema. */
  sql(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  /** Holds a snapshot, as a long transaction of anybody does, until it is released. */
  hold(): Promise<{ release(): Promise<void> } & AsyncDisposable>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Opens a store in a schema of its own. */
export async function storeScene(over: Partial<PostgresOptions> = {}): Promise<StoreScene> {
  const server = await testServer();
  const { url, schema, drop } = server.freshSchema();
  const address = parsePostgresAddress(url);
  const opened: PostgresStore[] = [];
  const connect = async (more: Partial<PostgresOptions> = {}) => {
    const store = await openPostgresStore({ address, log: { log() {} }, ...over, ...more });
    opened.push(store);
    return store;
  };
  const store = await connect();
  const clock = systemClock();
  const pass = othersBeat(server.query, `"${schema}"`);
  const world = { store, connect, now: () => clock.wall(), pass };
  return {
    scene: new Scene({ ...world, close: async () => {} }),
    ...{ store, schema, url, connect },
    sql: (text, values) => server.query(text.replaceAll('$s', `"${schema}"`), values),
    async hold() {
      const client = new pg.Client({ connectionString: server.url });
      await client.connect();
      await client.query('begin isolation level repeatable read; select count(*) from pg_class');
      return { release: () => client.end(), [Symbol.asyncDispose]: () => client.end() };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((one) => one.close()));
      await drop();
    },
  };
}
