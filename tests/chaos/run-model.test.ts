/**
 * The model of a run: what it must accept and reject, and that it agrees with the store that every
 * embedded store decides like.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeKeyOf } from '../../src/core/execution/run.ts';
import { fenceOf } from '../../src/core/fence.ts';
import { createMemoryStore } from '../../src/store/memory/memory-store.ts';
import { SimulatedClock, seededRandom } from '../../src/testing/index.ts';
import { gone, plainPolicy } from '../contract/store/scene.ts';
import { check, type Operation } from './linearizability.ts';
import { type RunOp, runModel, type SeenRun } from './run-model.ts';
import { endAnswer, seenOf, sentEnd } from './words.ts';

const model = runModel({ onCrash: 'retry', resends: false });

/** One after another, each operation alone in its time. */
const inOrder = (ops: readonly RunOp[]): Operation<RunOp>[] =>
  ops.map((op, index) => ({ op, calledAt: index * 10, returnedAt: index * 10 + 5 }));

const verdictOf = (history: readonly Operation<RunOp>[], of = model): string =>
  check(of, history).verdict;

const start = (answer: 'created' | 'known' | 'conflict' | null = 'created'): RunOp => ({
  ...{ do: 'start', input: 'a', answer },
});
const claim = (fence: number, attempt = fence): RunOp => ({ do: 'claim', fence, attempt });
const win = (fence: number, result = `"by ${fence}"`): RunOp => ({
  ...{ do: 'end', fence, how: 'succeeded', result, failure: null },
  answer: { ok: true, outcome: 'succeeded', repeated: false },
});
const stale = (fence: number): RunOp => ({
  ...{ do: 'end', fence, how: 'succeeded', result: '"late"', failure: null },
  answer: { ok: false, code: 'fence.stale' },
});
const seen = (status: SeenRun['status'], fence: number, change: Partial<SeenRun> = {}): RunOp => ({
  do: 'read',
  seen: { status, fence, attempt: fence, stop: false, outcome: null, result: null, ...change },
});
const won = (fence: number, result = `"by ${fence}"`): RunOp =>
  seen('done', fence, { outcome: 'succeeded', result });

describe('the model of a run accepts', () => {
  it('a life with a crash, a takeover and a late owner', () => {
    const queued = seen('queued', 2, { attempt: 1 });
    const ended: RunOp = seen('done', 3, { attempt: 2, outcome: 'succeeded', result: '"by 3"' });
    const life = [start(), seen('queued', 0), claim(1), seen('running', 1), queued, claim(3, 2)];
    const rest = [stale(1), win(3), ended, stale(1), start('known'), ended];
    assert.equal(verdictOf(inOrder([...life, ...rest])), 'linearizable');
  });

  it('a success that beat the cancellation, and a cancellation that came first', () => {
    const stopping: RunOp = { do: 'cancel', answer: 'stopping' };
    assert.equal(verdictOf(inOrder([start(), claim(1), stopping, win(1), won(1)])), 'linearizable');
    const stopped = seen('done', 2, { attempt: 1, outcome: 'cancelled run.cancelled' });
    const taken = [start(), claim(1), stopping, stale(1), stopped];
    assert.equal(verdictOf(inOrder(taken)), 'linearizable');
  });

  it('a late word that is refused, because somebody of whom nobody heard has the run', () => {
    const [how, result, failure] = ['failed', null, 'failed run.broken'] as const;
    const answer = { ok: true, outcome: null, repeated: false } as const;
    const back: RunOp = { do: 'end', fence: 1, how, result, failure, answer };
    const before = [start(), claim(1), back, stale(1)];
    assert.equal(verdictOf(inOrder([...before, seen('running', 2)])), 'linearizable');
    assert.equal(verdictOf(inOrder([...before, seen('running', 2), claim(2)])), 'violation');
    assert.equal(verdictOf(inOrder([...before, seen('queued', 1)])), 'violation');
  });

  it('an end of which nobody knows whether it came', () => {
    const [calledAt, returnedAt] = [20, null];
    const lost = { op: { ...win(1), answer: null } as RunOp, calledAt, returnedAt };
    const before = inOrder([start(), claim(1)]);
    const later = (op: RunOp) => ({ op, calledAt: 50, returnedAt: 60 });
    assert.equal(verdictOf([...before, lost, later(won(1))]), 'linearizable');
    assert.equal(verdictOf([...before, lost, later(claim(3, 2))]), 'linearizable');
    assert.equal(verdictOf([...before, lost, later(claim(2, 2))]), 'violation');
  });
});

describe('the model of a run on a store that sends again', () => {
  const resends = runModel({ onCrash: 'retry', resends: true });

  it('accepts the answer of the second sending to what the first one did', () => {
    const cancelled = seen('done', 0, { outcome: 'cancelled run.cancelled' });
    const ops: RunOp[] = [start('known'), { do: 'cancel', answer: 'done' }, cancelled];
    assert.equal(verdictOf(inOrder(ops), resends), 'linearizable');
    assert.equal(verdictOf(inOrder(ops)), 'violation');
    assert.equal(verdictOf(inOrder([start('known'), start()]), resends), 'violation');
    const cancel: RunOp = { do: 'cancel', answer: 'cancelled' };
    assert.equal(verdictOf(inOrder([start(), cancel, cancel]), resends), 'linearizable');
    assert.equal(verdictOf(inOrder([start(), cancel, cancel])), 'violation');
    assert.equal(verdictOf(inOrder([start(), claim(1), win(1), cancel]), resends), 'violation');
  });
});

