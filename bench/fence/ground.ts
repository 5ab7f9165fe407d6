/**
 * Owns what the systems stand on: one throw-away Postgres and one Redis, with databases for
 * each, and a folder with SQLite files. What nobody needs is not started.
 *
 * G1 A process that is frozen inside a transaction holds its locks, and nobody gets past it: that
 *    is another failure than the one that is tested. `insideTransaction` tells.
 */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type Cluster, startCluster } from '../../tests/postgres/cluster.ts';
import { askOnce } from '../postgres/sql.ts';
import { type RedisServer, redisVersion, startRedis } from '../redis-server.ts';
import { entryOf, type Ground, type System } from './contender.ts';
import { type Manner, manners } from './history.ts';

const BUSY = `
  select count(*)::int as busy from pg_stat_activity
   where datname = current_database() and pid <> pg_backend_pid()
     and (state = 'active' or state like 'idle in transaction%')`;

export class Grounds {
  readonly #dir: string;
  #postgres: { readonly cluster: Cluster; readonly version: string } | null = null;
  #redis: RedisServer | null = null;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** Starts what these systems need. */
  static async open(dir: string, systems: readonly System[]): Promise<Grounds> {
    const grounds = new Grounds(dir);
    const needed = new Set(systems.map((system) => entryOf(system).ground));
    try {
      if (needed.has('postgres')) {
        process.env.TMPDIR = dirname(dir);
        const cluster = await startCluster();
        grounds.#postgres = { cluster, version: '' };
        const [row] = await askOnce(cluster.url(), 'show server_version');
        const version = String(row?.server_version).split(' ')[0] ?? '';
        grounds.#postgres = { cluster, version };
      }
      if (needed.has('redis')) grounds.#redis = await startRedis(dir, 'full');
      return grounds;
    } catch (error) {
      await grounds.close();
      throw error;
    }
  }

  /** An empty place for one kind of rounds of a system. */
  async place(system: System, manner: Manner): Promise<string> {
    const { ground } = entryOf(system);
    if (ground === 'sqlite') {
      const folder = join(this.#dir, `${system}-${manner}`);
      mkdirSync(folder);
      return join(folder, 'store.db');
    }
    if (ground === 'postgres' && this.#postgres !== null) {
      return this.#postgres.cluster.createDatabase();
    }
    if (this.#redis === null) throw new Error(`nothing was started for ${system}`);
    const { host, port } = this.#redis.address;
    return `redis://${host}:${port}/${manners.indexOf(manner)}`;
  }

  /** The server's name and version, for the result. */
  server(ground: Ground): string {
    switch (ground) {
      case 'sqlite':
        return `SQLite ${process.versions.sqlite}`;
      case 'postgres':
        return `PostgreSQL ${this.#postgres?.version}`;
      case 'redis':
        return `Redis ${redisVersion()}`;
    }
  }

  async close(): Promise<void> {
    await this.#redis?.stop();
    await this.#postgres?.cluster.dispose();
  }
}

/** G1. Whether anybody is in the middle of a transaction, which need not be the frozen one. */
export async function insideTransaction(ground: Ground, url: string): Promise<boolean> {
  switch (ground) {
    case 'sqlite':
      return isLocked(url);
    case 'postgres':
      return Number((await askOnce(url, BUSY))[0]?.busy) > 0;
    case 'redis':
      // A command or script is there as a whole or not at all.
      return false;
  }
}

function isLocked(path: string): boolean {
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    db.exec('begin immediate');
    db.exec('rollback');
    return false;
  } catch {
    return true;
  } finally {
    db.close();
  }
}
