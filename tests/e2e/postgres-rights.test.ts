/**
 * What a runtime loads and what it may do: the driver only where the store is in a database, and
 * there no more rights than its work takes.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { defineFunction, Holdfast } from 'holdfast';
import pg from 'pg';
import { type FreshSchema, type TestServer, testServer } from '../postgres/server.ts';
import { call, temporaryFolder } from './call.ts';

const root = join(import.meta.dirname, '../..');
const run = promisify(execFile);

describe('the driver of the database', () => {
  const program = (store: string) => `
    import { createRequire } from 'node:module';
    const { Holdfast } = await import('holdfast');
    const hf = await Holdfast.open({ store: ${JSON.stringify(store)}, execute: false });
    await hf.close();
    const files = Object.keys(createRequire(import.meta.url).cache);
    console.log(files.some((file) => /node_modules.pg.lib/.test(file)));`;

  const loads = async (store: string): Promise<string> => {
    const words = ['--conditions=holdfast-source', '--input-type=module', '-e', program(store)];
    return (await run(process.execPath, words, { cwd: root, timeout: 60_000 })).stdout.trim();
  };

  it('is not loaded where runs are kept in a file, or in memory', async () => {
    using folder = temporaryFolder();
    assert.equal(await loads(folder.at('x.db')), 'false');
    assert.equal(await loads('memory:'), 'false');
  });

  it('is loaded where they are in a database', async () => {
    const place = (await testServer()).freshSchema();
    assert.equal(await loads(place.url), 'true');
    await place.drop();
  });
});

describe('a role with the rights that migrate --role grants', () => {
  const role = `holdfast_test_${randomBytes(8).toString('hex')}`;
  const password = randomBytes(8).toString('hex');
  let server: TestServer;
  let place: FreshSchema;
  /** The schema, as that role. */
  let own: URL;

  before(async () => {
    server = await testServer();
    place = server.freshSchema();
    await server.query(`create role ${role} login password '${password}'`);
    own = new URL(place.url);
    own.username = role;
    own.password = password;
    const called = await call(['migrate', '--to', place.url, '--role', role]);
    assert.equal(called.exit, 0, called.err);
    assert.match(called.out, /has the rights that a runtime needs\n$/);
  });
  after(async () => {
    await place.drop();
    await server.query(`drop owned by ${role}`);
    await server.query(`drop role ${role}`);
  });

  async function asRole<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const url = new URL(own);
    url.searchParams.delete('schema');
    const client = new pg.Client({ connectionString: url.href });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }

  it('suffices for everything that a runtime does', async () => {
    let tries = 0;
    const flaky = defineFunction({
      name: 'flaky',
      lane: 'l',
      tenant: 't',
      retry: { attemptsMax: 3, delayMs: 1 },
      run: (_: unknown, ctx) => {
        ctx.log.info('trying');
        ctx.progress(1);
        tries += 1;
        if (tries < 2) throw new Error('not yet');
        return tries;
      },
    });
    const store = { url: own.href, migrate: false };
    await using hf = await Holdfast.open({ store, functions: [flaky], drainGraceMs: 0 });
    assert.equal(await (await hf.start(flaky, null)).result(), 2);
    await hf.tenants.set('t', { runningMax: 1 });
    await hf.lanes.pause('x');
    await hf.lanes.resume('x');
    const secret = await hf.keys.cursorSecret();
    assert.equal(await hf.keys.cursorSecret(), secret);
    const late = await hf.start(flaky, null, { delayMs: 1e6 });
    await late.cancel();
    await (await hf.runs.retry(late.id)).result();
    const within = await asRole(async (client) => {
      await client.query('begin');
      const started = await hf.start(flaky, null, { tx: client });
      await client.query('commit');
      return started;
    });
    hf.wake();
    await within.result();
    const everything = { succeeded: 0, cancelled: 0 };
    assert.deepEqual(await hf.prune({ retention: everything }), { pruned: 4 });
    const bad = (await hf.doctor()).filter(({ level }) => level === 'bad');
    assert.deepEqual(bad, []);
  });

  it('does not suffice to change the schema', async () => {
    const { schema } = place;
    await asRole(async (client) => {
      for (const change of [
        `drop table ${schema}.runs`,
        `alter table ${schema}.runs add column x int`,
        `create table ${schema}.other (x int)`,
        `create or replace function ${schema}.wall() returns float8 language sql as 'select 1.0'`,
      ]) {
        await assert.rejects(client.query(change), { code: '42501' });
      }
    });
  });
});
