import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, DatabaseSync } from 'node:sqlite';
import test, { type TestContext } from 'node:test';
import { card, folder, item } from '../../../tests/sqlite/scene.ts';
import type { HoldfastError } from '../../core/errors.ts';
import { type MonoMs, monoMs } from '../../core/time.ts';
import type { Clock } from '../../ports/clock.ts';
import type { StartItem } from '../../ports/store-runs.ts';
import { systemClock } from '../../system/clock.ts';
import type { VerbName } from '../verbs/verbs.ts';
import { openWriter } from './connection.ts';
import { openGroups, type Waiting } from './group.ts';
import { scalar } from './statement.ts';
import { openTables } from './tables.ts';
import { openTurnstile } from './turnstile.ts';

const clock = systemClock();

/** By default time stands still within a group, so that a busy machine does not end it early. */
async function scene(t: TestContext, mono: Clock['mono'] = () => monoMs(1)) {
  const busyPatienceMs = 50;
  const path = join(await folder(t), 'store.db');
  const ask = { path, durability: 'full', busyPatienceMs } as const;
  const db = openWriter(ask, clock, 'unique');
  const turnstile = openTurnstile(`${path}-turn`, clock.mono, 'unique');
  const tables = openTables(db, () => []);
  t.after(() => {
    turnstile.close();
    db.close();
  });
  const groups = openGroups({
    ask,
    db,
    tables,
    turnstile,
    clock: { ...clock, mono },
    boot: 'boot',
  });
  return { path, db, groups };
}

type Answer = { readonly value?: unknown; readonly code?: HoldfastError['code'] };

/** Calls that note their answers. */
function calls() {
  const queue: Waiting[] = [];
  const answers: Answer[] = [];
  const add = (verb: VerbName, args: readonly unknown[], givesUpAt?: MonoMs): void => {
    const at = answers.push({}) - 1;
    queue.push({
      verb,
      args,
      givesUpAt: givesUpAt ?? monoMs(clock.mono() + 1_000),
      done: (value) => {
        answers[at] = { value };
      },
      failed: ({ code }) => {
        answers[at] = { code };
      },
    });
  };
  return { queue, answers, add, start: (one: StartItem) => add('start', [[one]]) };
}

const runsIn = (db: DatabaseSync): unknown => scalar(db, 'SELECT count(*) FROM runs');

test('all calls that wait share one transaction', async (t) => {
  const { db, groups } = await scene(t);
  const { queue, start, answers } = calls();
  for (let n = 0; n < 20; n += 1) start(item());
  groups.run(queue);
  assert.deepEqual({ ...groups.counts }, { transactions: 1, verbs: 20, repeats: 0 });
  assert.equal(queue.length, 0);
  assert.ok(answers.every(({ value }) => value !== undefined));
  assert.equal(runsIn(db), 20);
});

test('a call is answered after the commit, not before', async (t) => {
  const { path, db, groups } = await scene(t);
  const other = new DatabaseSync(path, { readOnly: true });
  t.after(() => other.close());
  const { queue, add } = calls();
  let seen: unknown;
  add('start', [[item()]]);
  queue[0] = {
    ...(queue[0] as Waiting),
    done: () => {
      seen = [db.isTransaction, scalar(other, 'SELECT count(*) FROM runs')];
    },
  };
  groups.run(queue);
  assert.deepEqual(seen, [false, 1]);
});

test('a call that throws spoils no other', async (t) => {
  const { db, groups } = await scene(t);
  const { queue, start, answers } = calls();
  const taken = item();
  for (const one of [item(), taken, taken, item()]) start(one);
  groups.run(queue);
  const [first, second, third, fourth] = answers.map(({ code }) => code);
  assert.deepEqual([first, second, fourth], [undefined, undefined, undefined]);
  assert.equal(third, 'internal.defect');
  assert.equal(runsIn(db), 3);
  assert.equal(scalar(db, 'SELECT stage_slot FROM tally'), 3);
  assert.equal(groups.counts.repeats, 1);
});

