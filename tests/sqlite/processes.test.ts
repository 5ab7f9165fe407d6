/** Several processes on one file: opening, fairness, freezing, dying. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { setImmediate as immediate } from 'node:timers/promises';
import { openSqliteStore } from '../../src/store/sqlite/sqlite-store.ts';
import { systemClock } from '../../src/system/clock.ts';
import { child, folder, item, opened } from './scene.ts';

test('many processes may open a new file at once', async (t) => {
  const path = join(await folder(t), 'store.db');
  const children = Array.from({ length: 6 }, () => child(t, 'open-together', path));
  await Promise.all(children.map((one) => one.hear()));
  for (const one of children) one.go();
  assert.deepEqual(await Promise.all(children.map((one) => one.gone)), [0, 0, 0, 0, 0, 0]);
  const store = await opened(t, { path });
  assert.equal((await store.counts()).queued, 6);
});

/** What several processes say that worked on one file at once for a second. */
async function together<Said>(t: TestContext, mode: string, processes: number) {
  const path = join(await folder(t), 'store.db');
  await (await openSqliteStore({ path })).close();
  const children = Array.from({ length: processes }, () => child(t, mode, path, '1000'));
  await Promise.all(children.map((one) => one.hear()));
  for (const one of children) one.go();
  return (await Promise.all(children.map((one) => one.hear()))) as readonly Said[];
}

interface Hogged {
  readonly rounds: number;
  readonly waits: number;
  readonly passedByMax: number;
}

interface Hammered {
  readonly runs: number;
  readonly waits: number;
  readonly waitMsMax: number;
}

for (const processes of [2, 3]) {
  test(`${processes} processes that give the store back for an instant take turns`, async (t) => {
    const shares = await together<Hogged>(t, 'hog', processes);
    const all = shares.reduce((sum, { rounds }) => sum + rounds, 0);
    for (const { rounds, waits, passedByMax } of shares) {
      assert.ok(rounds >= all / processes / 2, `one had it ${rounds} times of ${all}`);
      assert.ok(waits >= rounds / 2, `one let others in before ${waits} of ${rounds} rounds`);
      assert.ok(passedByMax <= 40, `one was passed by ${passedByMax} times`);
    }
  });

  test(`${processes} processes that start runs without a pause share fairly`, async (t) => {
    const shares = await together<Hammered>(t, 'hammer', processes);
    const all = shares.reduce((sum, { runs }) => sum + runs, 0);
    for (const { runs, waits, waitMsMax } of shares) {
      assert.ok(runs >= all / processes / 2, `one wrote ${runs} of ${all}`);
      assert.ok(waits > 0, 'they met each other');
      // Some 20 ms on a quiet machine; a busy one may take the processor away for longer.
      assert.ok(waitMsMax <= 1_000, `one waited ${waitMsMax} ms`);
    }
  });
}

test('a call waits for a store that is held, for as long as its patience', async (t) => {
  const path = join(await folder(t), 'store.db');
  const store = await opened(t, { path, busyPatienceMs: 150 });
  const holder = child(t, 'hold', path);
  await holder.hear();
  const since = systemClock().mono();
  await assert.rejects(store.start([item()]), { code: 'store.busy', retry: 'after' });
  assert.ok(systemClock().mono() - since >= 150);
  assert.ok(store.counters().waits > 0);
  const free = holder.hear();
  holder.go();
  await free;
  const { reply } = await store.start([item()]);
  assert.equal(reply[0]?.ok, true);
});

test('opening a file that is held for too long is refused', async (t) => {
  const path = join(await folder(t), 'store.db');
  await (await openSqliteStore({ path })).close();
  const holder = child(t, 'hold', path);
  await holder.hear();
  const opening = openSqliteStore({ path, busyPatienceMs: 100 });
  await assert.rejects(opening, { code: 'store.busy' });
});

test('reads go on while another process holds the lock for writing', async (t) => {
  const path = join(await folder(t), 'store.db');
  const store = await opened(t, { path });
  await store.start([item()]);
  await child(t, 'hold', path).hear();
  assert.equal((await store.counts()).queued, 1);
});

/** A signal is on its way when `kill` returns; the process table says when it has arrived. */
async function frozenInFact(pid: number | undefined): Promise<void> {
  const stat = (): string => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /s, '');
  while (!stat().startsWith('T')) await immediate();
}

test('the process that is frozen in the middle of a write is named', async (t) => {
  if (!existsSync('/proc/locks')) return t.skip('this system does not tell who holds a lock');
  const path = join(await folder(t), 'store.db');
  const store = await opened(t, { path });
  const holder = child(t, 'hold', path);
  await holder.hear();
  const lock = async () => (await store.examine()).find(({ check }) => check === 'lock');
  assert.match(
    (await lock())?.message ?? '',
    new RegExp(`process ${holder.process.pid} is writing`),
  );
  holder.process.kill('SIGSTOP');
  await frozenInFact(holder.process.pid);
  const frozen = await lock();
  assert.equal(frozen?.level, 'bad');
  assert.match(frozen?.message ?? '', new RegExp(`kill -KILL ${holder.process.pid}`));
  holder.process.kill('SIGKILL');
  await holder.gone;
  assert.equal((await lock())?.level, 'ok');
});

test('a process that is frozen with the turn is passed by', async (t) => {
  const path = join(await folder(t), 'store.db');
  const store = await opened(t, { path });
  const turn = child(t, 'hold-turn', `${path}-turn`);
  await turn.hear();
  turn.process.kill('SIGSTOP');
  const litAt = systemClock().mono() / 1_000;
  utimesSync(`${path}-turn`, litAt, litAt);
  const { reply } = await store.start([item()]);
  assert.equal(reply[0]?.ok, true);
  assert.equal(store.counters().bypasses, 1);
});

test('a store that is left open does not keep the process alive', async (t) => {
  const path = join(await folder(t), 'store.db');
  assert.equal(await child(t, 'leave-open', path).gone, 0);
});

test('a call that is not answered yet does keep the process alive', async (t) => {
  const path = join(await folder(t), 'store.db');
  const waiting = child(t, 'await-answer', path);
  let said = '';
  waiting.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  assert.equal(await waiting.gone, 0);
  assert.equal(said, 'acknowledged\n');
});

test('nothing that was acknowledged is lost when the process is killed', async (t) => {
  const path = join(await folder(t), 'store.db');
  const acknowledged: string[] = [];
  for (const killAfter of [1, 150, 400]) {
    const writing = child(t, 'acknowledge', path);
    let lines = '';
    writing.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      lines += text;
      if (lines.split('\n').length > killAfter) writing.process.kill('SIGKILL');
    });
    assert.equal(await writing.gone, 'SIGKILL', writing.complained());
    acknowledged.push(...lines.split('\n').slice(0, -1));
  }
  assert.ok(acknowledged.length > 550);
  const store = await opened(t, { path });
  const { ended, unknown } = await store.ends(acknowledged);
  assert.deepEqual([ended, unknown], [[], []]);
  const findings = await store.examine();
  assert.deepEqual(
    findings.filter(({ level }) => level === 'bad'),
    [],
  );
});
