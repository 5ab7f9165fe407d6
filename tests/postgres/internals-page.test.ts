/**
 * What docs/internals/postgres.md tells an administrator to execute: the rights of a role for nodes
 * and of one that only starts runs, and the statements for dashboards. Each is executed as it is
 * written.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { defineFunction, Holdfast } from 'holdfast';
import pg from 'pg';
import { stepsOf } from '../docs/steps.ts';
import { type Cluster, startCluster } from './cluster.ts';

const steps = stepsOf(join(import.meta.dirname, '../../docs/internals/postgres.md'));
const step = (name: string): string => steps.get(name)?.text ?? assert.fail(`no step '${name}'`);

const greet = defineFunction({ name: 'greet', run: (name: string) => `hello ${name}` });
const guarded = defineFunction({
  name: 'guarded',
  lane: 'one',
  tenant: 'acme',
  retry: { attemptsMax: 2, delayMs: 1, jitter: 0 },
  run: async (_: null, ctx) => {
    ctx.log.info('trying');
    ctx.progress({ attempt: ctx.attempt });
    if (ctx.attempt === 1) throw new Error('not yet');
    return ctx.fence;
  },
});

let cluster: Cluster;

/** The address of the database for a role. The server trusts all. */
function as(role: string): string {
  const url = new URL(cluster.url('jobs'));
  url.username = role;
  return url.href;
}

async function query(role: string, text: string): Promise<pg.QueryResult[]> {
  const client = new pg.Client({ connectionString: as(role) });
  await client.connect();
  try {
    const answers: pg.QueryResult[] = [];
    for (const statement of text.split(/;\n/)) {
      if (statement.trim() !== '') answers.push(await client.query(statement));
    }
    return answers;
  } finally {
    await client.end();
  }
}

before(async () => {
  cluster = await startCluster();
  await cluster.createDatabase('jobs');
  await query('postgres', 'alter database jobs owner to postgres');
  for (const role of ['jobs_owner', 'jobs_node', 'shop']) {
    await query('postgres', `create role ${role} login`);
  }
  await query('postgres', 'grant create on database jobs to jobs_owner');
  await (await Holdfast.open({ store: as('jobs_owner') })).close();
});
after(() => cluster.dispose());

describe('a role with the rights that the page grants to nodes', () => {
  before(() => query('jobs_owner', step('grants')));

  it('can do all that a runtime does', async () => {
    const functions = [greet, guarded];
    await using hf = await Holdfast.open({ store: as('jobs_node'), functions, drainGraceMs: 0 });
    await hf.tenants.set('acme', { runningMax: 1 });
    await hf.functions.pause('greet', 'for a moment');
    await hf.functions.resume('greet');
    const many = await hf.startMany(
      greet,
      ['a', 'b', 'c'].map((input) => ({ input })),
    );
    for (const one of many)
      assert.match(one.ok ? await one.run.result() : one.error.code, /^hello/);
    assert.equal(await (await hf.start(guarded, null)).result(), 2);
    const later = await hf.start(greet, 'later', { delayMs: 1e8 });
    assert.equal((await later.cancel()).state, 'cancelled');
    await hf.prune({ retention: { succeeded: 0, cancelled: 0 } });
    assert.deepEqual(
      (await hf.doctor()).filter(({ level }) => level === 'bad'),
      [],
    );
  });

  it('can change no table', async () => {
    for (const change of [
      'drop table holdfast.live',
      'truncate holdfast.runs',
      'create table holdfast.more ()',
      'alter function holdfast.wall() rename to clock',
    ]) {
      await assert.rejects(query('jobs_node', change), { code: '42501' }, change);
    }
  });
});

describe('a role with the rights that the page grants to programs that only start runs', () => {
  before(() => query('jobs_owner', step('starter')));

  it('starts runs in its own transactions, by the library and by SQL', async () => {
    await using hf = await Holdfast.open({ store: as('jobs_node'), functions: [greet] });
    const client = new pg.Client({ connectionString: as('shop') });
    await client.connect();
    await client.query('begin');
    const run = await hf.start(greet, 'library', { tx: client });
    await client.query(`select holdfast.start('greet', '"SQL"', '{"id": "by-sql"}')`);
    await client.query('commit');
    await client.end();
    hf.wake();
    assert.equal(await run.result(), 'hello library');
    while ((await hf.runs.get('by-sql')) === null);
    assert.equal(await hf.runs.result('by-sql'), 'hello SQL');
  });

  it('can neither end runs nor look at results', async () => {
    for (const text of [
      'select result from holdfast.ended',
      'delete from holdfast.live',
      'update holdfast.nodes set ttl_ms = 0',
      'select item from holdfast.inbox',
    ]) {
      await assert.rejects(query('shop', text), { code: '42501' }, text);
    }
  });
});

describe('the statements for dashboards', () => {
  it('are understood by the server, and see what they speak of', async () => {
    await using hf = await Holdfast.open({ store: as('jobs_node'), functions: [greet] });
    await hf.functions.pause('greet', 'to look');
    await hf.start(greet, 'waits');
    const holder = new pg.Client({ connectionString: as('jobs_owner') });
    await holder.connect();
    await holder.query('begin; select holdfast.gate()');
    const [todo, waits, ends, nodes, dead, gate, inbox] = await query('jobs_node', step('watch'));
    await holder.end();
    assert.deepEqual(todo?.rows, [{ fn: 'greet', pin: '', stage: 4, count: '1' }]);
    assert.equal(waits?.rows[0].fn, 'greet');
    assert.ok((ends?.rows.length ?? 0) > 0);
    assert.ok(nodes?.rows.some(({ state, silent }) => state === 'live' && silent < 15_000));
    assert.equal(dead?.rows.length, 5);
    assert.equal(gate?.rows[0].granted, true);
    assert.deepEqual(inbox?.rows, [{ count: '0' }]);
  });
});
