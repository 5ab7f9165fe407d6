/**
 * The command line on a store in PostgreSQL: the same commands, and no password anywhere.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { after, before, describe, it } from 'node:test';
import { Holdfast } from 'holdfast';
import type { SupervisorEvent } from '../../src/cli/up/supervisor.ts';
import { type FreshSchema, type TestServer, testServer } from '../postgres/server.ts';
import * as desk from './apps/desk.ts';
import { appPath, call, callProcess, endOf, startProcess } from './call.ts';

const patience = { timeout: 60_000 };
const secret = 'pass-word-1';

let server: TestServer;
let place: FreshSchema;
/** The address of the same schema with a password, which a server that trusts all ignores. */
let store: string;

before(async () => {
  server = await testServer();
  place = server.freshSchema();
  store = withSecret(place.url);
});
after(() => place.drop());

function withSecret(address: string): string {
  const url = new URL(address);
  if (url.password === '') url.password = secret;
  return url.href;
}

const on = (...words: string[]) => call([...words, '--store', store]);

async function json<T>(...words: string[]): Promise<T> {
  const called = await on(...words, '--json');
  assert.equal(called.exit, 0, called.err);
  return JSON.parse(called.out) as T;
}

describe('the command line on a schema that is not there', { concurrency: false }, () => {
  it('does not make it by looking', async () => {
    for (const words of [['ls'], ['doctor'], ['nodes']]) {
      const called = await on(...words);
      assert.equal(called.exit, 7, called.err);
      assert.match(called.err, /\[store\.older_schema\]\n {2}.*holdfast migrate --to/);
    }
    const found = 'select 1 from pg_namespace where nspname = $1';
    assert.deepEqual(await server.query(found, [place.schema]), []);
  });

  it('prints what would make it', async () => {
    const called = await call(['migrate', '--print', '--role', 'a "b"', '--to', store]);
    assert.equal(called.exit, 0, called.err);
    assert.match(called.out, new RegExp(`^begin;\ncreate schema if not exists "${place.schema}";`));
    assert.match(called.out, /grant usage on schema "\w+" to "a ""b""";/);
    const { sql } = JSON.parse((await call(['migrate', '--print', '--json'])).out);
    assert.match(sql, /create schema if not exists "holdfast";/);
  });

  it('makes it, once', async () => {
    const made = await on('migrate');
    assert.deepEqual([made.exit, made.err], [0, '']);
    assert.match(made.out, new RegExp(`^made schema '${place.schema}' of .*, version \\d+\n$`));
    const again = await on('migrate');
    assert.match(again.out, /is version \d+ already\n$/);
    const { before: was, after: is } = await json<{ before: number; after: number }>('migrate');
    assert.equal(was, is);
  });
});

