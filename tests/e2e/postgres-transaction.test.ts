/**
 * Starting runs inside transactions of the caller, with real drivers on a real server: a run is
 * there if the transaction commits, and never else.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sql as drizzleSql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { defineFunction, Holdfast, HoldfastError } from 'holdfast';
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import postgres from 'postgres';
import { z } from 'zod';
import { type FreshSchema, type TestServer, testServer } from '../postgres/server.ts';

const echo = defineFunction({
  name: 'echo',
  input: z.object({ n: z.number() }),
  run: ({ n }) => `got ${n}`,
});
const tag = defineFunction({
  name: 'tag',
  lane: 'one',
  tenant: 'acme',
  retry: { attemptsMax: 7 },
  run: (_: unknown, ctx) => ctx.tags.join(),
});

const traced = defineFunction({ name: 'traced', run: (_: unknown, ctx) => ctx.traceparent });

let server: TestServer;
let place: FreshSchema;
let hf: Holdfast;
let pool: pg.Pool;

before(async () => {
  server = await testServer();
  place = server.freshSchema();
  hf = await Holdfast.open({ store: place.url, functions: [echo, tag, traced], drainGraceMs: 0 });
  pool = new pg.Pool({ connectionString: server.url, max: 4 });
});
after(async () => {
  await pool.end();
  await hf.close();
  await place.drop();
});

/** Within a transaction of `pg`, which is ended as asked. */
async function within<T>(end: 'commit' | 'rollback', work: (tx: pg.PoolClient) => Promise<T>) {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const done = await work(client);
    await client.query(end);
    return done;
  } finally {
    client.release();
  }
}

const refused = (code: string, says: RegExp) => (error: unknown) => {
  assert.ok(error instanceof HoldfastError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, says);
  return true;
};

describe('a run that is started in a transaction', () => {
  it('is executed once that commits', async () => {
    const run = await within('commit', (tx) => hf.start(echo, { n: 1 }, { tx }));
    const waits = run.result();
    hf.wake();
    assert.equal(await waits, 'got 1');
    assert.equal(run.created, true);
  });

  it('is not there before, and does not hold up others', async () => {
    const run = await within('commit', async (tx) => {
      const started = await hf.start(echo, { n: 2 }, { tx });
      hf.wake();
      assert.equal(await (await hf.start(echo, { n: 3 })).result(), 'got 3');
      assert.equal(await started.get(), null);
      await assert.rejects(
        started.result({ timeoutMs: 50 }),
        refused('wait.timeout', /had not ended after 50 ms/),
      );
      return started;
    });
    hf.wake();
    assert.equal(await run.result(), 'got 2');
  });

  it('was never there if that is rolled back', async () => {
    const run = await within('rollback', (tx) => hf.start(echo, { n: 4 }, { tx }));
    hf.wake();
    assert.equal(await (await hf.start(echo, { n: 5 })).result(), 'got 5');
    assert.equal(await run.get(), null);
    assert.deepEqual(await server.query(`select * from ${place.schema}.inbox`), []);
  });

  it('is found without being told of, by any node', async () => {
    const run = await within('commit', (tx) => hf.start(echo, { n: 6 }, { tx }));
    assert.equal(await run.result(), 'got 6');
  });

  it('has the terms of its definition, and those that were given', async () => {
    const run = await within('commit', (tx) =>
      hf.start(tag, null, { tx, tags: ['a', 'b'], priority: 5 }),
    );
    hf.wake();
    assert.equal(await run.result(), 'a,b');
    const found = await run.get();
    assert.deepEqual([found?.lane, found?.tenant, found?.prioritySeconds], ['one', 'acme', 5]);
  });

  it('carries its trace', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const run = await within('commit', (tx) => hf.start(traced, null, { tx, traceparent }));
    hf.wake();
    assert.equal(await run.result(), traceparent);
  });

  it('may be one of many, each with its own verdict', async () => {
    const items = [{ input: { n: 7 } }, { input: { n: 'x' } as never }, { input: { n: 8 } }];
    const started = await within('commit', (tx) => hf.startMany(echo, items, { tx }));
    hf.wake();
    const ends = await Promise.all(
      started.map((one) => (one.ok ? one.run.result() : one.error.code)),
    );
    assert.deepEqual(ends, ['got 7', 'input.invalid', 'got 8']);
  });

  it('is the same run under the same id', async () => {
    const first = await hf.start(echo, { n: 9 }, { id: 'nine' });
    assert.equal(await first.result(), 'got 9');
    const again = await within('commit', (tx) => hf.start(echo, { n: 9 }, { tx, id: 'nine' }));
    hf.wake();
    assert.equal(await again.result(), 'got 9');
    const other = await within('commit', (tx) => hf.start(echo, { n: 10 }, { tx, id: 'nine' }));
    hf.wake();
    assert.equal(await other.result(), 'got 9');
    assert.equal(
      (await hf.runs.list({ fn: 'echo' })).runs.filter((r) => r.id === 'nine').length,
      1,
    );
  });

  it('waits for its delay', async () => {
    const run = await within('commit', (tx) => hf.start(echo, { n: 11 }, { tx, delayMs: 1e6 }));
    hf.wake();
    await assert.rejects(run.result({ timeoutMs: 100 }), refused('wait.timeout', /./));
    assert.equal((await run.get())?.status, 'queued');
    await run.cancel();
  });
});

