/** SIGSTOP past the lease, then SIGCONT: the late owner is refused. G1, G2, G3, G7. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { assertEndedOnce } from './ledger.ts';
import { cannotFreeze, freezeNow, scene, times } from './scene.ts';
import { hostMs } from './wait.ts';

/** Short, so that the tests are. */
const leaseTtlMs = 2_000;
/** Whoever takes over has the lease of every day, so that only the frozen node's can run out. */
const heirOptions = { heartbeatMs: 300 };
/** Its lease decides, and it is not given the time of a live process that is slow. */
const takeoverMsMax = leaseTtlMs + 3_000;

test('G1 G2 G7: an owner frozen past its lease fences itself, and joins again', {
  skip: cannotFreeze,
}, async (t) => {
  const made = await scene(t);
  const { ledger } = made;
  const late = await made.worker('late', { leaseTtlMs });
  // Deaf handlers: only the fence keeps them from getting their late results in.
  const runs = await made.start('hold', times(4, { deaf: true }));
  await ledger.until(4, 'begin', { node: 'late' });
  const heir = await made.worker('heir', heirOptions);
  const hf = await made.observe();
  const before = (await hf.nodes.list()).find(({ name }) => name === 'late');

  const frozenAt = hostMs();
  await made.freeze(late);
  const taken = await ledger.until(4, 'end', { node: 'heir' }, takeoverMsMax);
  const takeoverMs = Math.max(...taken.map(({ at }) => at)) - frozenAt;
  t.diagnostic(`lease of ${leaseTtlMs} ms: taken over ${takeoverMs.toFixed(0)} ms after SIGSTOP`);
  await made.outcomes(runs);

  const fenced = late.hear('log', ({ message }) => message.startsWith('this node stopped'));
  late.process.kill('SIGCONT');
  await fenced;
  late.tell({ ask: 'open-gate' });
  await ledger.until(4, 'end', { node: 'late', attempt: 1 });

  // The heir goes, so that only the late node can do what comes now.
  const { takenOver } = await heir.stats();
  assert.equal(takenOver, 4);
  await heir.close();
  const more = await made.start('work', times(10, {}));
  await made.outcomes(more);
  assert.equal(
    ledger.of('begin', { node: 'late' }).filter(({ run }) => more.includes(run)).length,
    10,
  );

  const stats = await late.stats();
  assert.deepEqual([stats.fenced, stats.succeeded], [1, 10]);
  const after = (await hf.nodes.list()).filter(({ name }) => name === 'late');
  assert.deepEqual(after.map(({ state }) => state).sort(), ['dead', 'live']);
  const again = after.find(({ state }) => state === 'live');
  assert.ok(before !== undefined && again !== undefined && again.node > before.node);
  for (const id of runs) {
    const { result, crashes, outcome } = await made.run(id);
    assert.deepEqual(result, { node: 'heir', attempt: 2 });
    assert.deepEqual([crashes, outcome?.kind], [1, 'succeeded']);
  }
});

test('G1 G2: a result on its way when its owner froze is refused, and the next stands', {
  skip: cannotFreeze,
}, async (t) => {
  const made = await scene(t);
  const { ledger } = made;
  const late = await made.worker('late', { leaseTtlMs });
  const [run = ''] = await made.start('hold', [{ attempts: 2 }]);
  await ledger.until(1, 'begin', { node: 'late' });
  const heir = await made.worker('heir', heirOptions);

  // The store is held while the owner sends its result, so that it waits in front of the commit.
  const release = made.holdStore();
  try {
    const returned = late.hear('returned');
    late.tell({ ask: 'open-gate' });
    await returned;
    await freezeNow(late);
  } finally {
    release();
  }
  await ledger.until(1, 'begin', { node: 'heir', attempt: 2 }, takeoverMsMax);

  const refused = late.hear('log', ({ message }) => message.startsWith('a late result'));
  late.process.kill('SIGCONT');
  await refused;
  const { status, attempt } = await made.run(run);
  assert.deepEqual([status, attempt], ['running', 2]);
  assert.equal((await late.stats()).lateResults, 1);

  heir.tell({ ask: 'open-gate' });
  await made.outcomes([run]);
  assert.deepEqual((await made.run(run)).result, { node: 'heir', attempt: 2 });
  const [first, second] = ledger.of('end', { run });
  assert.ok(first !== undefined && second !== undefined && first.fence < second.fence);
});

test('G3: a process that is frozen while idle keeps nobody from working', {
  skip: cannotFreeze,
}, async (t) => {
  const made = await scene(t);
  const [idle, busy] = await Promise.all([made.worker('idle'), made.worker('busy')]);
  await made.freeze(idle);
  const lane = { key: 'line', width: 1 };
  const runs = await made.start('work', [...times(100, {}), ...times(20, { lane })]);
  const startedAt = hostMs();
  await made.outcomes(runs);
  t.diagnostic(`120 runs beside a frozen node: ${(hostMs() - startedAt).toFixed(0)} ms`);
  assertEndedOnce(made.ledger, runs);
  assert.equal(made.ledger.of('begin', { node: 'busy' }).length, runs.length);
  assert.equal((await busy.stats()).takenOver, 0);
});

test('G1 G7: a node that cannot renew stops its work by itself, and tries it again', async (t) => {
  const made = await scene(t);
  const { ledger } = made;
  // It does not poll either, which would make it look at its clock.
  const alone = await made.worker('alone', { leaseTtlMs, pollMs: 60_000 });
  const runs = await made.start('hold', times(3, {}));
  await ledger.until(3, 'begin');

  // Nobody can tell it anything while the store is held: it has its own clock only.
  const release = made.holdStore();
  const heldAt = hostMs();
  try {
    const stopped = await ledger.until(3, 'stopped', { attempt: 1 }, leaseTtlMs + 2_000);
    const stoppedMs = Math.max(...stopped.map(({ at }) => at)) - heldAt;
    t.diagnostic(`stopped ${stoppedMs.toFixed(0)} ms after its last chance to renew`);
  } finally {
    release();
  }
  await made.outcomes(runs);
  assertEndedOnce(ledger, runs);
  const { fenced, takenOver, succeeded } = await alone.stats();
  assert.deepEqual([fenced, takenOver, succeeded], [1, 3, 3]);
});