describe('the model of a durable run', () => {
  const durable = runModel({ onCrash: 'retry', resends: false, cleansUp: true });
  const stopping: RunOp = { do: 'cancel', answer: 'stopping' };
  const [result, failure] = [null, null];
  const goesBack: RunOp = {
    ...{ do: 'end', fence: 1, how: 'parked', result, failure },
    answer: { ok: true, outcome: null, repeated: false },
  };
  const stopped = (fence: number): RunOp => ({
    ...{ do: 'end', fence, how: 'stopped', result, failure },
    answer: { ok: true, outcome: 'cancelled run.cancelled', repeated: false },
  });

  it('accepts that one that was cancelled while it was parked is claimed to clean up', () => {
    const parked = [start(), claim(1), goesBack, stopping];
    assert.equal(verdictOf(inOrder([...parked, claim(2), stopped(2)]), durable), 'linearizable');
    assert.equal(verdictOf(inOrder([...parked, claim(2), claim(4, 3)]), durable), 'linearizable');
    const untaken = seen('done', 1, { outcome: 'cancelled run.cancelled' });
    assert.equal(verdictOf(inOrder([...parked, untaken]), durable), 'linearizable');
    assert.equal(verdictOf(inOrder([...parked, claim(2)])), 'violation', 'no other code may');
  });

  it('rejects that it fails, or goes on waiting', () => {
    const parked = [start(), claim(1), goesBack, stopping, claim(2)];
    const failed: RunOp = {
      ...{ do: 'end', fence: 2, how: 'failed', result, failure: 'failed run.broken' },
      answer: { ok: true, outcome: 'failed run.broken', repeated: false },
    };
    assert.equal(verdictOf(inOrder([...parked, failed]), durable), 'violation');
    const waits: RunOp = { ...goesBack, fence: 2 } as RunOp;
    assert.equal(verdictOf(inOrder([...parked, waits]), durable), 'violation');
  });
});

describe('the model of a run rejects', () => {
  const rejected = (ops: readonly RunOp[], of = model): void =>
    assert.equal(verdictOf(inOrder(ops), of), 'violation');

  it('G1: a double win, and a win under a fence that is over', () => {
    rejected([start(), claim(1), win(1), win(1)]);
    rejected([start(), claim(1), claim(3, 2), win(1)]);
    rejected([start(), claim(1), claim(3, 2), win(3), win(1)]);
  });

  it('G1: two owners under one fence, and a fence that falls or passes on without force', () => {
    rejected([start(), claim(1), claim(1)]);
    rejected([start(), claim(1), claim(2, 2)]);
    rejected([start(), claim(1), seen('queued', 2), seen('running', 1)]);
  });

  it('G2: an outcome that changes, vanishes or comes from nowhere', () => {
    rejected([start(), claim(1), win(1), won(1, '"other"')]);
    rejected([start(), claim(1), win(1), seen('running', 1)]);
    rejected([start(), claim(1), won(1)]);
    rejected([start(), claim(1), seen('done', 2, { outcome: 'cancelled run.cancelled' })]);
    rejected([start(), claim(1), win(1), { do: 'wait', outcome: 'failed attempt.failed' }]);
    rejected([start(), claim(1), { do: 'wait', outcome: 'lost attempt.crashed' }]);
  });

  it('G3: an accepted run that nobody knows any more, and one that was created twice', () => {
    rejected([start(), { do: 'read', seen: null }]);
    rejected([start(), start('created')]);
    rejected([start('known')]);
    rejected([start(), start('conflict')]);
  });

  it('G5: another attempt after the run was asked to stop', () => {
    rejected([start(), claim(1), { do: 'cancel', answer: 'stopping' }, claim(3, 2)]);
  });
});

