/** The model of a lane: width and order, however its operations overlap. G4. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../../src/testing/index.ts';
import { type LaneOp, laneModel } from './lane-model.ts';
import { check, type Operation } from './linearizability.ts';

const words = { a: 'accept', b: 'begin', f: 'finish' } as const;

/** Such as `a1 b1 f1`. */
const opsOf = (text: string): LaneOp[] =>
  text.split(' ').map((one) => {
    const [letter, seq] = [one.charAt(0) as keyof typeof words, Number(one.slice(1))];
    return { do: words[letter], seq };
  });

const inOrder = (ops: readonly LaneOp[]): Operation<LaneOp>[] =>
  ops.map((op, index) => ({ op, calledAt: index * 10, returnedAt: index * 10 + 5 }));

const verdictOf = (width: number, text: string): string =>
  check(laneModel(width), inOrder(opsOf(text))).verdict;

describe('the model of a lane', () => {
  it('accepts one after another, retries in their place, and cancelled ones', () => {
    assert.equal(verdictOf(1, 'a1 a2 b1 f1 a3 b2 b2 b2 f2 b3 f3'), 'linearizable');
    assert.equal(verdictOf(1, 'a1 a2 a3 b1 f2 f1 b3 f3'), 'linearizable');
    assert.equal(verdictOf(2, 'a1 a2 a3 b2 b1 f2 b3 f3 f1'), 'linearizable');
  });

  it('G4: rejects more than the width', () => {
    assert.equal(verdictOf(1, 'a1 a2 b1 b2 f1 f2'), 'violation');
    assert.equal(verdictOf(2, 'a1 a2 a3 b1 b2 b3'), 'violation');
  });

  it('G4: rejects an order that is not that of acceptance', () => {
    assert.equal(verdictOf(1, 'a1 a2 b2'), 'violation');
    assert.equal(verdictOf(2, 'a1 a2 a3 b3'), 'violation');
    assert.equal(verdictOf(1, 'a2 a1 b1'), 'violation');
  });

  it('rejects what begins before it is accepted, or goes on after its end', () => {
    assert.equal(verdictOf(1, 'b1 a1'), 'violation');
    assert.equal(verdictOf(1, 'a1 b1 f1 b1'), 'violation');
    assert.equal(verdictOf(1, 'a1 b1 f1 f1'), 'violation');
  });

  it('finds the order that overlapping operations had, and none where time forbids it', () => {
    const [a1, a2, b2] = opsOf('a1 a2 b2');
    assert.ok(a1 !== undefined && a2 !== undefined && b2 !== undefined);
    const at = (op: LaneOp, calledAt: number, returnedAt: number) => ({ op, calledAt, returnedAt });
    const ended = at({ do: 'finish', seq: 1 }, 30, 60);
    const history = [at(a2, 0, 20), at(a1, 5, 15), ended, at(b2, 40, 70)];
    assert.equal(check(laneModel(1), history).verdict, 'linearizable');
    const early = [at(a2, 0, 20), at(a1, 5, 15), ended, at(b2, 21, 25)];
    assert.equal(check(laneModel(1), early).verdict, 'violation');
  });
});

/** What a lane lives through, one after another: at most so many wait. */
function livedOps(seed: number, width: number, count: number, waitMax = 20): LaneOp[] {
  const random = seededRandom(seed);
  const ops: LaneOp[] = [];
  const open: number[] = [];
  let last = 0;
  while (ops.length < count) {
    const place = random.int(Math.min(width, open.length));
    const seq = open[place];
    if (seq === undefined || (open.length < waitMax && random.chance(0.34))) {
      last += random.between(1, 3);
      open.push(last);
      ops.push({ do: 'accept', seq: last });
    } else if (random.chance(0.5)) {
      ops.push({ do: 'begin', seq });
    } else {
      ops.push({ do: 'finish', seq: random.chance(0.1) ? (open.pop() ?? seq) : seq });
      if (ops.at(-1)?.seq === seq) open.splice(open.indexOf(seq) < 0 ? open.length : place, 1);
    }
  }
  return ops;
}

const overlapping = (ops: readonly LaneOp[], seed: number, wide: number): Operation<LaneOp>[] => {
  const random = seededRandom(seed);
  return ops.map((op, index) => ({
    op,
    calledAt: index * 10 - random.int(wide),
    returnedAt: index * 10 + random.int(wide),
  }));
};

describe('the model of a lane, by properties', () => {
  it('accepts what a lane lived through, and rejects the same with one run too many', () => {
    const drawn = fc.record({ seed: fc.nat(), width: fc.integer({ min: 1, max: 3 }) });
    fc.assert(
      fc.property(drawn, ({ seed, width }) => {
        const ops = livedOps(seed, width, 60);
        const model = laneModel(width);
        assert.equal(check(model, overlapping(ops, seed, 30)).verdict, 'linearizable');
        const last = Math.max(...ops.map(({ seq }) => seq));
        const more = Array.from({ length: width + 1 }, (_, at) => last + 1 + at);
        const accepted = more.map((seq): LaneOp => ({ do: 'accept', seq }));
        const begun = more.map((seq): LaneOp => ({ do: 'begin', seq }));
        const wrong = inOrder([...ops, ...accepted, ...begun]);
        assert.equal(check(model, wrong).verdict, 'violation');
      }),
      { numRuns: 200, seed: 7 },
    );
  });

  it('judges 10,000 operations of one lane within seconds', () => {
    const ops = livedOps(3, 2, 10_000);
    const startedAt = performance.now();
    const history = overlapping(ops, 3, 40);
    assert.equal(check(laneModel(2), history).verdict, 'linearizable');
    const twice = ops.findLastIndex((op) => op.do === 'finish');
    const wrong = overlapping(ops.toSpliced(twice, 0, ...opsOf(`f${ops[twice]?.seq}`)), 3, 40);
    assert.equal(check(laneModel(2), wrong).verdict, 'violation');
    assert.ok(performance.now() - startedAt < 30_000, `${performance.now() - startedAt} ms`);
  });
});
