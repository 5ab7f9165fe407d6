/**
 * Moving a store from a file into a schema: everything arrives as it was, at no moment can both
 * places be used, and whoever is killed in between goes on.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, it } from 'node:test';
import { defineFunction, Holdfast, HoldfastError, type Run } from 'holdfast';
import { schemaVersion } from '../../src/store/sqlite/migrations.ts';
import { type FreshSchema, type TestServer, testServer } from '../postgres/server.ts';
import { broken, fragile } from './apps/dying.ts';
import { appPath, call, endOf, startProcess, temporaryFolder } from './call.ts';

const patience = { timeout: 120_000 };
const folder = temporaryFolder();
let server: TestServer;

before(async () => {
  server = await testServer();
});
after(() => folder[Symbol.dispose]());

const talk = defineFunction({
  name: 'talk',
  run: async (text: string, ctx) => {
    ctx.log.info(`about ${text}\0`, { text });
    ctx.progress({ half: true });
    for (const part of [text, Buffer.from(text)]) ctx.emit(part);
    return { said: text };
  },
});
const fail = defineFunction({
  name: 'fail',
  retry: { attemptsMax: 2, delayMs: 1 },
  run: () => Promise.reject(new Error('never')),
});
const order: string[] = [];
const queue = defineFunction({
  name: 'queue',
  lane: 'one',
  run: (text: string) => void order.push(text),
});
const calm = defineFunction({
  name: 'calm',
  flow: { unique: {}, rateLimit: { max: 2, perMs: 1e8 } },
  run: () => null,
});
const share = defineFunction({ name: 'share', tenant: 'small', run: (n: number) => n });
const texts = ['plain', 'ä\u{1F600}', 'nul \0 and half \ud800', '\\u0000', '"quoted"'];

const refused = (code: string, says: RegExp) => (error: unknown) => {
  assert.ok(error instanceof HoldfastError, String(error));
  assert.deepEqual([error.code, says.test(error.message)], [code, true], error.message);
  return true;
};

/** Leaves two runs in a file whose owner is dead. */
async function die(store: string): Promise<void> {
  const words = ['--conditions=holdfast-source', appPath('dying'), 'die', store];
  await once(spawn(process.execPath, words, { stdio: 'inherit' }), 'exit');
}

/** Runs of every kind in a file. */
async function fill(store: string): Promise<void> {
  await die(store);
  const hf = await Holdfast.open({ store, functions: [talk, fail] });
  for (const id of ['dead 1', 'dead 2', 'dead 3']) {
    await (await hf.start(fail, null, { id })).outcome();
  }
  await hf.deadLetters.discard('dead 1');
  await hf.deadLetters.redrive('dead 2');
  await hf.start(calm, null, { id: 'calm' });
  for (const text of texts) {
    await (
      await hf.start(talk, text, { id: `talk ${text.replaceAll(/[\0\ud800]/g, '?')}` })
    ).result();
  }
  await (await hf.start(fail, null, { id: 'fail', tags: ['a', 'b'] })).outcome();
  await (await hf.start(talk, 'late', { id: 'cancelled', delayMs: 1e6 })).cancel('no more');
  await hf.start(talk, 'late', { id: 'late', delayMs: 1e6, deadlineMs: 2e6, priority: 5 });
  await hf.tenants.set('small', { runningMax: 2, weight: 3 });
  await hf.startMany(
    share,
    [1, 2, 3, 4].map((n) => ({ input: n, id: `share ${n}` })),
  );
  await hf.startMany(
    queue,
    ['a', 'b', 'c', 'd'].map((one) => ({ input: one, id: `queue ${one}` })),
  );
  await hf.lanes.pause('closed', 'for good');
  await hf.keys.create({ name: 'shop', scope: 'operate', tenant: 'small' });
  const { id } = await hf.keys.create({ name: 'console', scope: 'read' });
  await hf.keys.touch(id);
  await hf.close();
}

/** All that users can see of every run, and why those that wait do. */
async function seen(hf: Holdfast): Promise<unknown> {
  const { runs } = await hf.runs.list({ limit: 1_000 });
  const all = await Promise.all(
    runs.map(async ({ id }) => ({
      run: await hf.runs.get(id),
      parts: await hf.runs.partPage(id),
      logs: (await hf.runs.logs(id)).lines.map((line) => ({
        ...line,
        message: line.message.replaceAll('\0', '\ufffd'),
      })),
    })),
  );
  const keys = await hf.keys.rows();
  const dead = (await hf.deadLetters.list()).runs.map(({ id }) => id);
  return { all, keys, dead, pauses: await hf.pauses(), counts: await hf.runs.counts() };
}

