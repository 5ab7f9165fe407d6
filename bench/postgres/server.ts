/**
 * Owns the one throw-away server of a benchmark and the databases on it, and reads its books.
 *
 * D1 Everything runs on PostgreSQL's defaults but for what `serverSettings` says: fsync and
 *    synchronous commits are on.
 * D2 A round begins on a copy of a database that was made ready once, vacuumed and analysed, after
 *    a checkpoint. So all rounds of a contestant meet the same, and none pays for another's.
 */
import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { Client } from 'pg';
import { type Cluster, startCluster } from '../../tests/postgres/cluster.ts';
import { pause } from '../cases/waits.ts';
import { askOnce, type Row } from './sql.ts';

/** What differs from the defaults, stated with each result. */
export const serverSettings = {
  shared_buffers: '512MB',
  max_wal_size: '4GB',
  max_connections: '200',
  shared_preload_libraries: 'pg_stat_statements',
} as const;

/** What the server has done so far. */
export interface Books {
  readonly walBytes: number;
  readonly commits: number;
  /** Statements that clients sent, those inside of functions not counted. */
  readonly statements: number;
}

/** From here on a copy of files is there as an alternative to the log. */
const FILE_COPY_MAJOR = 15;
const LOOK_EVERY_MS = 10;
const LEAVE_MS_MAX = 30_000;
const SESSIONS = `
  select from pg_stat_activity where datname = $1 and backend_type = 'client backend'`;
const BOOKS = `
  select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8 as wal,
         (select xact_commit::float8 from pg_stat_database where datname = $1) as commits,
         (select coalesce(sum(calls), 0)::float8 from pg_stat_statements
           where dbid = (select oid from pg_database where datname = $1)) as statements`;

let version = '';

/** The version of the server that was started last. */
export const serverVersion = (): string => version;

const nameOf = (url: string): string => new URL(url).pathname.slice(1);

export class Server {
  readonly #cluster: Cluster;
  readonly #admin: Client;

  private constructor(cluster: Cluster, admin: Client) {
    this.#cluster = cluster;
    this.#admin = admin;
  }

  /** Starts one below the folder that holds `dir`, so that the same disk is measured. */
  static async open(dir: string): Promise<Server> {
    process.env.TMPDIR = dirname(dir);
    const cluster = await startCluster({ settings: serverSettings });
    const admin = new Client({ connectionString: cluster.url() });
    admin.on('error', () => {});
    await admin.connect();
    await admin.query('create extension pg_stat_statements');
    const { rows } = await admin.query<Row>('show server_version');
    version = String(rows[0]?.server_version).split(' ')[0] ?? '';
    return new Server(cluster, admin);
  }

  /** The URL of an empty database. */
  create(): Promise<string> {
    return this.#cluster.createDatabase();
  }

  /** Makes a database ready to be copied: nobody may be connected to it from now on. */
  async settle(url: string): Promise<void> {
    await askOnce(url, 'vacuum analyze');
  }

  /** A copy, and the URL of it. */
  async copy(url: string): Promise<string> {
    const name = `c_${randomBytes(8).toString('hex')}`;
    const how = this.#cluster.major >= FILE_COPY_MAJOR ? ' strategy file_copy' : '';
    await this.#admin.query(`create database ${name} template ${nameOf(url)}${how}`);
    await this.#admin.query('checkpoint');
    return this.#cluster.url(name);
  }

  async drop(url: string): Promise<void> {
    await this.untilLeft(url);
    await this.#admin.query(`drop database ${nameOf(url)} with (force)`);
  }

  /** Waits until nobody is connected: a session adds to the books when it ends. */
  async untilLeft(url: string): Promise<void> {
    const givesUpAt = performance.now() + LEAVE_MS_MAX;
    while (performance.now() < givesUpAt) {
      const { rowCount } = await this.#admin.query(SESSIONS, [nameOf(url)]);
      if (rowCount === 0) return;
      await pause(LOOK_EVERY_MS);
    }
    throw new Error(`somebody is still connected after ${LEAVE_MS_MAX} ms`);
  }

  /** Commits are exact only once everybody has left. */
  async books(url: string): Promise<Books> {
    const { rows } = await this.#admin.query<Row>(BOOKS, [nameOf(url)]);
    const [row] = rows;
    return {
      ...{ walBytes: Number(row?.wal), commits: Number(row?.commits) },
      statements: Number(row?.statements),
    };
  }

  async close(): Promise<void> {
    await this.#admin.end();
    await this.#cluster.dispose();
  }
}
