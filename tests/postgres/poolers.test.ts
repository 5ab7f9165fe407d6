/**
 * Poolers between a store and its server. One that gives each client a session of its own is as
 * good as none; one that shares sessions is refused, in words that say what to change.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction, Holdfast } from 'holdfast';
import pg from 'pg';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { parsePostgresAddress } from '../../src/system/postgres/address.ts';
import { needsBouncer, startBouncer } from './pgbouncer.ts';
import { Secretive } from './secretive.ts';
import { testServer } from './server.ts';

const secrets = new Secretive('s3cret');
const shared = /several clients; set pool_mode = session .*or name the server itself/;

const greet = defineFunction({ name: 'greet', run: (name: string) => `hello ${name}` });
const busy = defineFunction({
  name: 'busy',
  lane: 'one',
  run: async (_: null, ctx) => {
    const rows = await ctx.transaction('look', async (tx) => {
      return (await tx.query('select 1 as one')).rows;
    });
    await ctx.sleep(1);
    return rows;
  },
});

describe('a session that somebody else has marked', () => {
  it('is refused by a store', async () => {
    const server = await testServer();
    const { url, drop } = await server.freshDatabase();
    try {
      const address = parsePostgresAddress(`${url}?options=-c%20holdfast.session=set`);
      const opening = openPostgresStore({ address, log: secrets.log });
      await secrets.refusal('store.bad_path', shared, opening);
      const tables = await server.query(`select 1 from pg_namespace where nspname = 'holdfast'`);
      assert.deepEqual(tables, [], 'nothing was written');
    } finally {
      await drop();
    }
  });
});

describe('PgBouncer', { timeout: 120_000, ...needsBouncer }, () => {
  for (const more of ['', 'ignore_startup_parameters = options,extra_float_digits']) {
    it(`with a session for each client is as good as none, ${more || 'as it comes'}`, async () => {
      const place = (await testServer()).freshSchema();
      await using bouncer = await startBouncer(place.url, 'session', more);
      const warned: string[] = [];
      const log = {
        log: (level: string, message: string) => void (level === 'warn' && warned.push(message)),
      };
      try {
        const functions = [greet, busy];
        await using hf = await Holdfast.open({ store: bouncer.url, functions, log });
        assert.deepEqual(await (await hf.start(busy, null)).result(), [{ one: 1 }]);
        assert.equal(await (await hf.start(greet, 'you')).result(), 'hello you');
        const bad = (await hf.doctor()).filter(({ level }) => level === 'bad');
        assert.deepEqual([bad, warned], [[], []]);
      } finally {
        await place.drop();
      }
    });
  }

  for (const mode of ['transaction', 'statement']) {
    it(`that gives a session for a ${mode} is refused`, async () => {
      const place = (await testServer()).freshSchema();
      await using bouncer = await startBouncer(place.url, mode);
      const opening = Holdfast.open({ store: bouncer.url, log: secrets.log });
      await secrets.refusal('store.bad_path', shared, opening);
    });
  }

  it('may share sessions for the transactions of callers that start runs', async () => {
    const place = (await testServer()).freshSchema();
    await using bouncer = await startBouncer(place.url, 'transaction');
    const address = parsePostgresAddress(bouncer.url);
    const client = new pg.Client({ ...address.config });
    await client.connect();
    try {
      await using hf = await Holdfast.open({ store: place.url, functions: [greet] });
      await client.query('begin');
      const run = await hf.start(greet, 'library', { tx: client });
      const started = `select "${place.schema}".start('greet', '"SQL"', '{"id": "by-sql"}')`;
      await client.query(started);
      await client.query('commit');
      hf.wake();
      assert.equal(await run.result(), 'hello library');
      assert.equal(await hf.runs.result('by-sql'), 'hello SQL');
    } finally {
      await client.end();
      await place.drop();
    }
  });
});
