import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { wallMs } from '../../core/time.ts';
import { migration1 } from './migration-1.ts';
import { migrate, migrations, natureOf } from './migrations.ts';
import { query, scalar } from './statement.ts';
import { openTally } from './tally.ts';

const now = wallMs(1_000);
const secondStep = 'ALTER TABLE nodes ADD COLUMN zone TEXT';

function migrated(steps: readonly string[], db = new DatabaseSync(':memory:')): DatabaseSync {
  db.exec('BEGIN IMMEDIATE');
  migrate(db, 'the path', now, steps);
  db.exec('COMMIT');
  return db;
}

test('an empty file gets all steps, our application id and the version', () => {
  const db = migrated([migration1, secondStep]);
  assert.deepEqual(natureOf(db), { is: 'ours', version: 2 });
  assert.equal(scalar(db, 'SELECT zone FROM nodes'), null);
  assert.equal(scalar(db, "SELECT value FROM meta WHERE key = 'created_at'"), '1000');
});

test('an older file gets only the steps that it lacks, and keeps its rows', () => {
  const db = migrated([migration1]);
  query(db, "INSERT INTO pauses VALUES ('lane', 'a', 'why', 1)").run();
  migrated([migration1, secondStep], db);
  assert.deepEqual(natureOf(db), { is: 'ours', version: 2 });
  assert.equal(scalar(db, 'SELECT key FROM pauses'), 'a');
  assert.equal(scalar(db, "SELECT value FROM meta WHERE key = 'migrated_to_2_at'"), '1000');
});

test('a file of the newest version is not touched', () => {
  const db = migrated([migration1]);
  const before = scalar(db, 'SELECT total_changes()');
  migrated([migration1], db);
  assert.equal(scalar(db, 'SELECT total_changes()'), before);
});

test('a step that fails leaves the old schema', () => {
  const db = migrated([migration1]);
  assert.throws(() => migrated([migration1, secondStep, 'NONSENSE'], db));
  db.exec('ROLLBACK');
  assert.deepEqual(natureOf(db), { is: 'ours', version: 1 });
  assert.throws(() => scalar(db, 'SELECT zone FROM nodes'));
});

test('a process notices that a newer version migrated the file under it', () => {
  const db = migrated(migrations);
  const tally = openTally(db);
  tally.begin();
  assert.equal(tally.look().nextSeq, 1);
  migrated([...migrations, secondStep], db);
  tally.begin();
  assert.throws(() => tally.look(), { code: 'store.newer_schema' });
});