describe('the command line on a schema with a node', { concurrency: false }, () => {
  let hf: Holdfast;
  before(async () => {
    const functions = [desk.wait, ...desk.others];
    hf = await Holdfast.open({ store: place.url, functions, name: 'desk-1', drainGraceMs: 0 });
  });
  after(() => hf.close());

  it('starts, waits, lists, shows, explains and cancels', async () => {
    const called = await on('start', 'desk.greet', '{"name":"Ada"}', '--wait', '--id', 'ada');
    assert.deepEqual([called.exit, called.out], [0, 'hello, Ada\n'], called.err);
    const { runs } = await json<{ runs: { id: string }[] }>('ls', '--outcome', 'succeeded');
    assert.deepEqual(
      runs.map(({ id }) => id),
      ['ada'],
    );
    assert.match((await on('show', 'ada')).out, /succeeded/);
    assert.match((await on('logs', 'ada')).out, /greeting/);
    const waits = await json<{ id: string }>('start', 'desk.wait');
    const behind = await json<{ id: string }>('start', 'desk.wait');
    while ((await hf.runs.get(waits.id))?.status !== 'running');
    assert.match((await on('explain', behind.id)).out, /lane/);
    assert.match((await on('lanes')).out, /door/);
    assert.equal((await on('cancel', behind.id)).exit, 0);
    assert.equal((await on('cancel', waits.id)).exit, 0);
    await assert.rejects(hf.runs.result(waits.id), /cancelled/);
    const retried = await json<{ id: string }>('retry', behind.id);
    assert.equal((await on('cancel', retried.id)).exit, 0);
  });

  it('sets tenants, pauses, resumes and prunes', async () => {
    assert.equal((await on('tenants', 'set', 'house', '--weight', '2')).exit, 0);
    assert.match((await on('tenants')).out, /house +2/);
    assert.equal((await on('pause', 'function', 'desk.pid', '--reason', 'why not')).exit, 0);
    assert.match((await on('pause')).out, /function 'desk\.pid' paused .*why not/);
    assert.match((await on('functions')).out, /desk\.pid/);
    assert.equal((await on('resume', 'function', 'desk.pid')).exit, 0);
    assert.match((await on('prune')).out, /^pruned 0 runs\n$/);
    assert.match((await on('nodes')).out, /desk-1/);
  });

  it('examines the server as well', async () => {
    const called = await on('doctor');
    assert.equal(called.exit, 0, called.out + called.err);
    for (const words of [
      'PostgreSQL \\d+',
      'durability: ',
      'invariants: ',
      'snapshot',
      'dead row',
    ]) {
      assert.match(called.out, new RegExp(words));
    }
    const { findings } = await json<{ findings: { check: string }[] }>('doctor');
    assert.ok(findings.length > 8, JSON.stringify(findings));
  });

  it('takes the store from the environment', async () => {
    const called = await call(['nodes'], { env: { HOLDFAST_STORE: store } });
    assert.match(called.out, /desk-1/);
  });

  it('shows no password, whatever goes wrong', async () => {
    const cases: readonly (readonly [readonly string[], number])[] = [
      [['ls', '--store', store.replace(/:\d+\//, ':1/')], 6],
      [['ls', '--store', store.replace('?schema', '?shema')], 2],
      [['ls', '--store', store.replace(/^postgres/, 'postgress')], 2],
      [['ls', '--store', store.replace('//', '/')], 2],
      [['ls', '--store', `mysql://root:${secret}@localhost/x`], 2],
      [['migrate', '--to', `sqlite:./${secret}.db`], 2],
      [['migrate', '--from', store, '--to', store], 2],
      [['show', 'nope', '--store', store], 4],
    ];
    for (const [words, exit] of cases) {
      for (const env of [{}, { HOLDFAST_DEBUG: '1' }]) {
        const called = await call([...words, '--json'], { env });
        assert.equal(called.exit, exit, called.err);
        assert.doesNotMatch(called.out + called.err, new RegExp(secret), called.err);
      }
    }
  });
});

/** `holdfast up` on the schema, with what it says. */
class Up implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #events: AsyncIterableIterator<string>;
  readonly #closed: Promise<unknown>;

  constructor() {
    const words = ['up', appPath('desk'), '--workers', '2', '--name', 'up', '--json'];
    this.child = startProcess([...words, '--store', store]);
    assert.ok(this.child.stdout);
    this.#events = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    this.#closed = once(this.child, 'close');
  }

  async ready(): Promise<number> {
    for (;;) {
      const { value, done } = await this.#events.next();
      assert.ok(done !== true, 'it ended before it was ready');
      const event = JSON.parse(value) as SupervisorEvent;
      if (event.event === 'ready') return event.pid;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#closed;
  }
}

/** What everybody on the machine can see of a process. */
const commandLine = (pid: number): string =>
  process.platform === 'linux'
    ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
    : execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' });

describe('holdfast up on a schema', () => {
  it('executes, and has no password in any command line', patience, async () => {
    await using up = new Up();
    const workers = [await up.ready(), await up.ready()];
    const called = await on('start', 'desk.pid', '--wait');
    assert.ok(workers.includes(Number(called.out)), called.out + called.err);
    for (const pid of [up.child.pid ?? 0, ...workers]) {
      const shown = commandLine(pid);
      assert.match(shown, /up|worker/);
      assert.doesNotMatch(shown, new RegExp(secret), shown);
    }
    up.child.kill('SIGTERM');
    assert.deepEqual(await endOf(up.child), { exit: 0, signal: null });
    const { nodes } = await json<{ nodes: { name: string; state: string }[] }>('nodes', '--all');
    const ended = nodes.filter(({ name }) => name.startsWith('up-')).map(({ state }) => state);
    assert.deepEqual(ended, ['left', 'left']);
  });

  it('refuses a server that is not there, with one failure', patience, async () => {
    const gone = store.replace(/:\d+\//, ':1/');
    const called = await callProcess(['up', appPath('desk'), '--store', gone]);
    assert.equal(called.exit, 6, called.err);
    assert.match(called.err, /\[store\.unavailable\]\n/);
    assert.doesNotMatch(called.err, new RegExp(secret));
  });
});
