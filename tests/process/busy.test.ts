/** A busy event loop is not a dead owner. G1, G7. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { assertEndedOnce } from './ledger.ts';
import { scene } from './scene.ts';

const leaseTtlMs = 3_000;
/** Longer than the lease, and so than the time for which a node trusts itself without a renewal. */
const spinMs = 4_000;

test('G7: an event loop that is blocked for longer than the lease costs no work', async (t) => {
  const made = await scene(t);
  // Relaxed: no heartbeat waits for a disk that others keep busy, which is not what is tested.
  const durability = 'relaxed';
  await made.observe({ durability });
  const nodes = await Promise.all(
    ['one', 'other'].map((node) => made.worker(node, { leaseTtlMs, durability, slots: 1 })),
  );
  const runs = await made.start('spin', [{ ms: spinMs }]);
  const outcomes = await made.outcomes(runs);
  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    ['succeeded'],
  );
  assertEndedOnce(made.ledger, runs);
  const [begun] = made.ledger.of('begin');
  assert.equal(made.ledger.of('begin').length, 1, 'it was begun once');
  const [end] = made.ledger.of('end');
  assert.ok(begun !== undefined && end !== undefined);
  t.diagnostic(`blocked for ${(end.at - begun.at).toFixed(0)} ms, lease ${leaseTtlMs} ms`);
  for (const id of runs) {
    const { result, crashes } = await made.run(id);
    assert.deepEqual([result, crashes], [{ node: begun.node, attempt: 1 }, 0]);
  }
  for (const node of nodes) {
    const { fenced, takenOver, lateResults } = await node.stats();
    assert.deepEqual([fenced, takenOver, lateResults], [0, 0, 0], node.node);
  }
});
