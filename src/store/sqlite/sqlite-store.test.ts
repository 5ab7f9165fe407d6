import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import test from 'node:test';
import { card, folder, item, opened } from '../../../tests/sqlite/scene.ts';
import type { NodeKey } from '../../core/execution/run.ts';
import type { Beat } from '../../ports/store-nodes.ts';
import { systemClock } from '../../system/clock.ts';
import { openChannel } from './channel.ts';
import { counterNames } from './messages.ts';
import { openSqliteStore, type SqliteStore } from './sqlite-store.ts';
import { scalar } from './statement.ts';

const clock = systemClock();

async function joined(store: SqliteStore): Promise<NodeKey> {
  const verdict = await store.join(card);
  assert.ok(verdict.ok);
  return verdict.node;
}

test('many concurrent starts share few transactions, and each gets its verdict', async (t) => {
  const store = await opened(t, { path: join(await folder(t), 'store.db') });
  const items = Array.from({ length: 500 }, () => item());
  const answers = await Promise.all(items.map((one) => store.start([one])));
  assert.deepEqual(
    answers.map(({ reply }) => reply[0]),
    items.map(({ id }) => ({ ok: true, id, created: true })),
  );
  const { transactions, verbs } = store.counters();
  assert.equal(verbs, 500);
  assert.ok(transactions <= 50, `${transactions} transactions`);
});

test('a promise resolves after the commit: another connection sees the run', async (t) => {
  const path = join(await folder(t), 'store.db');
  const store = await opened(t, { path });
  const other = new DatabaseSync(path, { readOnly: true });
  t.after(() => other.close());
  for (let n = 1; n <= 20; n += 1) {
    await store.start([item()]);
    assert.equal(scalar(other, 'SELECT count(*) FROM runs'), n);
  }
});

test('a read sees every write that was answered before it', async (t) => {
  const store = await opened(t, { path: join(await folder(t), 'store.db') });
  for (let n = 0; n < 20; n += 1) {
    const one = item();
    await store.start([one]);
    assert.equal((await store.get(one.id))?.id, one.id);
  }
});

test('after closing, calls are refused; what was called before is answered', async (t) => {
  const base = await folder(t);
  const store = await openSqliteStore({ path: join(base, 'store.db') });
  await store.counts();
  const before = store.start([item()]);
  const closing = store.close();
  await assert.rejects(store.start([item()]), { code: 'store.closed' });
  await assert.rejects(store.counts(), { code: 'store.closed' });
  await closing;
  await store.close();
  assert.equal((await before).reply[0]?.ok, true);
  assert.deepEqual(readdirSync(base), ['store.db'], 'the log is copied into the file and gone');
});

test('a refusal to open has its code and leaves no thread behind', async (t) => {
  const path = join(await folder(t), 'store.db');
  writeFileSync(path, 'something else');
  await assert.rejects(openSqliteStore({ path }), { code: 'store.corrupt', retry: 'never' });
  await assert.rejects(openSqliteStore({ path: join(path, '..') }), { code: 'store.bad_path' });
});

test('a thread that dies fails what is awaited and all that follows', async (t) => {
  const path = join(await folder(t), 'store.db');
  const counters = new SharedArrayBuffer(8 * counterNames.length);
  const setup = { path, durability: 'full', busyPatienceMs: 50, unique: 'u', counters } as const;
  const channel = await openChannel('writer', setup, clock, () => {});
  const notShared = new ArrayBuffer(3) as unknown as SharedArrayBuffer;
  const deadly = { keeper: 1, node: 1 as NodeKey, everyMs: 1, renewed: notShared } as const;
  channel.tell({ order: 'keep', ...deadly });
  const awaited = channel.call('start', [[item()]]);
  await assert.rejects(awaited, { code: 'store.unavailable' });
  await assert.rejects(channel.call('start', [[item()]]), { code: 'store.unavailable' });
  await channel.close();
});