test('what a rolled back transaction remembered is forgotten', async (t) => {
  const { db, groups } = await scene(t);
  const { queue, start, answers } = calls();
  const taken = item();
  start(taken);
  groups.run(queue);
  const policy = { ...taken.policy, crashesMax: 9 };
  start({ ...taken, policy });
  groups.run(queue);
  start(item({ policy: { ...policy, crashesMax: 7 } }));
  start(item({ policy }));
  groups.run(queue);
  assert.ok(answers.slice(2).every(({ value }) => value !== undefined));
  assert.equal(scalar(db, 'SELECT count(DISTINCT policy) FROM runs'), 3);
  assert.equal(
    scalar(db, 'SELECT count(*) FROM runs JOIN policies USING (policy)'),
    scalar(db, 'SELECT count(*) FROM runs'),
  );
});

test('a long group ends early and leaves the rest for the next', async (t) => {
  let now = 0;
  const { groups } = await scene(t, () => {
    now += 4;
    return monoMs(now);
  });
  const { queue, start, answers } = calls();
  for (let n = 0; n < 7; n += 1) start(item());
  const left: number[] = [];
  while (queue.length > 0) {
    groups.run(queue);
    left.push(queue.length);
  }
  assert.deepEqual(left, [4, 1, 0]);
  assert.ok(answers.every(({ value }) => value !== undefined));
});

test('only calls whose patience is over are refused while the store is held', async (t) => {
  const { path, groups } = await scene(t, clock.mono);
  const other = new DatabaseSync(path);
  t.after(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  const { queue, add, answers } = calls();
  add('start', [[item()]], monoMs(clock.mono() + 20));
  add('start', [[item()]], monoMs(clock.mono() + 10_000));
  groups.run(queue);
  assert.deepEqual(answers[0], { code: 'store.busy' });
  assert.equal(queue.length, 1);
  other.exec('ROLLBACK');
  groups.run(queue);
  assert.ok(answers[1]?.value !== undefined);
});

test('a full disk refuses what needs space, and nothing else is lost', async (t) => {
  const { db, groups } = await scene(t);
  const { queue, start, answers, add } = calls();
  const pages = Number(scalar(db, 'PRAGMA page_count'));
  db.exec(`PRAGMA max_page_count = ${pages + 40}`);
  start(item());
  start(item({ input: JSON.stringify('x'.repeat(1_000_000)) }));
  start(item());
  groups.run(queue);
  assert.deepEqual(
    answers.map(({ code }) => code),
    [undefined, 'store.full', undefined],
  );
  add('join', [card]);
  groups.run(queue);
  assert.ok(answers[3]?.value !== undefined);
  assert.equal(runsIn(db), 2);
});

test('a group of heartbeats alone is not synced, any other group is', async (t) => {
  const { db, groups } = await scene(t);
  const levels: (string | null)[] = [];
  db.setAuthorizer((action, name, value) => {
    if (action === constants.SQLITE_PRAGMA && name === 'synchronous') levels.push(value);
    return constants.SQLITE_OK;
  });
  const { queue, add, answers } = calls();
  add('join', [card]);
  groups.run(queue);
  assert.deepEqual(levels, []);
  add('beat', [1]);
  groups.run(queue);
  assert.deepEqual(levels, ['NORMAL', 'FULL']);
  add('beat', [1]);
  add('start', [[item()]]);
  groups.run(queue);
  assert.deepEqual(levels, ['NORMAL', 'FULL']);
  assert.equal(scalar(db, 'PRAGMA synchronous'), 2);
  assert.equal(answers.length, 4);
});

test('a file that is gone or replaced is noticed, and again when it is back', async (t) => {
  let now = 0;
  const { path, groups } = await scene(t, () => {
    now += 1_000;
    return monoMs(now);
  });
  const { queue, start, answers } = calls();
  const next = (): Answer | undefined => {
    start(item());
    groups.run(queue);
    return answers.at(-1);
  };
  renameSync(path, `${path}-away`);
  assert.deepEqual(next(), { code: 'store.unavailable' });
  writeFileSync(path, '');
  assert.deepEqual(next(), { code: 'store.unavailable' });
  renameSync(`${path}-away`, path);
  assert.ok(next()?.value !== undefined);
});
