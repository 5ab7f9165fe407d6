/**
 * SIGKILL in the middle of a stream, again and again: what its owner was told is kept stands, and a
 * reader that follows all the while gets every part once, over all owners.
 *
 *   HOLDFAST_KILLS=100 npm test -- tests/process/parts
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { Holdfast, type RunPart } from 'holdfast';
import { seededRandom } from '../../src/testing/index.ts';
import { type PartsOrder, type PartsWord, partCount, partOf, talker } from './parts-worker.ts';
import { patienceMs, within } from './wait.ts';

const kills = Number(process.env.HOLDFAST_KILLS ?? 4);

/** A worker that is ready. */
async function worker(t: TestContext, order: PartsOrder): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'parts-worker.ts'), [JSON.stringify(order)], {
    execArgv: ['--conditions=holdfast-source'],
  });
  t.after(() => child.kill('SIGKILL'));
  await hear(child, ({ said }) => said === 'ready');
  return child;
}

function hear(child: ChildProcess, fits: (word: PartsWord) => boolean): Promise<void> {
  const heard = Promise.withResolvers<void>();
  const listen = (word: PartsWord): void => {
    if (fits(word)) heard.resolve();
  };
  child.on('message', listen);
  return within(patienceMs, 'the worker says so', heard.promise).finally(() => {
    child.off('message', listen);
  });
}

/** How many parts each attempt knew to be kept. */
function acknowledged(witness: string): ReadonlyMap<number, number> {
  const known = new Map<number, number>();
  for (const line of readFileSync(witness, 'latin1').split('\n').slice(0, -1)) {
    const [attempt = 0, count = 0] = line.split(' ').map(Number);
    known.set(attempt, count);
  }
  return known;
}

test('a stream goes on over owners that are killed, nothing lost and nothing twice', async (t) => {
  const seed = Number(process.env.HOLDFAST_SEED ?? randomInt(2 ** 31));
  t.diagnostic(`HOLDFAST_SEED=${seed}`);
  const random = seededRandom(seed);
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-parts-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const order = { store: join(folder, 'store.db'), witness: join(folder, 'witness') };
  writeFileSync(order.witness, '');
  const fn = talker(null, () => {});
  const hf = await Holdfast.open({ store: order.store, functions: [fn], execute: false });
  t.after(() => hf.close());
  let victim = await worker(t, order);
  const run = await hf.start(fn, null);
  const seen: RunPart[] = [];
  const reading = (async () => {
    for await (const part of hf.runs.parts(run.id)) seen.push(part);
  })();
  for (let round = 0; round < kills; round += 1) {
    const at = random.between(1, partCount - 50);
    await hear(victim, ({ said, count = 0 }) => said === 'emits' && count >= at);
    victim.kill('SIGKILL');
    await once(victim, 'exit');
    victim = await worker(t, order);
  }
  await run.result({ timeoutMs: patienceMs });
  await within(patienceMs, 'the reader ends', reading);
  assert.deepEqual(
    seen.map(({ offset }) => offset),
    seen.map((_, at) => at),
    'each offset once, in order',
  );
  const attempts = new Map<number, string[]>();
  for (const { attempt, data } of seen) {
    attempts.set(attempt, [...(attempts.get(attempt) ?? []), String(data)]);
  }
  const order1 = seen.map(({ attempt }) => attempt);
  assert.deepEqual(
    order1,
    order1.toSorted((a, b) => a - b),
    'one attempt behind the other',
  );
  for (const [attempt, parts] of attempts) {
    assert.deepEqual(
      parts,
      parts.map((_, n) => partOf(attempt, n)),
      'no hole in an attempt',
    );
  }
  for (const [attempt, count] of acknowledged(order.witness)) {
    const kept = attempts.get(attempt)?.length ?? 0;
    assert.ok(kept >= count, `attempt ${attempt} was told of ${count} parts, ${kept} are there`);
  }
  assert.equal(attempts.get(Math.max(...attempts.keys()))?.length, partCount);
  t.diagnostic(`${seen.length} parts of ${attempts.size} attempts`);
  const again = await Array.fromAsync(hf.runs.parts(run.id, { from: seen.length - 5 }));
  assert.deepEqual(again, seen.slice(-5));
});