const migrate = (from: string, to: string, ...words: string[]) =>
  call(['migrate', '--from', from, '--to', to, ...words]);

describe('a store that is moved', { concurrency: false }, () => {
  const store = folder.at('moved.db');
  let place: FreshSchema;
  let before_: unknown;
  let sealedBy = '';

  before(async () => {
    place = server.freshSchema();
    await fill(store);
  });
  after(() => place.drop());

  it('is not, while a node works on it', patience, async () => {
    await using _hf = await Holdfast.open({ store, functions: [share], name: 'busy', slots: 1 });
    const called = await migrate(store, place.url);
    assert.equal(called.exit, 6, called.err);
    assert.match(called.err, /node 'busy' \(pid \d+ on .*\) is at work in it \[store\.busy\]/);
    assert.match(called.err, /stop it \(SIGTERM lets it finish\)/);
  });

  it('arrives as it was', patience, async () => {
    {
      // What a dead node left is taken over before: that is what the move does as well.
      await using hf = await Holdfast.open({ store, functions: [broken] });
      while ((await hf.runs.counts()).running > 0);
      before_ = await seen(hf);
      sealedBy = await hf.keys.cursorSecret();
    }
    const called = await migrate(`sqlite:${store}`, place.url);
    assert.equal(called.exit, 0, called.err);
    assert.match(called.out, /^moved \d+ runs from .*moved\.db to .*\?schema=/);
    await using hf = await Holdfast.open({ store: place.url, execute: false });
    assert.deepEqual(await seen(hf), before_);
    // Cursors do not move: what sealed those of the old place stays there.
    assert.notEqual(await hf.keys.cursorSecret(), sealedBy);
    const bad = (await hf.doctor()).filter(({ level }) => level === 'bad');
    assert.deepEqual(bad, []);
  });

  it('goes on in its new place', patience, async () => {
    const functions = [queue, share, talk, fragile];
    await using hf = await Holdfast.open({ store: place.url, functions, drainGraceMs: 0 });
    await hf.start(queue, 'e', { id: 'queue e' });
    assert.equal(await hf.runs.result('queue e'), null);
    assert.deepEqual(order, ['a', 'b', 'c', 'd', 'e']);
    assert.equal(await hf.runs.result('share 4'), 4);
    assert.equal(await hf.runs.result('fragile'), 'alive');
    const run = (await hf.runs.get('fragile')) as Run;
    assert.deepEqual(
      [run.attempt, run.attempts.map(({ end }) => end)],
      [2, ['crashed', 'succeeded']],
    );
    assert.equal((await hf.runs.get('broken'))?.status, 'quarantined');
    // What flow control knew is known here.
    const same = await hf.start(calm, null);
    assert.deepEqual([same.id, same.how], ['calm', 'unique']);
    await same.cancel();
    const later = await hf.start(calm, null, { id: 'calm again' });
    await later.cancel();
    await assert.rejects(hf.start(calm, null), refused('rate.limited', /takes 2 starts/));
    await assert.rejects(hf.deadLetters.redrive('dead 1'), refused('dead.not_found', /dead 1/));
    // The same id is the same run as before.
    const again = await hf.start(talk, 'plain', { id: 'talk plain' });
    assert.equal(again.created, false);
  });

  it('is closed in its old one', patience, async () => {
    const open = Holdfast.open({ store, execute: false });
    await assert.rejects(open, refused('store.moved', /was moved to .* kept for reference/));
    const again = await migrate(store, place.url);
    assert.equal(again.exit, 0, again.err);
    const other = server.freshSchema();
    const elsewhere = await migrate(store, other.url);
    assert.match(elsewhere.err, /it was moved to .*\[store\.moved\]/);
    await other.drop();
    const back = await call(['migrate', '--from', store, '--take-back']);
    assert.match(back.err, /is complete; runs go on there \[store\.moved\]/);
  });
});

