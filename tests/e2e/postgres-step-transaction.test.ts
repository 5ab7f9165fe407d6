/**
 * `ctx.transaction` as users write it: with `pg`, with query builders, sealed, refused, stopped.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgSchema } from 'drizzle-orm/pg-core';
import {
  defineFunction,
  Holdfast,
  NonRetryableError,
  type OpenOptions,
  type RunContext,
  StepError,
} from 'holdfast';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { z } from 'zod';
import { type FreshSchema, type TestServer, testServer } from '../postgres/server.ts';
import { cipherOf } from './codec-scene.ts';

let server: TestServer;
let place: FreshSchema;
const table = (): string => `"${place.schema}".orders`;
const rows = (): Promise<Record<string, unknown>[]> =>
  server.query(`select id from ${table()} order by id`);
const insert = (tx: { query(text: string, values: unknown[]): Promise<unknown> }, id: number) =>
  tx.query(`insert into ${table()} values ($1)`, [id]);

before(async () => {
  server = await testServer();
});

describe('a transaction of a step', { timeout: 60_000 }, () => {
  before(async () => {
    place = server.freshSchema();
    await (await Holdfast.open({ store: place.url })).close();
    await server.query(`create table ${table()} (id integer primary key)`);
  });
  after(() => place.drop());

  const run = async (
    body: (input: unknown, ctx: RunContext) => unknown,
    more: Partial<OpenOptions> = {},
  ) => {
    const fn = defineFunction({ name: 'body', retry: { attemptsMax: 3, delayMs: 1 }, run: body });
    await using hf = await Holdfast.open({ store: place.url, functions: [fn], ...more });
    const started = await hf.start(fn, null);
    const outcome = await started.outcome({ timeoutMs: 30_000 });
    const { steps } = await hf.runs.steps(started.id);
    return { outcome, steps, hf, run: await started.get() };
  };

  it('gives what its code gave, checked, as JSON has it, and is shown as a step', async () => {
    const { run: done, steps } = await run(async (_, ctx) => {
      const given = await ctx.transaction(
        'place',
        async (tx, { key, tries }) => {
          await insert(tx, 1);
          return { at: new Date(0), key, tries };
        },
        { output: z.object({ at: z.date(), key: z.string(), tries: z.number() }) },
      );
      return { given, again: await ctx.transaction('place', () => 2) };
    });
    const given = { at: '1970-01-01T00:00:00.000Z', key: 'step/place', tries: 1 };
    assert.deepEqual(done?.result, { given, again: 2 });
    assert.deepEqual(
      steps.map(({ key, state }) => [key, state]),
      [
        ['step/place', 'returned'],
        ['step/place#2', 'returned'],
      ],
    );
    assert.deepEqual(await rows(), [{ id: 1 }]);
  });

  it('rolls back what throws, tries again, and tells the last error as a step does', async () => {
    let calls = 0;
    const { outcome, steps } = await run(async (_, ctx) => {
      const caught = await ctx
        .transaction('fail', async (tx) => {
          calls += 1;
          await insert(tx, 100 + calls);
          await insert(tx, 1);
        })
        .catch((error: unknown) => error);
      assert.ok(caught instanceof StepError && caught.code === '23505', String(caught));
      await ctx.transaction('fail for good', async (tx) => {
        await insert(tx, 200);
        throw new NonRetryableError('never', { code: 'order.refused' });
      });
    });
    assert.equal(calls, 3);
    assert.equal(outcome.error?.code, 'order.refused');
    assert.deepEqual(
      steps.map(({ tries, state }) => [tries, state]),
      [
        [3, 'threw'],
        [1, 'threw'],
      ],
    );
    assert.deepEqual(await rows(), [{ id: 1 }]);
  });

  it('is one transaction for Drizzle and for the statements of Kysely', async () => {
    const orders = pgSchema(place.schema).table('orders', { id: integer('id').primaryKey() });
    const pool = new pg.Pool({ connectionString: server.url });
    const kysely = new Kysely<{ orders: { id: number } }>({
      dialect: new PostgresDialect({ pool }),
    }).withSchema(place.schema);
    const { run: done } = await run(async (_, ctx) =>
      ctx.transaction('build', async (tx) => {
        const db = drizzle(tx as unknown as pg.Client);
        await db.insert(orders).values({ id: 11 });
        const { sql, parameters } = kysely.insertInto('orders').values({ id: 12 }).compile();
        await tx.query(sql, parameters);
        const found = await db.select().from(orders).where(eq(orders.id, 12));
        await assert.rejects(db.transaction((inner) => inner.insert(orders).values({ id: 13 })));
        return found;
      }),
    );
    // What was tried to be a transaction of its own has spoiled this one.
    assert.equal(done?.outcome?.error?.code, 'request.invalid');
    const { run: sound } = await run(async (_, ctx) =>
      ctx.transaction('build', async (tx) => {
        const db = drizzle(tx as unknown as pg.Client);
        await db.insert(orders).values({ id: 11 });
        const { sql, parameters } = kysely.insertInto('orders').values({ id: 12 }).compile();
        await tx.query(sql, parameters);
        return db.select().from(orders).where(eq(orders.id, 12));
      }),
    );
    assert.deepEqual(sound?.result, [{ id: 12 }]);
    assert.deepEqual(await rows(), [{ id: 1 }, { id: 11 }, { id: 12 }]);
    await pool.end();
  });

  it('starts runs with what it commits, and none with what it rolls back', async () => {
    const next = defineFunction({ name: 'next', run: (n: number) => n });
    const opened = Promise.withResolvers<Holdfast>();
    const fn = defineFunction({
      name: 'chain',
      retry: { attemptsMax: 2, delayMs: 1 },
      run: (_: null, ctx) =>
        ctx.transaction('chain', async (tx, { tries }) => {
          const own = await opened.promise;
          const started = await own.start(next, tries, { id: `next-${tries}`, tx });
          if (tries === 1) throw new Error('not yet');
          return started.id;
        }),
    });
    await using hf = await Holdfast.open({ store: place.url, functions: [fn, next] });
    opened.resolve(hf);
    assert.equal(await (await hf.start(fn, null)).result(), 'next-2');
    hf.wake();
    while ((await hf.runs.get('next-2')) === null);
    assert.equal(await hf.runs.result('next-2', { timeoutMs: 20_000 }), 2);
    assert.equal(await hf.runs.get('next-1'), null);
  });

  it('is sealed like any other step', async () => {
    const codec = { cipher: cipherOf('one') };
    const { run: done } = await run(
      (_, ctx) => ctx.transaction('secret', () => 'kingfisher-4711'),
      { codec },
    );
    assert.equal(done?.result, 'kingfisher-4711');
    const kept = await server.query(
      `select value from "${place.schema}".step_results where key = 'step/secret'`,
    );
    assert.equal(kept.length, 1);
    assert.match(String(kept[0]?.value), /^\{"\$hf":"aes-256-gcm","v":2/);
  });

  it('ends when its time is over, and leaves nothing', async () => {
    const { outcome } = await run(async (_, ctx) => {
      await ctx.transaction(
        'slow',
        async (tx, { signal }) => {
          await insert(tx, 300);
          await new Promise((_resolve, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason));
          });
        },
        { timeoutMs: 50, retry: false },
      );
    });
    assert.equal(outcome.error?.code, 'step.timed_out');
    assert.deepEqual(await rows(), [{ id: 1 }, { id: 11 }, { id: 12 }]);
  });

  it('ends with a run that is cancelled, and leaves nothing', async () => {
    const begun = Promise.withResolvers<void>();
    const fn = defineFunction({
      name: 'stuck',
      timeouts: { graceMs: 50 },
      run: (_: null, ctx) =>
        ctx.transaction('stuck', async (tx) => {
          await insert(tx, 400);
          begun.resolve();
          await new Promise(() => {});
        }),
    });
    await using hf = await Holdfast.open({ store: place.url, functions: [fn], drainGraceMs: 0 });
    const started = await hf.start(fn, null);
    await begun.promise;
    await started.cancel();
    assert.equal((await started.outcome({ timeoutMs: 20_000 })).kind, 'cancelled');
    // The row is free: nobody waits for what was given up.
    await server.query(`insert into ${table()} values (400)`);
    await server.query(`delete from ${table()} where id = 400`);
  });
});

describe('ctx.transaction where it cannot be', () => {
  const fn = (options: object, code: unknown = () => {}) =>
    defineFunction({
      name: 'refused',
      run: (_: unknown, ctx) => ctx.transaction('x', code as () => void, options),
    });

  it('is refused at once on a store that is in no database', async () => {
    const refused = fn({});
    await using hf = await Holdfast.open({ store: 'memory:', functions: [refused] });
    const { error } = await (await hf.start(refused, null)).outcome();
    assert.equal(error?.code, 'request.invalid');
    assert.match(error?.message ?? '', /needs a store in PostgreSQL; this one is 'memory'/);
  });

  it('is refused with options that are not known, by name', async () => {
    const own = server.freshSchema();
    try {
      for (const [options, code, says] of [
        [{ isolation: 'snapshot' }, () => {}, /isolation .* must be one of 'read committed'/],
        [{ isolated: true }, () => {}, /isolated/],
        [{}, 7, /run of the step 'x' is 7; it must be a function/],
      ] as const) {
        const refused = fn(options, code);
        await using hf = await Holdfast.open({ store: own.url, functions: [refused] });
        const { error } = await (await hf.start(refused, null)).outcome();
        assert.equal(error?.code, 'request.invalid');
        assert.match(error?.message ?? '', says);
      }
    } finally {
      await own.drop();
    }
  });
});