/** Operations with the answers that the store of the embedded stores gave, one after another. */
async function livedOps(seed: number, onCrash: 'retry' | 'lose'): Promise<readonly RunOp[]> {
  const random = seededRandom(seed);
  const store = createMemoryStore({ clock: new SimulatedClock() });
  const ops: RunOp[] = [];
  const process = { hostId: 'h', hostName: 'h', pid: 1, startedAt: '1' };
  const card = { name: 'n', process, ttlMs: 60_000, slots: 1, functions: [] };
  const join = async () => {
    const verdict = await store.join(card);
    assert.ok(verdict.ok);
    return verdict.node;
  };
  let node = await join();
  let seq = 0;
  const fences = [1];
  const item = {
    ...{ id: 'run', idempotent: true, fn: 'f', lane: null, laneWidth: 1, tenant: 't' },
    ...{ prioritySeconds: 0, dueAt: null, deadlineAt: null, tags: [] },
    policy: { ...plainPolicy, onCrash, crashesMax: 1_000 },
  };
  const steps: Record<string, () => Promise<RunOp | null>> = {
    async start() {
      const input = random.pick(['1', '1', '2']);
      const { reply } = await store.start([{ ...item, input }]);
      const [verdict] = reply;
      assert.ok(verdict !== undefined);
      const ok = verdict.ok && (verdict.created ? 'created' : 'known');
      return { do: 'start', input, answer: ok === false ? 'conflict' : ok };
    },
    async claim() {
      const ask = { node, functions: [{ fn: 'f', runsMax: 1 }], runsMax: 1 };
      const reply = await store.claim(ask);
      const [run] = reply.ok ? reply.runs : [];
      if (run === undefined) return null;
      seq = run.seq;
      fences.push(run.fence);
      return { do: 'claim', fence: run.fence, attempt: run.attempt };
    },
    async end() {
      if (seq === 0) return null;
      const fence = random.pick([fences.at(-1) ?? 1, random.pick(fences)]);
      const error = { code: 'attempt.failed', message: 'no' };
      const how = random.pick([
        { how: 'succeeded', result: `"${ops.length}"` } as const,
        { how: 'failed', error, chance: 0 } as const,
        { how: 'handed-back' } as const,
        { how: 'stopped', settled: true } as const,
      ]);
      const sent = { seq, fence: fenceOf(fence), end: how };
      const { reply } = await store.end([sent]);
      const [verdict] = reply;
      assert.ok(verdict !== undefined);
      return { do: 'end', ...sentEnd(sent, 'run'), answer: endAnswer(verdict) };
    },
    async cancel() {
      const { reply } = await store.cancel([{ id: 'run', reason: 'r' }]);
      const [verdict] = reply;
      if (verdict?.ok) return { do: 'cancel', answer: verdict.state };
      return { do: 'cancel', answer: verdict?.code === 'run.not_found' ? 'missing' : 'done' };
    },
    async read() {
      const run = await store.get('run');
      return { do: 'read', seen: run === null ? null : seenOf(run, run.result) };
    },
    async die() {
      await store.recover(nodeKeyOf(node), gone, 10);
      node = await join();
      return null;
    },
  };
  const names = ['start', 'start', 'claim', 'claim', 'end', 'cancel', 'read', 'read', 'die'];
  while (ops.length < 25) {
    const name = random.pick(random.chance(0.3) ? names : names.filter((one) => one !== 'cancel'));
    const op = await steps[name]?.();
    if (op) ops.push(op);
  }
  await store.close();
  return ops;
}

describe('the model of a run, beside the store', () => {
  for (const onCrash of ['retry', 'lose'] as const) {
    it(`accepts what the store answered (${onCrash}), however the operations overlap`, async () => {
      const of = runModel({ onCrash, resends: false });
      for (let seed = 1; seed <= 150; seed += 1) {
        const random = seededRandom(seed);
        const ops = await livedOps(seed, onCrash);
        const history = ops.map((op, index): Operation<RunOp> => {
          const [early, late] = [random.int(25), random.int(25)];
          const lost = 'answer' in op && random.chance(0.1);
          const answered = lost ? ({ ...op, answer: null } as RunOp) : op;
          const returnedAt = lost ? null : index * 10 + late;
          return { op: answered, calledAt: index * 10 - early, returnedAt };
        });
        assert.equal(verdictOf(inOrder(ops), of), 'linearizable', `seed ${seed} in order`);
        assert.equal(verdictOf(history, of), 'linearizable', `seed ${seed}`);
      }
    });
  }

  it('rejects the same once an answer is another', async () => {
    let changed = 0;
    for (let seed = 1; seed <= 150; seed += 1) {
      const ops = await livedOps(seed, 'retry');
      for (const [index, op] of ops.entries()) {
        const wrong = otherAnswer(op, ops.slice(0, index));
        if (wrong === null) continue;
        changed += 1;
        const history = inOrder(ops.with(index, wrong));
        assert.equal(verdictOf(history), 'violation', `seed ${seed}, ${JSON.stringify(wrong)}`);
      }
    }
    assert.ok(changed > 500, `${changed} answers were changed`);
  });
});

/** An answer that cannot be, whatever was hidden; null where another one could. */
function otherAnswer(op: RunOp, before: readonly RunOp[]): RunOp | null {
  switch (op.do) {
    case 'start':
      return { ...op, answer: op.answer === 'created' ? 'known' : 'created' };
    case 'claim':
      return { ...op, fence: op.fence - 1 };
    case 'end': {
      const late = before.some((one) => one.do === 'claim' && one.fence > op.fence);
      const answer = { ok: true, outcome: 'succeeded', repeated: false } as const;
      return late && op.how === 'succeeded' ? { ...op, answer } : null;
    }
    case 'read': {
      const { seen: run } = op;
      if (run?.status !== 'done') return null;
      return { ...op, seen: { ...run, outcome: 'failed other', result: null } };
    }
    case 'cancel':
    case 'wait':
      return null;
  }
}