describe('moving a store', { concurrency: false }, () => {
  it('takes over from the dead before', patience, async () => {
    const store = folder.at('dead.db');
    await die(store);
    const place = server.freshSchema();
    const called = await migrate(store, place.url);
    assert.equal(called.exit, 0, called.err);
    await using hf = await Holdfast.open({ store: place.url, functions: [fragile] });
    assert.equal(await hf.runs.result('fragile'), 'alive');
    const set = await hf.runs.get('broken');
    assert.deepEqual([set?.status, set?.attempts[0]?.end], ['quarantined', 'crashed']);
    await hf.close();
    await place.drop();
  });

  it('goes on after it was killed, and nothing is doubled or lost', patience, async () => {
    const store = folder.at('large.db');
    const place = server.freshSchema();
    const runs = 30_000;
    const starter = await Holdfast.open({ store, execute: false });
    const item = { input: 'x'.repeat(100) };
    for (let made = 0; made < runs; made += 10_000) {
      await starter.startMany(
        talk,
        Array.from({ length: 10_000 }, () => item),
      );
    }
    const first = startProcess(['migrate', '--from', store, '--to', place.url]);
    const cursor = async () => {
      const text = `select value::json->>'cursor' as cursor from ${place.schema}.meta
        where key = 'move'`;
      const rows = await server.query(text).catch(() => []);
      return Number(rows[0]?.cursor ?? 0);
    };
    while ((await cursor()) < 2_000);
    first.kill('SIGKILL');
    assert.equal((await endOf(first)).signal, 'SIGKILL');
    const reached = await cursor();
    assert.ok(reached < runs, `it was too quick: ${reached}`);

    // Nobody gets at either place, not even who had one open all the time.
    await assert.rejects(starter.start(talk, 'y'), refused('store.moved', /it is moved elsewhere/));
    await starter.close();
    const old = Holdfast.open({ store, execute: false });
    await assert.rejects(old, refused('store.moved', /being moved to .* not finished/));
    const half = Holdfast.open({ store: place.url, execute: false });
    await assert.rejects(half, refused('store.moved', /is being moved into schema/));

    const called = await migrate(store, place.url, '--json');
    assert.equal(called.exit, 0, called.err);
    const { runs: moved, digest, counts } = JSON.parse(called.out);
    assert.equal(moved, runs);
    assert.match(digest, /^[0-9a-f]{64}$/);
    assert.equal(counts['stage 4'], runs);
    await using hf = await Holdfast.open({ store: place.url, functions: [talk], slots: 1_000 });
    while ((await hf.runs.counts()).done < 2_000);
    await hf.close();
    await place.drop();
  });

  it('can be given up before it is complete', patience, async () => {
    const store = folder.at('back.db');
    await (await Holdfast.open({ store, execute: false })).close();
    const place = server.freshSchema();
    {
      // Somebody else's runs: there is no way in, and the source is as it was.
      await using hf = await Holdfast.open({ store: place.url, execute: false });
      await hf.start(talk, 'here', { id: 'here' });
      const used = await migrate(store, place.url);
      assert.equal(used.exit, 6, used.err);
      assert.match(used.err, /holds runs already \[store\.busy\]\n {2}.*\?schema=/);
      await (await Holdfast.open({ store, execute: false })).close();
    }
    await place.drop();
    const nothing = await call(['migrate', '--from', store, '--take-back']);
    assert.match(nothing.err, /it is not being moved \[request\.invalid\]/);

    const db = new DatabaseSync(store);
    db.exec(`UPDATE tally SET schema = 1000000`);
    db.exec(`PRAGMA user_version = 1000000`);
    const move = { id: 'm', to: 'there', key: 'k', version: schemaVersion, leftAt: null };
    db.prepare('INSERT INTO meta VALUES (?, ?)').run('move', JSON.stringify(move));
    db.close();
    const closed = Holdfast.open({ store, execute: false });
    await assert.rejects(closed, refused('store.moved', /being moved to there/));
    const back = await call(['migrate', '--from', store, '--take-back']);
    assert.deepEqual([back.exit, back.err], [0, '']);
    await (await Holdfast.open({ store, execute: false })).close();
  });

  it('takes a file that is there, and a database', patience, async () => {
    const none = await migrate(folder.at('none.db'), server.url);
    assert.match(none.err, /there is no store at '.*none\.db' \[store\.bad_path\]/);
    const file = await migrate(folder.at('back.db'), folder.at('other.db'));
    assert.match(file.err, /takes a store in PostgreSQL \[request\.invalid\]/);
    const lone = await call(['migrate', '--take-back']);
    assert.match(lone.err, /--take-back was given without --from/);
  });
});
