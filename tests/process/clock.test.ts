/** A step of the wall clock makes nobody a zombie. G1, G7. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { assertEndedOnce } from './ledger.ts';
import { scene, times } from './scene.ts';
import { stepMs } from './stepping-clock.ts';

const leaseTtlMs = 3_000;
/** What passes after each step: several heartbeats of those that watch each other. */
const spinMs = 1_500;

test('G7: a wall clock that steps by an hour and back costs no owner its work', async (t) => {
  const made = await scene(t);
  const stepPath = join(made.folder, 'step');
  const program = new URL('./stepping-clock.ts', import.meta.url);
  // By the environment it reaches the threads of the store, too.
  const NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --import=${program.href}`;
  const env = { ...process.env, NODE_OPTIONS, CHAOS_CLOCK_STEP: stepPath };
  // Relaxed, as no heartbeat is to wait for a disk that others keep busy.
  const durability = 'relaxed';
  await made.observe({ durability });
  const start = (node: string) => made.worker(node, { leaseTtlMs, durability, slots: 4 }, env);
  const pair = await Promise.all([start('one'), start('other')]);
  const held = await made.start('hold', times(8, {}));
  await made.ledger.until(8, 'begin');
  // The pair is full: what spins does so on the third, and the pair is free to judge each other.
  const nodes = [...pair, await start('third')];

  const realNow = Date.now();
  const startedAt: number[] = [];
  const spun: string[] = [];
  for (const change of [() => writeFileSync(stepPath, ''), () => rmSync(stepPath)]) {
    change();
    const runs = await made.start('spin', [{ ms: spinMs }]);
    await made.outcomes(runs);
    startedAt.push((await made.run(runs[0] ?? '')).startedAt ?? 0);
    spun.push(...runs);
  }
  const [ahead = 0, back = 0] = startedAt;
  assert.ok(ahead - realNow >= stepMs && back - realNow < stepMs, 'the clocks did step');

  for (const node of nodes) node.tell({ ask: 'open-gate' });
  await made.outcomes(held);
  assertEndedOnce(made.ledger, [...held, ...spun]);
  assert.equal(made.ledger.of('begin').length, held.length + spun.length);
  for (const node of nodes) {
    const { fenced, takenOver, lateResults } = await node.stats();
    assert.deepEqual([fenced, takenOver, lateResults], [0, 0, 0], node.node);
  }
});
