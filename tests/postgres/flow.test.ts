/**
 * Flow control on one database: exact over several nodes that start at once, and for runs that
 * arrive from transactions of their callers, which never vanish.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  defineFunction,
  type FunctionDefinition,
  Holdfast,
  HoldfastError,
  type RunHandle,
} from 'holdfast';
import pg from 'pg';
import { type FreshSchema, type TestServer, testServer } from './server.ts';

const hour = 3_600_000;
const byKey = (input: { key: string }) => input.key;
const run = () => 'done';

const limited = defineFunction({
  name: 'limited',
  flow: { rateLimit: { key: byKey, max: 20, perMs: hour } },
  run,
});
const bucket = defineFunction({
  name: 'bucket',
  flow: { rateLimit: { key: byKey, max: 20, perMs: hour, algorithm: 'bucket' } },
  run,
});
const one = defineFunction({ name: 'one', flow: { unique: { key: byKey } }, run });
const static1 = defineFunction({
  name: 'static',
  flow: { rateLimit: { max: 1, perMs: hour } },
  run,
});
const calm = defineFunction({
  name: 'calm',
  flow: { debounce: { quietMs: hour, maxMs: hour } },
  run,
});
const spread = defineFunction({
  name: 'spread',
  flow: { throttle: { key: byKey, max: 5, perMs: hour } },
  run,
});
const functions = [limited, bucket, one, static1, calm, spread];

let server: TestServer;
let place: FreshSchema;
let nodes: Holdfast[] = [];

before(async () => {
  server = await testServer();
  place = server.freshSchema();
  for (let n = 0; n < 3; n += 1) {
    const drainGraceMs = 0;
    nodes.push(await Holdfast.open({ store: place.url, functions, drainGraceMs, slots: 4 }));
  }
  // What is started shall stay as it is.
  for (const { name } of functions) await first().functions.pause(name);
});
after(async () => {
  await Promise.all(nodes.map((hf) => hf.close()));
  nodes = [];
  await place.drop();
});

function first(): Holdfast {
  const [hf] = nodes;
  assert.ok(hf !== undefined);
  return hf;
}

/** Starts that many at once, spread over all nodes, each in a call of its own. */
const atOnce = (
  fn: FunctionDefinition<string, { key: string }, string>,
  key: string,
  count: number,
): Promise<readonly (RunHandle | string)[]> =>
  Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const hf = nodes[n % nodes.length] ?? first();
      return hf
        .start(fn, { key })
        .catch((error: unknown) => (error instanceof HoldfastError ? error.code : String(error)));
    }),
  );

const query = async <Row>(text: string): Promise<Row[]> => (await server.query(text)) as Row[];

describe('flow control over several nodes', { timeout: 120_000 }, () => {
  for (const fn of [limited, bucket]) {
    it(`takes exactly as many starts as the rate allows: ${fn.name}`, async () => {
      for (const key of ['a', 'b']) {
        const verdicts = await atOnce(fn, key, 60);
        assert.equal(verdicts.filter((one) => typeof one !== 'string').length, 20);
        assert.equal(verdicts.filter((one) => one === 'rate.limited').length, 40);
      }
    });
  }

  it('makes starts of one key exactly one run', async () => {
    const handles = (await atOnce(one, 'k', 60)).filter((each) => typeof each !== 'string');
    assert.equal(handles.length, 60);
    assert.equal(new Set(handles.map(({ id }) => id)).size, 1);
    assert.deepEqual(
      handles.filter(({ created }) => created).map(({ how }) => how),
      ['created'],
    );
  });

  it('gives every throttled run its own place in time', async () => {
    const handles = await atOnce(spread, 'k', 30);
    const runs = await Promise.all(
      handles.map((each) => (typeof each === 'string' ? null : each.get())),
    );
    const dues = runs.map((each) => each?.dueAt ?? 0).toSorted((a, b) => a - b);
    for (const [at, due] of dues.entries()) {
      const before = dues[at - 5];
      if (before !== undefined) assert.ok(due - before >= hour, dues.join(', '));
    }
  });

  it('keeps one row for a key, however often it changed, until that is over', async () => {
    const s = `"${place.schema}"`;
    const [rows] = await query<{ count: string }>(
      `select count(*)::text as count from ${s}.flows where fn = 'limited'`,
    );
    assert.equal(rows?.count, '2');
    await server.query(`update ${s}.flows set expires_at = 0 where fn in ('limited', 'one')`);
    await first().prune();
    const left = await query<{ fn: string; count: string }>(
      `select fn, count(*)::text as count from ${s}.flows
       where fn in ('limited', 'one') group by fn`,
    );
    assert.deepEqual(left, [{ fn: 'one', count: '1' }], 'its run goes on');
    const [tally] = await query<{ same: boolean }>(
      `select (select a from ${s}.cells where kind = 'flows' order by n desc limit 1)
         = (select count(*) from ${s}.flows) as same`,
    );
    assert.equal(tally?.same, true);
  });
});

/** Within a transaction that is committed. */
async function committed<T>(work: (tx: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    await client.query('begin');
    const done = await work(client);
    await client.query('commit');
    return done;
  } finally {
    await client.end();
  }
}

/** Waits until a run was accepted that was started elsewhere; gives its outcome. */
async function arrived(id: string) {
  first().wake();
  for (;;) {
    const found = await first().runs.get(id);
    if (found !== null) return found.outcome;
  }
}

describe('flow control of runs that arrive from transactions', { timeout: 120_000 }, () => {
  it('rejects what is over the rate, for everybody to see', async () => {
    const [taken, refused] = await committed(async (tx) => [
      await first().start(static1, null, { tx }),
      await first().start(static1, null, { tx }),
    ]);
    first().wake();
    const { kind, error } = await (refused as RunHandle).outcome({ timeoutMs: 30_000 });
    assert.deepEqual([kind, error?.code], ['rejected', 'rate.limited']);
    assert.equal((await taken?.get())?.status, 'queued');
  });

  it('says which run does the work of one that was merged', async () => {
    const [kept, merged] = await committed(async (tx) => [
      await first().start(calm, 'old', { tx }),
      await first().start(calm, 'new', { tx }),
    ]);
    first().wake();
    const { kind, error } = await (merged as RunHandle).outcome({ timeoutMs: 30_000 });
    assert.deepEqual(
      [kind, error?.code, error?.details],
      ['rejected', 'run.joined', { runId: kept?.id }],
    );
    assert.equal((await kept?.get())?.input, 'new');
  });

  it('takes the terms that nodes published where a run is started from SQL', async () => {
    const s = `"${place.schema}"`;
    const start = (fn: string, options: object = {}) =>
      server.query(`select ${s}.start('${fn}', '{"key":"sql"}', '${JSON.stringify(options)}')`);
    await start('calm', { id: 'sql-1' });
    await start('calm', { id: 'sql-2' });
    const outcome = await arrived('sql-2');
    assert.equal(outcome?.error?.code, 'run.joined');
    await assert.rejects(start('one'), /the key of unique of 'one' is computed; give flowKey/);
    await assert.rejects(start('calm', { delayMs: 5 }), /'calm' decides itself when its runs are/);
    await start('one', { id: 'sql-3', flowKey: 'sql' });
    await start('one', { id: 'sql-4', flowKey: 'sql' });
    const joined = await arrived('sql-4');
    assert.deepEqual(joined?.error?.details, { runId: 'sql-3' });
  });
});
