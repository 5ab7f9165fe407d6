/**
 * The guide from one machine to many, step by step as it is written, on one host: a store in a file
 * moves into a database, two nodes work on it under a role that can change rows and no tables, and
 * one is killed.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, describe, it } from 'node:test';
import { Holdfast } from 'holdfast';
import pg from 'pg';
import { endOf, temporaryFolder } from '../e2e/call.ts';
import { type Cluster, startCluster } from '../postgres/cluster.ts';
import { within } from '../process/wait.ts';
import { stepsOf } from './steps.ts';

const root = join(import.meta.dirname, '../..');
const steps = stepsOf(join(root, 'docs/guides/from-one-machine-to-many.md'));
const executed = new Set<string>();
const folder = temporaryFolder();
const password = 'admin-secret';
const patience = { timeout: 120_000 };

let cluster: Cluster;
let env: NodeJS.ProcessEnv;

/** The text of a step, for the server of this test. */
const here = (words: string): string =>
  words
    .replaceAll('db.example.org:5432', `127.0.0.1:${cluster.port}`)
    .replaceAll('?sslmode=verify-full', '');

function stepOf(name: string): string {
  const step = steps.get(name);
  assert.ok(step, `the guide has no step '${name}'`);
  executed.add(name);
  return here(step.text);
}

