/** Cancelling from another process, also where the code does not listen. G4, G5, G7. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { spinGraceMs } from './functions.ts';
import { assertEndedOnce } from './ledger.ts';
import { scene, times } from './scene.ts';
import { hostMs } from './wait.ts';

/** Between the call of `cancel` and the abort of the signal: a wake-up, far below any interval. */
const signalMsMax = 2_000;
/** What others give an owner after the grace; see docs/internals/liveness.md. */
const overdueMs = 2_000;
const endMsMax = spinGraceMs + overdueMs + 5_000;

test('G5: a cancel from another process reaches a running handler at once', async (t) => {
  const made = await scene(t);
  // Heartbeat and poll, which bring orders as well, come too late to be what is measured.
  await made.worker('worker', { leaseTtlMs: 60_000, heartbeatMs: 20_000, pollMs: 20_000 });
  const runs = await made.start('hold', times(4, {}));
  await made.ledger.until(4, 'begin');
  const hf = await made.observe();
  const tookMs: number[] = [];
  for (const run of runs) {
    const cancelledAt = hostMs();
    assert.deepEqual(await hf.runs.cancel(run, 'changed our mind'), { state: 'stopping' });
    const [stopped] = await made.ledger.until(1, 'stopped', { run }, signalMsMax);
    tookMs.push((stopped?.at ?? Number.NaN) - cancelledAt);
  }
  t.diagnostic(`signalled after ${tookMs.map((ms) => ms.toFixed(1)).join(', ')} ms`);
  assert.ok(Math.max(...tookMs) <= signalMsMax);
  for (const { kind, error } of await made.outcomes(runs)) {
    assert.deepEqual([kind, error?.message], ['cancelled', 'changed our mind']);
  }
});

test('G4 G5: others end a handler that blocks for good; its death frees the lane', async (t) => {
  const made = await scene(t);
  const { ledger } = made;
  const lane = { key: 'line', width: 1 };
  const blocked = await made.worker('blocked', {});
  const [spinning = ''] = await made.start('spin', [{ ms: 120_000, lane }]);
  await ledger.until(1, 'begin', { node: 'blocked' });
  const heir = await made.worker('heir', {});
  const [next = ''] = await made.start('work', [{ lane }]);

  const hf = await made.observe();
  const cancelledAt = hostMs();
  assert.deepEqual(await hf.runs.cancel(spinning, 'stuck'), { state: 'stopping' });
  const [outcome] = await made.outcomes([spinning], endMsMax);
  const endMs = hostMs() - cancelledAt;
  t.diagnostic(`ended ${endMs.toFixed(0)} ms after cancel, with a grace of ${spinGraceMs} ms`);
  assert.equal(outcome?.kind, 'cancelled');
  assert.ok(endMs >= spinGraceMs, `${endMs} ms: the owner had its grace`);

  // The code still executes, so the lane stays held while everything else goes on.
  const others = await made.start('work', times(20, {}));
  await made.outcomes(others);
  const held = (await hf.lanes.list()).find((one) => one.lane === lane.key);
  assert.deepEqual([held?.holders, held?.waiting], [[spinning], 1]);
  assert.equal((await made.run(next)).gate, 'lane');
  assert.deepEqual(ledger.of('begin', { run: next }), []);
  assert.equal((await heir.stats()).takenOver, 0);

  const killedAt = hostMs();
  await blocked.kill();
  const [begun] = await ledger.until(1, 'begin', { run: next }, 5_000);
  t.diagnostic(`lane free ${((begun?.at ?? 0) - killedAt).toFixed(0)} ms after its owner's death`);
  await made.outcomes([next]);
  assertEndedOnce(ledger, [next, ...others]);
  // The outcome of the spinning run was final before its owner died.
  assert.equal((await made.run(spinning)).outcome?.kind, 'cancelled');
  assert.equal(ledger.of('begin', { run: spinning }).length, 1);
});
