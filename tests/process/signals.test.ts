/**
 * SIGKILL in the middle of a signal: when it was sent, when the code was given it, when it was
 * answered, at another moment each time. Each is given once, in order, and its answer stands.
 *
 *   HOLDFAST_KILLS=100 npm test -- tests/process/signals
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { Holdfast, type SignalAnswer } from 'holdfast';
import { seededRandom } from '../../src/testing/index.ts';
import { listener, type Said, type SignalsWord, signalsEach } from './signals-worker.ts';
import { Victim } from './victim.ts';
import { patienceMs } from './wait.ts';

const kills = Number(process.env.HOLDFAST_KILLS ?? 4);

const ids = Array.from({ length: signalsEach }, (_, n) => `told-${n + 1}`);

/** The attempts in which the code of a run was given each signal. */
function givenIn(witness: string, run: string): ReadonlyMap<string, readonly number[]> {
  const found = new Map<string, number[]>();
  for (const line of readFileSync(witness, 'latin1').split('\n')) {
    const [id, signal = '', attempt] = line.split(' ');
    if (id === run) found.set(signal, [...(found.get(signal) ?? []), Number(attempt)]);
  }
  return found;
}

test('G1 G2 G3: signals to a killed owner are given once more, and answered once', async (t) => {
  const seed = Number(process.env.HOLDFAST_SEED ?? randomInt(2 ** 31));
  t.diagnostic(`HOLDFAST_SEED=${seed}`);
  const random = seededRandom(seed);
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-signals-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const order = { store: join(folder, 'store.db'), witness: join(folder, 'witness') };
  writeFileSync(order.witness, '');
  const fn = listener(null, () => {});
  const hf = await Holdfast.open({ store: order.store, functions: [fn], execute: false });
  t.after(() => hf.close());
  const worker = (): Promise<Victim<SignalsWord>> => Victim.start(t, 'signals-worker.ts', order);
  let victim = await worker();
  for (let round = 0; round < kills; round += 1) {
    const n = random.between(1, signalsEach);
    const said = random.pick(['waits', 'given', 'answered', 'kept'] as const);
    const sendsTwice = random.chance(0.5);
    const reached = victim.hear((word) => word.said === said && word.n === n);
    const run = await hf.start(fn, null);
    const send = async (id: string): Promise<boolean> =>
      (await hf.runs.signal(run.id, 'tell', id.length, { id })).created;
    // While it waits for this one nobody has sent it: the owner dies before or behind its coming.
    const early = said === 'waits' ? ids.slice(0, n - 1) : ids;
    for (const id of early) assert.equal(await send(id), true);
    await reached;
    const late = ids.slice(early.length).map(send);
    if (random.chance(0.5)) await Promise.all(late);
    await victim.kill();
    assert.ok((await Promise.all(late)).every(Boolean));
    const told = await answersNow(hf, run.id);
    if (sendsTwice) for (const id of ids) assert.equal(await send(id), false, 'it is one signal');
    victim = await worker();
    assert.deepEqual(await run.result({ timeoutMs: patienceMs }), ids, `${said} ${n}`);
    const given = givenIn(order.witness, run.id);
    const answers = await answersNow(hf, run.id);
    for (const [at, id] of ids.entries()) {
      const answer = answers[at];
      assert.ok(answer?.state === 'accepted', `${id} is ${answer?.state}`);
      if (told[at] !== null) assert.deepEqual(answer, told[at], 'an answer stands');
      const value = answer.value as Said;
      assert.equal(value.n, at + 1, 'in order');
      const attempts = given.get(id) ?? [];
      assert.ok(attempts.includes(value.attempt), 'whoever answered was given it');
      assert.equal(new Set(attempts).size, attempts.length, 'once in an attempt');
    }
  }
});

/** The answers that there are. */
const answersNow = (hf: Holdfast, run: string): Promise<readonly (SignalAnswer | null)[]> =>
  Promise.all(ids.map((id) => hf.runs.answer(run, id, { timeoutMs: 0 }).catch(() => null)));
