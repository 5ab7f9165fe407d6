/** No space left: told by its code, nothing lost, and work goes on once there is space. G3, G6. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { HoldfastError } from 'holdfast';
import { assertEndedOnce } from './ledger.ts';
import { type Scene, scene, times } from './scene.ts';

const diskBytes = 12 << 20;
/** What is deleted later: enough for what the store wants to move out of its log then. */
const ballastBytes = diskBytes / 2;
const padding = 'x'.repeat(64 << 10);
/** Far more than the disk has room for. */
const startsMax = 1_000;

/** Puts the store of the scene on a small disk; says why that cannot be done, or null. */
function mountDisk(made: Scene): string | null {
  const { disk } = made;
  if (process.platform !== 'linux') return 'a small disk is mounted as a tmpfs of Linux';
  const options = ['-t', 'tmpfs', '-o', `size=${diskBytes}`, 'holdfast-test', disk];
  const { status } = spawnSync('mount', options, { stdio: 'ignore' });
  if (status !== 0) return 'a small disk can be mounted by root only';
  made.atEnd(() => assert.equal(spawnSync('umount', [disk]).status, 0, `umount ${disk}`));
  return null;
}

/** Starts runs with a large input until one is refused. */
async function startUntilRefused(made: Scene) {
  const hf = await made.observe();
  const accepted: string[] = [];
  while (accepted.length < startsMax) {
    try {
      accepted.push((await hf.start('work', { padding })).id);
    } catch (refusal) {
      return { accepted, refusal };
    }
  }
  throw new Error(`${startsMax} runs found room on a disk of ${diskBytes} bytes`);
}

test('G3 G6: a full disk is told, loses nothing, and is worked on once it has space', async (t) => {
  const made = await scene(t);
  const why = mountDisk(made);
  if (why !== null) return t.skip(why);
  const ballast = join(made.disk, 'ballast');
  writeFileSync(ballast, Buffer.alloc(ballastBytes));
  const worker = await made.worker('worker');
  const held = await made.start('hold', times(4, {}));
  await made.ledger.until(4, 'begin');

  const accepted: string[] = [...held];
  for (let round = 1; round <= 3; round += 1) {
    const { accepted: more, refusal } = await startUntilRefused(made);
    accepted.push(...more);
    t.diagnostic(`round ${round}: ${more.length} accepted, then: ${refusal}`);
    assert.ok(refusal instanceof HoldfastError, String(refusal));
    assert.deepEqual([refusal.code, refusal.retry], ['store.full', 'after']);
  }
  // Handlers go on; whether their outcomes find room now is left to the store.
  worker.tell({ ask: 'open-gate' });
  await made.ledger.until(4, 'end', { attempt: 1 });

  rmSync(ballast);
  const later = await made.start('work', times(10, {}));
  const outcomes = await made.outcomes([...accepted, ...later]);
  assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(['succeeded']));
  // Neither twice, nor one that was refused.
  assertEndedOnce(made.ledger, [...accepted, ...later]);
  const bad = (await (await made.observe()).doctor()).filter(({ level }) => level === 'bad');
  assert.deepEqual(bad, []);
  await worker.close();
});