describe('a transaction of', () => {
  it('postgres takes a run', async () => {
    const sql = postgres(server.url, { max: 1 });
    const run = await sql.begin((tx) => hf.start(echo, { n: 20 }, { tx }));
    hf.wake();
    assert.equal(await run.result(), 'got 20');
    const gone = sql.begin(async (tx) => {
      await hf.start(echo, { n: 21 }, { tx, id: 'gone' });
      throw new Error('no');
    });
    await assert.rejects(gone, /no/);
    await sql.end();
    assert.equal(await hf.runs.get('gone'), null);
  });

  it('Kysely takes a run', async () => {
    const db = new Kysely({ dialect: new PostgresDialect({ pool }) });
    const run = await db.transaction().execute((trx) => {
      const query = (text: string, values: string[]) =>
        trx.executeQuery(CompiledQuery.raw(text, values));
      return hf.start(echo, { n: 22 }, { tx: { query } });
    });
    hf.wake();
    assert.equal(await run.result(), 'got 22');
  });

  it('Drizzle takes a run', async () => {
    const run = await drizzle(pool).transaction((trx) => {
      const query = (text: string, [value]: string[]) => {
        const [head = '', tail = ''] = text.split('$1');
        return trx.execute(drizzleSql`${drizzleSql.raw(head)}${value}${drizzleSql.raw(tail)}`);
      };
      return hf.start(echo, { n: 23 }, { tx: { query } });
    });
    hf.wake();
    assert.equal(await run.result(), 'got 23');
  });

  it('anything that speaks SQL takes a run, by the function of the schema', async () => {
    const id = await within('commit', async (tx) => {
      const text = `select ${place.schema}.start('echo', '{"n":24}', '{"tags":["sql"]}') as id`;
      return (await tx.query<{ id: string }>(text)).rows[0]?.id ?? '';
    });
    hf.wake();
    while ((await hf.runs.get(id)) === null);
    assert.equal(await hf.runs.result(id), 'got 24');
    assert.deepEqual((await hf.runs.get(id))?.tags, ['sql']);
  });
});

describe('what is given as a transaction is refused', () => {
  const cases: readonly (readonly [string, () => unknown, RegExp])[] = [
    ['if it is a pool', () => pool, /it is a pool, which has no transaction/],
    ['if it is nothing of the kind', () => ({ run: () => {} }), /give a pg client/],
    ['if it is no object', () => 7, /it is 7; give a pg client/],
    ['if it does not give rows', () => ({ query: async () => [] }), /does not give \{ rows \}/],
  ];
  for (const [title, tx, says] of cases) {
    it(title, async () => {
      const call = hf.start(echo, { n: 30 }, { tx: tx() as never });
      await assert.rejects(call, refused('request.invalid', says));
    });
  }

  it('if nothing was begun on it', async () => {
    const client = await pool.connect();
    const call = hf.start(echo, { n: 31 }, { tx: client });
    await assert.rejects(call, refused('request.invalid', /no transaction is open/));
    client.release();
    const sql = postgres(server.url, { max: 1 });
    const outside = hf.start(echo, { n: 32 }, { tx: sql as never });
    await assert.rejects(outside, refused('request.invalid', /what sql\.begin\(\) hands out/));
    await sql.end();
  });

  it('if it is in another database, or failed before', async () => {
    const other = await server.freshDatabase();
    const client = new pg.Client({ connectionString: other.url });
    await client.connect();
    await client.query('begin');
    const call = hf.start(echo, { n: 33 }, { tx: client });
    await assert.rejects(call, refused('request.invalid', /the database that the store is in/));
    const again = hf.start(echo, { n: 34 }, { tx: client });
    await assert.rejects(again, refused('store.unavailable', /SQLSTATE 25P02.*roll it back/));
    await client.end();
    await other.drop();
  });

  it('by a store that is not in a database', async () => {
    await using memory = await Holdfast.open({ store: 'memory:', functions: [echo] });
    const call = within('rollback', (tx) => memory.start(echo, { n: 35 }, { tx }));
    await assert.rejects(call, refused('request.invalid', /takes a store in PostgreSQL/));
  });

  it('with an input that does not fit, before anything is sent', async () => {
    await within('commit', async (tx) => {
      const call = hf.start(echo, { n: 'x' } as never, { tx });
      await assert.rejects(call, refused('input.invalid', /n: /));
      await tx.query('select 1');
    });
  });
});
