/**
 * SIGKILL in the middle of a run of ten steps, at another moment each time: what was kept stands
 * and is not done again, and the result is that of ten steps in order.
 *
 *   HOLDFAST_KILLS=100 npm test -- tests/process/steps
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
import { Holdfast, type RunStep } from 'holdfast';
import { seededRandom } from '../../src/testing/index.ts';
import { type StepsOrder, type StepsWord, stepCount, tenSteps } from './steps-worker.ts';
import { patienceMs, within } from './wait.ts';

const kills = Number(process.env.HOLDFAST_KILLS ?? 10);

/** A worker that is ready. */
async function worker(t: TestContext, order: StepsOrder): Promise<ChildProcess> {
  const child = fork(join(import.meta.dirname, 'steps-worker.ts'), [JSON.stringify(order)], {
    execArgv: ['--conditions=holdfast-source'],
  });
  t.after(() => child.kill('SIGKILL'));
  await hear(child, ({ said }) => said === 'ready');
  return child;
}

function hear(child: ChildProcess, fits: (word: StepsWord) => boolean): Promise<void> {
  const heard = Promise.withResolvers<void>();
  const listen = (word: StepsWord): void => {
    if (fits(word)) heard.resolve();
  };
  child.on('message', listen);
  return within(patienceMs, 'the worker says so', heard.promise).finally(() => {
    child.off('message', listen);
  });
}

/** How often each step of a run was executed, by attempt. */
function executed(witness: string, run: string): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  for (const line of readFileSync(witness, 'latin1').split('\n')) {
    const [id, key = '', attempt] = line.split(' ');
    if (id === run) found.set(key, [...(found.get(key) ?? []), Number(attempt)]);
  }
  return found;
}

const ended = (steps: readonly RunStep[]): readonly RunStep[] =>
  steps.filter(({ state }) => state === 'returned');

test('a run of ten steps goes on where its killed process was', async (t) => {
  const seed = Number(process.env.HOLDFAST_SEED ?? randomInt(2 ** 31));
  t.diagnostic(`HOLDFAST_SEED=${seed}`);
  const random = seededRandom(seed);
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-steps-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const order = { store: join(folder, 'store.db'), witness: join(folder, 'witness') };
  writeFileSync(order.witness, '');
  const fn = tenSteps(null, () => {});
  const hf = await Holdfast.open({ store: order.store, functions: [fn], execute: false });
  t.after(() => hf.close());
  let victim = await worker(t, order);
  let again = 0;
  for (let round = 0; round < kills; round += 1) {
    const at = random.between(1, stepCount);
    const said = random.pick(['begins', 'goes-on'] as const);
    const turns = random.pick([0, 0, 1, 5]);
    const reached = hear(victim, (word) => word.said === said && word.step === at);
    const run = await hf.start(fn, round * 100);
    await reached;
    for (let left = turns; left > 0; left -= 1) await new Promise((done) => setImmediate(done));
    victim.kill('SIGKILL');
    await once(victim, 'exit');
    const kept = ended((await hf.runs.steps(run.id)).steps);
    const wasDone = (await run.get())?.outcome !== null;
    victim = await worker(t, order);
    const result = await run.result({ timeoutMs: patienceMs });
    assert.deepEqual(
      result,
      Array.from({ length: stepCount }, (_, index) => round * 100 + index + 1),
    );
    const now = ended((await hf.runs.steps(run.id)).steps);
    assert.equal(now.length, stepCount + 1);
    assert.deepEqual(now.slice(0, kept.length), kept, 'what was kept stands');
    const times = executed(order.witness, run.id);
    const keptKeys = new Set(kept.map(({ key }) => key));
    for (const [key, attempts] of times) {
      const most = keptKeys.has(key) || wasDone ? 1 : 2;
      assert.ok(attempts.length <= most, `${key} was executed in attempts ${attempts}`);
      assert.equal(new Set(attempts).size, attempts.length, 'once in an attempt');
      again += attempts.length - 1;
    }
    assert.equal(times.size, stepCount);
  }
  t.diagnostic(`${again} steps of ${kills * stepCount} were executed twice`);
});
