/** SIGKILL during commits: what was acknowledged is there, and ends. G3. */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { createInterface } from 'node:readline';
import test from 'node:test';
import { scene } from './scene.ts';
import { patienceMs, within } from './wait.ts';

const rounds = 3;
/** One round kills after at most so many starts. */
const startsMax = 400;

/** The moments of the kills; `HOLDFAST_SEED` gives the same ones again. */
function* draws(seed: number): Generator<number, never> {
  let state = seed >>> 0;
  for (;;) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield state / 2 ** 32;
  }
}

for (const durability of ['full', 'relaxed'] as const) {
  test(`G3: kills during commits lose nothing acknowledged (${durability})`, async (t) => {
    const seed = Number(process.env.HOLDFAST_SEED ?? randomInt(2 ** 31));
    t.diagnostic(`HOLDFAST_SEED=${seed}`);
    const draw = draws(seed);
    const made = await scene(t);
    const acknowledged: string[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      const killAfter = 1 + Math.floor(draw.next().value * startsMax);
      const starter = made.spawn('starter.ts', `starter-${round}`, { durability });
      const { stdout } = starter.process;
      assert.ok(stdout !== null);
      let heard = 0;
      const lines = createInterface({ input: stdout });
      const allHeard = Promise.withResolvers<void>();
      lines.on('close', allHeard.resolve);
      lines.on('line', (id) => {
        acknowledged.push(id);
        heard += 1;
        if (heard === killAfter) starter.process.kill('SIGKILL');
      });
      const how = await within(patienceMs, `round ${round}: ${killAfter} starts`, starter.gone);
      assert.equal(how, 'SIGKILL', `seed ${seed}, round ${round}`);
      await within(patienceMs, 'the last lines of a dead process', allHeard.promise);
    }
    assert.ok(acknowledged.length >= rounds);

    const hf = await made.observe({ durability });
    const { done, running } = await hf.runs.counts();
    const found = `${done} were done and ${running} executed when it died`;
    t.diagnostic(`${acknowledged.length} acknowledged in ${rounds} lives; ${found}`);
    await made.worker('heir', { durability });
    const outcomes = await made.outcomes(acknowledged);
    assert.deepEqual(new Set(outcomes.map(({ kind }) => kind)), new Set(['succeeded']));
    const ended = new Set(made.ledger.of('end').map(({ run }) => run));
    assert.deepEqual(
      acknowledged.filter((id) => !ended.has(id)),
      [],
      `seed ${seed}: succeeded without having been executed`,
    );
    const bad = (await hf.doctor()).filter(({ level }) => level === 'bad');
    assert.deepEqual(bad, []);
  });
}
