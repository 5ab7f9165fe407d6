/**
 * Owns the server that tests share, and the schemas and databases that they get on it.
 *
 * V1 `HOLDFAST_TEST_POSTGRES`, if set, is the URL of a running server. `npm test` sets it for all
 *    files of its run; without it, each file that is run alone starts a cluster of its own.
 * V2 A test gets a schema or a database with a name of chance, so tests run side by side, also with
 *    those of other runs on the same server. Whoever gets it drops it.
 * V3 Nothing here keeps the process alive or has to be closed at the end.
 */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { type Cluster, startCluster } from './cluster.ts';

/** The environment variable that names the server to use. */
export const serverVariable = 'HOLDFAST_TEST_POSTGRES';

/** A place of a test's own. */
export interface Place {
  /** With `?schema=` where the place is a schema. */
  readonly url: string;
  /** Closes whatever is still connected to a database, and takes the place away. */
  drop(): Promise<void>;
}

export interface FreshSchema extends Place {
  readonly schema: string;
}

export interface TestServer {
  /** Of a role that may create databases, on the database in which the schemas are. */
  readonly url: string;
  /** A name that no other test has; whoever opens a store with it creates the schema. */
  freshSchema(): FreshSchema;
  freshDatabase(): Promise<Place>;
  /** Runs SQL as that role, for what a test has to arrange or to look at behind a store's back. */
  query(text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
}

/** For one run of tests, which opens many stores at a time with connections of their own. */
const SETTINGS = { max_connections: '400' };
const DATABASE = 'holdfast_test';
/** Kept between two tests, in milliseconds. */
const IDLE_MS = 2_000;

let shared: Promise<TestServer> | undefined;

/** The server of this run, started by the first who asks. */
export function testServer(): Promise<TestServer> {
  shared ??= findServer();
  return shared;
}

/** A cluster for a whole run, and the URL that its tests use. */
export async function startTestCluster(): Promise<{ cluster: Cluster; url: string }> {
  const cluster = await startCluster({ settings: SETTINGS });
  try {
    return { cluster, url: await cluster.createDatabase(DATABASE) };
  } catch (error) {
    await cluster.dispose();
    throw error;
  }
}

async function findServer(): Promise<TestServer> {
  const given = process.env[serverVariable];
  return serverAt(given === undefined || given === '' ? (await startTestCluster()).url : given);
}

function serverAt(url: string): TestServer {
  const pool = new pg.Pool({
    connectionString: url,
    max: 2,
    idleTimeoutMillis: IDLE_MS,
    allowExitOnIdle: true,
  });
  // A server that goes away with idle connections open is what some tests are about.
  pool.on('error', () => {});
  const query: TestServer['query'] = async (text, values = []) =>
    (await pool.query(text, [...values])).rows;
  return {
    url,
    query,
    freshSchema() {
      const schema = freshName();
      return {
        schema,
        url: withSchema(url, schema),
        drop: async () => {
          await query(`drop schema if exists ${pg.escapeIdentifier(schema)} cascade`);
        },
      };
    },
    async freshDatabase() {
      const name = freshName();
      await query(`create database ${pg.escapeIdentifier(name)}`);
      const own = new URL(url);
      own.pathname = `/${name}`;
      return {
        url: own.href,
        drop: async () => {
          await query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
        },
      };
    },
  };
}

/** Tells whoever finds leftovers of a run that was killed where they are from. */
function freshName(): string {
  return `holdfast_test_${randomBytes(8).toString('hex')}`;
}

/** The URL of a store in this schema. */
function withSchema(url: string, schema: string): string {
  const own = new URL(url);
  own.searchParams.set('schema', schema);
  return own.href;
}
