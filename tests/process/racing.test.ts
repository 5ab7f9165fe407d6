/** Several processes on one file: lanes, order and single execution. G1, G2, G4. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { assertEndedOnce, assertLaneKept } from './ledger.ts';
import { scene } from './scene.ts';

const lanes = [
  { key: 'single-a', width: 1 },
  { key: 'single-b', width: 1 },
  { key: 'double-a', width: 2 },
  { key: 'double-b', width: 2 },
];
const runsPerLane = 80;

for (const processes of [2, 3]) {
  test(`G1 G2 G4: ${processes} processes keep width and order, each run once`, async (t) => {
    const made = await scene(t);
    const nodes = Array.from({ length: processes }, (_, index) => `racer-${index + 1}`);
    const racers = await Promise.all(nodes.map((node) => made.worker(node, { slots: 4 })));
    // Round by round over the lanes, and some without a lane in between.
    const inputs = Array.from({ length: runsPerLane }, (_, round) => [
      ...lanes.map((lane) => ({ lane, turns: round % 4 })),
      { turns: round % 3 },
    ]).flat();
    const runs = await made.start('work', inputs);
    const outcomes = await made.outcomes(runs);
    assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(['succeeded']));

    const { ledger } = made;
    assertEndedOnce(ledger, runs);
    assert.equal(ledger.of('begin').length, runs.length);
    for (const [index, { key: lane, width }] of lanes.entries()) {
      const accepted = runs.filter((_, at) => at % (lanes.length + 1) === index);
      assertLaneKept(ledger, { lane, width, accepted });
    }
    const shares = nodes.map((node) => ledger.of('begin', { node }).length);
    t.diagnostic(`executed by each: ${shares.join(', ')}`);
    assert.ok(
      shares.every((share) => share > 0),
      `one did nothing, so nobody raced: ${shares}`,
    );
    for (const racer of racers) {
      const { lateResults, fenced, takenOver } = await racer.stats();
      assert.deepEqual([lateResults, fenced, takenOver], [0, 0, 0]);
    }
  });
}

test('G2: one id that several processes start at once is one run', async (t) => {
  const made = await scene(t);
  const racers = await Promise.all(['a', 'b', 'c'].map((node) => made.worker(node)));
  const ids = Array.from({ length: 100 }, (_, index) => `same-${index}`);
  const heard = racers.map((racer) => racer.hear('started'));
  for (const racer of racers) racer.tell({ ask: 'start', ids });
  const created = (await Promise.all(heard)).map((word) => word.created);
  t.diagnostic(`created by each: ${created.join(', ')}`);
  assert.equal(
    created.reduce((sum, count) => sum + count, 0),
    ids.length,
  );
  await made.outcomes(ids);
  assertEndedOnce(made.ledger, ids);
});