/** Executes a step as a shell would. */
async function shell(name: string, more: NodeJS.ProcessEnv = {}) {
  const child = spawn('sh', ['-ec', stepOf(name)], {
    cwd: folder.at(''),
    env: { ...env, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = endOf(child);
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { ...(await ended), out, err };
}

async function succeeds(name: string, more: NodeJS.ProcessEnv = {}): Promise<string> {
  const { exit, out, err } = await shell(name, more);
  assert.equal(exit, 0, `${name}: ${out}${err}`);
  return out;
}

/** What the guide shows of a step's output is what was printed, but for a digest. */
function shows(name: string, printed: string): void {
  const words = here(steps.get(name)?.shows ?? '');
  assert.notEqual(words, '', name);
  const shape = RegExp.escape(words.trim()).replace(/(?<=\\x20)[0-9a-f]{16}(?=…)/, '[0-9a-f]{16}');
  assert.match(printed.trim(), new RegExp(`^${shape}$`));
}

/** A machine of the guide: `up` with one worker. */
interface Machine extends AsyncDisposable {
  readonly up: ChildProcess;
  readonly pids: { readonly UP_PID: string; readonly WORKER_PID: string };
}

async function machine(name: string): Promise<Machine> {
  const own = folder.at(`${name}.pid`);
  const up = spawn('sh', ['-ec', stepOf(name)], {
    cwd: folder.at(''),
    env: { ...env, PID_FILE: own },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  const ready = Promise.withResolvers<string>();
  up.stdout.setEncoding('utf8').on('data', (more: string) => {
    said += more;
    const worker = /worker 1 started \(pid (\d+)\)[\s\S]* is ready/.exec(said)?.[1];
    if (worker !== undefined) ready.resolve(worker);
  });
  up.once('close', () => ready.reject(new Error(`${name} ended: ${said}`)));
  const worker = await within(30_000, `${name} is ready`, ready.promise);
  const pids = { UP_PID: readFileSync(own, 'utf8').trim(), WORKER_PID: worker };
  return {
    up,
    pids,
    async [Symbol.asyncDispose]() {
      // Once it has ended its pids may be those of others.
      if (up.exitCode !== null || up.signalCode !== null) return;
      for (const pid of Object.values(pids)) killed(Number(pid));
    },
  };
}

function killed(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

/** `npx holdfast` means this checkout. It notes its pid, which stays that of the command. */
function makeFolder(): void {
  mkdirSync(folder.at('bin'));
  const entry = join(root, 'src/cli/main.ts');
  writeFileSync(
    folder.at('bin/npx'),
    `#!/bin/sh\nshift\n[ -z "$PID_FILE" ] || echo $$ > "$PID_FILE"\n` +
      `exec '${process.execPath}' --conditions=holdfast-source '${entry}' "$@"\n`,
  );
  chmodSync(folder.at('bin/npx'), 0o755);
  mkdirSync(folder.at('node_modules'));
  symlinkSync(root, folder.at('node_modules/holdfast'));
  writeFileSync(folder.at('package.json'), '{"type":"module"}');
}

before(async () => {
  cluster = await startCluster({ password });
  makeFolder();
  const { HOLDFAST_STORE: _store, HOLDFAST_APP: _app, ...inherited } = process.env;
  env = { ...inherited, PATH: `${folder.at('bin')}:${inherited.PATH}` };
});
after(async () => {
  await cluster.dispose();
  folder[Symbol.dispose]();
});

async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const look = async (): Promise<void> => {
    while (!(await holds()));
  };
  await within(20_000, what, look());
}

/** Executes statements one by one, as `psql` does. */
async function admin(script: string): Promise<void> {
  const client = new pg.Client({ connectionString: cluster.url() });
  await client.connect();
  try {
    for (const statement of script.split(/;\n/)) await client.query(statement);
  } finally {
    await client.end();
  }
}

describe('the guide from one machine to many', patience, () => {
  it('can be followed from its begin to its end', async () => {
    writeFileSync(folder.at('app.ts'), stepOf('app'));
    await succeeds('before');
    await admin(stepOf('roles'));
    for (const [, name = '', url = ''] of stepOf('addresses').matchAll(/(\w+_URL)='(.*)'/g)) {
      env[name] = url;
    }
    const { NODE_URL: url = '' } = env;
    await succeeds('copy');
    await succeeds('print');
    assert.match(readFileSync(folder.at('schema.sql'), 'utf8'), /grant usage .* to "jobs_node"/);
    shows('move', await succeeds('move'));
    const moved = await shell('moved');
    assert.equal(moved.exit, 7, moved.out);
    shows('moved', moved.err.replaceAll(folder.at('jobs.db'), './jobs.db'));

    await using north = await machine('north');
    await using south = await machine('south');
    await using hf = await Holdfast.open({ store: url });
    for (const id of ['a', 'b', 'c']) assert.equal(await hf.runs.result(id), `small/${id}.jpg`);
    const look = await succeeds('look');
    assert.match(look, /^north-1 +live /m);
    assert.match(look, /^south-1 +live /m);
    assert.match(look, /\nsmall\/d\.jpg\n$/);

    env.HOLDFAST_STORE = url;
    await succeeds('work');
    await eventually('north works', async () =>
      (await hf.runs.list({ status: 'running' })).runs.some(({ owner }) => owner === 'north-1'),
    );
    await succeeds('kill', north.pids);
    await eventually('north is dead', async () =>
      (await hf.nodes.list()).some(({ name, state }) => name === 'north-1' && state === 'dead'),
    );
    assert.match(await succeeds('watch'), /^north-1 +dead /m);
    const ids = Array.from({ length: 4 }, (_, n) => `photo-${n + 1}`);
    for (const id of ids) assert.match(String(await hf.runs.result(id)), /^small\/\d\.jpg$/);
    const runs = await Promise.all(ids.map((id) => hf.runs.get(id)));
    const again = runs.filter((run) => run?.attempts[0]?.end === 'crashed');
    assert.ok(again.length > 0 && again.every((run) => run?.attempt === 2));
    assert.match(await succeeds('evidence'), /photo-4/);

    const ended = endOf(south.up);
    await succeeds('drain', south.pids);
    assert.equal((await within(40_000, 'south drains', ended)).exit, 0);
    const doctor = await succeeds('doctor');
    assert.match(doctor, /invariants/);
    assert.deepEqual([...executed], [...steps.keys()]);
  });

  it('leaves the role of the nodes without a way to change tables', async () => {
    const client = new pg.Client({ connectionString: env.NODE_URL });
    await client.connect();
    for (const statement of [
      'drop table holdfast.live',
      'alter table holdfast.live add column more integer',
      'create table holdfast.more (n integer)',
      'create schema more',
    ]) {
      await assert.rejects(client.query(statement), { code: '42501' }, statement);
    }
    await client.end();
  });
});