test('an argument that no thread can get fails the call, not the process', async (t) => {
  const store = await opened(t, { path: join(await folder(t), 'store.db') });
  const odd = item({ input: (() => {}) as unknown as string });
  await assert.rejects(store.start([odd]), { code: 'internal.defect' });
  assert.equal((await store.start([item()])).reply[0]?.ok, true);
});

test('heartbeats go on while the event loop is blocked, and are known at once', async (t) => {
  const store = await opened(t, { path: join(await folder(t), 'store.db') });
  const node = await joined(store);
  const keeper = store.keepAlive({
    node,
    everyMs: 10,
    ttlMs: 15_000,
    onBeat: () => assert.fail('no message can be read while the event loop is blocked'),
    onFenced: () => assert.fail('the node lives'),
  });
  const joinedAt = keeper.lastRenewalStarted();
  assert.ok(joinedAt > 0 && joinedAt <= clock.mono());
  const giveUpAt = clock.mono() + 10_000;
  const renewals = new Set<number>();
  while (renewals.size < 5 && clock.mono() < giveUpAt) renewals.add(keeper.lastRenewalStarted());
  const stopped = keeper.stop();
  assert.equal(renewals.size, 5);
  await stopped;
});

test('a heartbeat brings news, and the refused one is the last', async (t) => {
  const path = join(await folder(t), 'store.db');
  const store = await opened(t, { path });
  const other = await opened(t, { path });
  const node = await joined(store);
  const beats: Beat[] = [];
  let fences = 0;
  await new Promise<void>((fenced) => {
    store.keepAlive({
      node,
      everyMs: 5,
      ttlMs: 15_000,
      onBeat(beat) {
        beats.push(beat);
        if (beats.length > 1) return;
        const detail = { code: 'attempt.crashed', message: 'proven dead' };
        void other.recover(node, { kind: 'process-gone', detail }, 10);
      },
      onFenced() {
        fences += 1;
        fenced();
      },
    });
  });
  const beatsThen = beats.length;
  assert.equal(beats[0]?.nodes[0]?.name, card.name);
  await store.sweep(1);
  assert.deepEqual([fences, beats.length], [1, beatsThen]);
});

test('a full disk is a refusal, and nothing accepted is lost by it', async (t) => {
  const mount = mkdtempSync(join(tmpdir(), 'holdfast-sqlite-small-'));
  t.after(() => {
    spawnSync('umount', ['-l', mount]);
    rmdirSync(mount);
  });
  const options = ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', mount];
  if (process.platform !== 'linux' || spawnSync('mount', options).status !== 0) {
    return t.skip('only root of a Linux may mount a small disk');
  }
  const ballast = join(mount, 'ballast');
  writeFileSync(ballast, Buffer.alloc(200_000));
  const store = await openSqliteStore({ path: join(mount, 'store.db') });
  const kept: string[] = [];
  const fill = async (): Promise<void> => {
    for (;;) {
      const one = item({ input: JSON.stringify('x'.repeat(10_000)) });
      await store.start([one]);
      kept.push(one.id);
    }
  };
  await assert.rejects(fill(), { code: 'store.full', retry: 'after' });
  assert.ok(kept.length > 0);
  assert.deepEqual((await store.ends(kept)).unknown, []);
  rmSync(ballast);
  assert.equal((await store.start([item()])).reply[0]?.ok, true);
  assert.deepEqual((await store.ends(kept)).unknown, []);
  await store.close();
});

test('a healthy store is examined without a complaint', async (t) => {
  const store = await opened(t, { path: join(await folder(t), 'store.db') });
  await store.start([item()]);
  const findings = await store.examine();
  assert.deepEqual(
    findings.filter(({ level, check }) => level !== 'ok' && check !== 'disk'),
    [],
  );
  const checks = findings.map(({ check }) => check);
  for (const check of ['schema', 'durability', 'integrity', 'lock', 'log', 'disk', 'permissions']) {
    assert.ok(checks.includes(check), `${check} is examined`);
  }
});
