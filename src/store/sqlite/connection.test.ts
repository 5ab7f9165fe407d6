import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { folder } from '../../../tests/sqlite/scene.ts';
import { systemClock } from '../../system/clock.ts';
import { openWriter } from './connection.ts';
import { schemaVersion } from './migrations.ts';
import { query, scalar } from './statement.ts';
import { realPath } from './store-path.ts';

const clock = systemClock();

const open = (path: string, busyPatienceMs = 50): DatabaseSync =>
  openWriter({ path, durability: 'full', busyPatienceMs }, clock, 'unique');

/** Opens what is not a store: the refusal has this code, and not a byte of the file is changed. */
function refusesUntouched(path: string, code: string): void {
  const before = readFileSync(path);
  assert.throws(() => open(path), { code });
  assert.ok(readFileSync(path).equals(before), 'the file was changed');
}

test('a new store is made with its log, its durability, and for its owner only', async (t) => {
  const path = join(await folder(t), 'store.db');
  const db = open(path);
  assert.equal(scalar(db, 'PRAGMA journal_mode'), 'wal');
  assert.equal(scalar(db, 'PRAGMA synchronous'), 2);
  assert.equal(scalar(db, 'PRAGMA user_version'), schemaVersion);
  db.close();
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('relaxed durability syncs at checkpoints only', async (t) => {
  const path = join(await folder(t), 'store.db');
  const db = openWriter({ path, durability: 'relaxed', busyPatienceMs: 50 }, clock, 'unique');
  assert.equal(scalar(db, 'PRAGMA synchronous'), 1);
  db.close();
});

test('an empty file becomes a store', async (t) => {
  const path = join(await folder(t), 'store.db');
  writeFileSync(path, '');
  open(path).close();
  assert.ok(statSync(path).size > 0);
});

test('a file that is no database is refused and left as it is', async (t) => {
  const base = await folder(t);
  const contents = { 'ten.db': '0123456789', 'text.db': 'no database\n'.repeat(1_000) };
  for (const [name, content] of Object.entries(contents)) {
    writeFileSync(join(base, name), content);
    refusesUntouched(join(base, name), 'store.corrupt');
  }
  writeFileSync(join(base, 'zero.db'), Buffer.alloc(8_192));
  refusesUntouched(join(base, 'zero.db'), 'store.corrupt');
});

test('a database of another program is refused and left as it is', async (t) => {
  const base = await folder(t);
  const withTables = join(base, 'tables.db');
  const db = new DatabaseSync(withTables);
  db.exec('CREATE TABLE notes (text TEXT)');
  db.close();
  refusesUntouched(withTables, 'store.corrupt');
  const withId = join(base, 'id.db');
  const other = new DatabaseSync(withId);
  other.exec('PRAGMA application_id = 7');
  other.close();
  refusesUntouched(withId, 'store.corrupt');
});

test('a store of a newer schema is refused and left as it is', async (t) => {
  const path = join(await folder(t), 'store.db');
  const db = open(path);
  db.exec(`PRAGMA user_version = ${schemaVersion + 1}`);
  db.close();
  refusesUntouched(path, 'store.newer_schema');
});

test('a damaged store is refused and left as it is', async (t) => {
  const path = join(await folder(t), 'store.db');
  const db = open(path);
  const put = query(db, 'INSERT INTO inputs (seq, input) VALUES (?, ?)');
  for (let seq = 1; seq <= 200; seq += 1) put.run(seq, 'x'.repeat(500));
  db.close();
  const bytes = readFileSync(path);
  bytes.fill(0xa5, Math.floor(bytes.length / 2), Math.floor(bytes.length / 2) + 20_000);
  writeFileSync(path, bytes);
  refusesUntouched(path, 'store.corrupt');
});

test('a store that was cut off is refused and left as it is', async (t) => {
  const path = join(await folder(t), 'store.db');
  open(path).close();
  writeFileSync(path, readFileSync(path).subarray(0, 20_000));
  refusesUntouched(path, 'store.corrupt');
});

test('a path that can hold no store is refused with the reason', async (t) => {
  const base = await folder(t);
  mkdirSync(join(base, 'inner'));
  writeFileSync(join(base, 'file'), '');
  const refusal = (path: string, message: RegExp): void =>
    assert.throws(() => open(path), { code: 'store.bad_path', message });
  refusal(join(base, 'inner'), /is a folder/);
  refusal(join(base, 'missing', 'store.db'), /does not exist/);
  refusal(join(base, 'file', 'store.db'), /is not a folder/);
  refusal(join(base, 'zero\0byte'), /zero byte/);
  if (process.platform === 'linux') refusal('/dev/null', /not a regular file/);
});

test('a folder or file that cannot be written is refused', async (t) => {
  if (process.getuid?.() === 0) {
    // To root everything seems writable; a file system that makes no files is refused by SQLite.
    if (process.platform !== 'linux') return t.skip('root may write everywhere');
    assert.throws(() => open('/proc/store.db'), { code: 'store.bad_path' });
    return;
  }
  const base = await folder(t);
  mkdirSync(join(base, 'closed'), { mode: 0o500 });
  const inClosed = join(base, 'closed', 'store.db');
  assert.throws(() => open(inClosed), { code: 'store.bad_path', message: /cannot be written/ });
  writeFileSync(join(base, 'closed.db'), '', { mode: 0o400 });
  assert.throws(() => open(join(base, 'closed.db')), { code: 'store.bad_path' });
});

test('a database that another connection has locked is waited for, then refused', async (t) => {
  const path = join(await folder(t), 'store.db');
  const other = new DatabaseSync(path);
  other.exec('BEGIN EXCLUSIVE');
  t.after(() => other.close());
  const startedAt = clock.mono();
  assert.throws(() => open(path, 60), { code: 'store.busy' });
  assert.ok(clock.mono() - startedAt >= 60);
});

test('a store has one name, whatever links lead to it', async (t) => {
  const base = realPath(await folder(t));
  mkdirSync(join(base, 'real'));
  symlinkSync(join(base, 'real'), join(base, 'link'));
  assert.equal(realPath(join(base, 'link', 'store.db')), join(base, 'real', 'store.db'));
  writeFileSync(join(base, 'real', 'store.db'), '');
  symlinkSync(join(base, 'real', 'store.db'), join(base, 'alias.db'));
  assert.equal(realPath(join(base, 'alias.db')), join(base, 'real', 'store.db'));
});
