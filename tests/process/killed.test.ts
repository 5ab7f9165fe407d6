/** SIGKILL: the work of a dead process goes on elsewhere, and ends once. G1, G2, G3, G7. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { assertEndedOnce } from './ledger.ts';
import { scene, times } from './scene.ts';
import { hostMs, patienceMs, within } from './wait.ts';

/** G7: a dead process on this host is taken over from within this. */
const takeoverMsMax = 5_000;

test('G1 G2 G3 G7: another node runs the work of a killed one within 5 s, once', async (t) => {
  const made = await scene(t);
  const { ledger } = made;
  const victim = await made.worker('victim');
  const held = await made.start('hold', times(8, {}));
  await ledger.until(8, 'begin', { node: 'victim' });
  const heir = await made.worker('heir');
  const others = await made.start('work', times(100, { turns: 2 }));

  const killedAt = hostMs();
  await victim.kill();
  const again = await ledger.until(8, 'begin', { attempt: 2, node: 'heir' }, takeoverMsMax);
  const takeoverMs = Math.max(...again.map(({ at }) => at)) - killedAt;
  t.diagnostic(`takeover of 8 runs after ${takeoverMs.toFixed(0)} ms`);
  assert.ok(takeoverMs <= takeoverMsMax, `${takeoverMs} ms`);

  const outcomes = await made.outcomes([...held, ...others]);
  assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(['succeeded']));
  assertEndedOnce(ledger, [...held, ...others]);
  for (const id of held) {
    const [first, second] = ledger.of('begin', { run: id });
    assert.ok(first !== undefined && second !== undefined && second.fence > first.fence);
    const { result, crashes, attempts } = await made.run(id);
    assert.deepEqual(result, { node: 'heir', attempt: 2 });
    assert.equal(crashes, 1);
    const ends = attempts.map(({ end }) => end);
    assert.deepEqual(ends, ['crashed', 'succeeded']);
    assert.equal(attempts[0]?.node, 'victim');
    const { kind, pid } = attempts[0].error?.details ?? {};
    assert.deepEqual([kind, pid], ['process-gone', victim.pid]);
  }
  // It may have been given some of the others as well, just before it died.
  const lost = await Promise.all([...held, ...others].map((id) => made.run(id)));
  const crashes = lost.reduce((sum, run) => sum + run.crashes, 0);
  assert.ok(crashes >= held.length);
  assert.equal((await heir.stats()).takenOver, crashes);
});

test('G2 G3: a node killed in the middle of many short runs costs and doubles none', async (t) => {
  const made = await scene(t);
  const { ledger } = made;
  const [victim] = await Promise.all([made.worker('victim'), made.worker('heir')]);
  const runs = await made.start('work', times(600, { turns: 3 }));
  // It is killed at its work: after some of its ends, and before it has done all.
  await ledger.until(50, 'end', { node: 'victim' });
  await victim.kill();
  const outcomes = await made.outcomes(runs);
  assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(['succeeded']));
  const hf = await made.observe();
  assert.equal((await hf.runs.counts()).done, runs.length);

  const results = new Map<string, unknown>();
  for (let cursor: string | null = ''; cursor !== null; ) {
    const page = await hf.runs.list({ limit: 1_000, ...(cursor === '' ? {} : { cursor }) });
    for (const { id, attempt } of page.runs) results.set(id, attempt);
    cursor = page.next;
  }
  for (const id of runs) {
    const ends = ledger.of('end', { run: id });
    // An effect of the victim may have come before its death and its outcome not: then, and only
    // then, the effect is there twice, under two fences, and the outcome is the second one's.
    assert.ok(ends.length === 1 || (ends.length === 2 && ends[0]?.node === 'victim'), id);
    assert.equal(results.get(id), ends.at(-1)?.attempt, id);
  }
});

test('G3 G7: what all processes left, killed at once, the next to start recovers', async (t) => {
  const made = await scene(t);
  const { ledger } = made;
  const crew = await Promise.all(['a', 'b', 'c'].map((node) => made.worker(node, { slots: 4 })));
  const held = await made.start('hold', times(12, {}));
  const waiting = await made.start('work', times(50, {}));
  await ledger.until(12, 'begin', { attempt: 1 });
  for (const { process } of crew) process.kill('SIGKILL');
  await within(patienceMs, 'all are gone', Promise.all(crew.map(({ gone }) => gone)));
  assert.equal(ledger.of('end').length, 0);

  const startedAt = hostMs();
  const heir = await made.worker('heir');
  const again = await ledger.until(12, 'begin', { attempt: 2 }, takeoverMsMax);
  const lastAt = Math.max(...again.map(({ at }) => at));
  t.diagnostic(`all 12 begun again ${(lastAt - startedAt).toFixed(0)} ms after the next start-up`);
  await made.outcomes([...held, ...waiting]);
  assertEndedOnce(ledger, [...held, ...waiting]);
  assert.equal((await heir.stats()).takenOver, 12);
});
