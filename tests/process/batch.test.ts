/**
 * SIGKILL in the middle of a batch: runs that had their verdict keep it and are not done again;
 * the others are taken over, each by itself, and get theirs.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Holdfast } from 'holdfast';
import { type BatchOrder, type BatchWord, batchMax, halves } from './batch-worker.ts';
import { patienceMs, within } from './wait.ts';

/** A worker, and when it says something. */
function worker(t: TestContext, order: BatchOrder) {
  const child: ChildProcess = fork(
    join(import.meta.dirname, 'batch-worker.ts'),
    [JSON.stringify(order)],
    { execArgv: ['--conditions=holdfast-source'] },
  );
  t.after(() => child.kill('SIGKILL'));
  const heard = { ready: Promise.withResolvers<void>(), half: Promise.withResolvers<void>() };
  child.on('message', ({ said }: BatchWord) => heard[said].resolve());
  const hear = (said: BatchWord['said']) => within(patienceMs, said, heard[said].promise);
  return { child, hear };
}

test('a batch goes on run by run where its killed process was', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-batch-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const order = { store: join(folder, 'store.db'), witness: join(folder, 'witness') };
  writeFileSync(order.witness, '');
  const fn = halves(null, () => {});
  const hf = await Holdfast.open({ store: order.store, functions: [fn], execute: false });
  t.after(() => hf.close());
  const inputs = Array.from({ length: batchMax }, (_, n) => n + 1);
  const started = await hf.startMany(
    fn,
    inputs.map((input) => ({ input })),
  );
  const runs = started.map((one) => {
    assert.ok(one.ok);
    return one.run;
  });
  const victim = worker(t, { ...order, stalls: true });
  await victim.hear('half');
  const early = runs.slice(0, batchMax / 2);
  for (const run of early) await run.result({ timeoutMs: patienceMs });
  assert.equal((await hf.runs.counts()).running, batchMax / 2);
  victim.child.kill('SIGKILL');
  await once(victim.child, 'exit');

  const heir = worker(t, { ...order, stalls: false });
  await heir.hear('ready');
  const results = await Promise.all(runs.map((run) => run.result({ timeoutMs: patienceMs })));
  assert.deepEqual(
    results,
    inputs.map((input) => input * 2),
  );
  const lines = readFileSync(order.witness, 'latin1').trim().split('\n').sort();
  const half = batchMax / 2;
  assert.deepEqual(
    lines,
    inputs.map((input) => `${input} ${input <= half ? 1 : 2}`),
    'nothing that had its verdict was done again',
  );
  heir.child.kill('SIGTERM');
  await once(heir.child, 'exit');
});
