/**
 * SIGKILL in the middle of a family of 200 children: of the parent's process, or of the children's,
 * at another moment each time. Each child is started once, has one end that stands, and the parent
 * is given what all of them gave.
 *
 *   HOLDFAST_KILLS=100 npm test -- tests/process/family
 */
import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Holdfast, type RunChild } from 'holdfast';
import { seededRandom } from '../../src/testing/index.ts';
import { type FamilyWord, familyOf, shareOf } from './family-worker.ts';
import { Victim } from './victim.ts';
import { patienceMs } from './wait.ts';

const kills = Number(process.env.HOLDFAST_KILLS ?? 3);
const count = 200;

/** Which process dies, and at which of its words. */
type Moment =
  | { readonly dies: 'parents'; readonly said: 'begins' | 'all-over' }
  | { readonly dies: 'parents' | 'children'; readonly said: 'child'; readonly n: number };

async function childrenOf(hf: Holdfast, id: string): Promise<readonly RunChild[]> {
  const { children, next } = await hf.runs.children(id, { limit: 1_000 });
  assert.equal(next, null);
  return children;
}

/** How often each child was executed. */
function executed(witness: string): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  for (const line of readFileSync(witness, 'latin1').split('\n')) {
    const [id = ''] = line.split(' ');
    if (id !== '') times.set(id, (times.get(id) ?? 0) + 1);
  }
  return times;
}

test('G1 G2 G3: a family goes on where the killed process of a parent or child was', async (t) => {
  const seed = Number(process.env.HOLDFAST_SEED ?? randomInt(2 ** 31));
  t.diagnostic(`HOLDFAST_SEED=${seed}`);
  const random = seededRandom(seed);
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-family-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const order = { store: join(folder, 'store.db'), witness: join(folder, 'witness') };
  writeFileSync(order.witness, '');
  const family = familyOf(() => {});
  const functions = [family, shareOf(null, () => {})];
  const hf = await Holdfast.open({ store: order.store, functions, execute: false });
  t.after(() => hf.close());
  const worker = (hosts: Moment['dies']): Promise<Victim<FamilyWord>> =>
    Victim.start(t, 'family-worker.ts', { ...order, hosts });
  const crew = { parents: await worker('parents'), children: await worker('children') };
  let again = 0;
  for (let round = 0; round < kills; round += 1) {
    const moment = draw();
    const speaker = moment.said === 'child' ? crew.children : crew.parents;
    const reached = speaker.hear((word) =>
      word.said === 'child'
        ? moment.said === 'child' && word.n === moment.n
        : word.said === moment.said,
    );
    const run = await hf.start(family, count);
    await reached;
    // Behind its beginning its children are started, and that they were is kept.
    const turns = moment.said === 'begins' ? random.int(60) : random.pick([0, 1, 5]);
    for (let left = turns; left > 0; left -= 1) await turn();
    await crew[moment.dies].kill();
    const before = await childrenOf(hf, run.id);
    const timesBefore = executed(order.witness);
    crew[moment.dies] = await worker(moment.dies);
    assert.deepEqual(
      await run.result({ timeoutMs: patienceMs }),
      Array.from({ length: count }, (_, n) => n * 2),
      JSON.stringify(moment),
    );
    const children = await childrenOf(hf, run.id);
    assert.equal(children.length, count, 'each is started once');
    assert.ok(children.every(({ outcome }) => outcome?.kind === 'succeeded'));
    const times = executed(order.witness);
    for (const { id, outcome } of before) {
      if (outcome === null) continue;
      assert.deepEqual(children.find((one) => one.id === id)?.outcome, outcome, 'its end stands');
      assert.equal(times.get(id), timesBefore.get(id), `${id} had ended and is not done again`);
    }
    for (const { id } of children) {
      const most = moment.dies === 'children' ? 2 : 1;
      assert.ok((times.get(id) ?? 0) <= most, `${id} was executed ${times.get(id)} times`);
      again += (times.get(id) ?? 0) - 1;
    }
  }
  assert.equal((await hf.runs.counts()).done, kills * (count + 1), 'nobody else was started');
  t.diagnostic(`${again} children of ${kills * count} were executed twice`);

  function draw(): Moment {
    const n = random.int(count);
    return random.pick<Moment>([
      { dies: 'parents', said: 'begins' },
      { dies: 'parents', said: 'begins' },
      { dies: 'parents', said: 'all-over' },
      { dies: 'parents', said: 'child', n },
      { dies: 'children', said: 'child', n },
      { dies: 'children', said: 'child', n },
    ]);
  }
});
