/** The search itself, on a small object whose orders can all be tried by hand. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { check, type Model, type Operation } from './linearizability.ts';

/** A register: written, read, and compared before it is written. */
type RegisterOp =
  | { readonly do: 'write'; readonly value: number }
  | { readonly do: 'read'; readonly value: number }
  | {
      readonly do: 'swap';
      readonly from: number;
      readonly to: number;
      readonly ok: boolean | null;
    };

const register: Model<number, RegisterOp> = {
  init: 0,
  step(state, op) {
    switch (op.do) {
      case 'write':
        return [op.value];
      case 'read':
        return state === op.value ? [state] : [];
      case 'swap':
        if (op.ok === null) return state === op.from ? [op.to] : [state];
        return (state === op.from) === op.ok ? [op.ok ? op.to : state] : [];
    }
  },
  key: String,
};

const at = (
  op: RegisterOp,
  calledAt: number,
  returnedAt: number | null,
): Operation<RegisterOp> => ({ op, calledAt, returnedAt });
const write = (value: number): RegisterOp => ({ do: 'write', value });
const read = (value: number): RegisterOp => ({ do: 'read', value });
const swap = (from: number, to: number, ok: boolean | null): RegisterOp => ({
  ...{ do: 'swap', from, to, ok },
});

const verdictOf = (history: readonly Operation<RegisterOp>[]): string =>
  check(register, history).verdict;

describe('the search for an order', () => {
  it('finds none for nothing, and one for what overlaps', () => {
    assert.equal(verdictOf([]), 'linearizable');
    const overlap = [at(write(1), 0, 10), at(read(1), 1, 2), at(read(0), 1, 3)];
    assert.equal(verdictOf(overlap), 'linearizable');
  });

  it('keeps real time: what was read first cannot be unread', () => {
    assert.equal(verdictOf([at(write(1), 0, 1), at(read(0), 2, 3)]), 'violation');
    const back = [at(write(1), 0, 10), at(read(1), 1, 2), at(read(0), 3, 4)];
    assert.equal(verdictOf(back), 'violation');
  });

  it('rejects two winners of one place', () => {
    const both = [at(swap(0, 1, true), 0, 5), at(swap(0, 2, true), 1, 6)];
    assert.equal(verdictOf(both), 'violation');
    const one = [at(swap(0, 1, true), 0, 5), at(swap(0, 2, false), 1, 6)];
    assert.equal(verdictOf(one), 'linearizable');
  });

  it('lets an unknown end take effect late, or never, and not before its call', () => {
    const late = [at(swap(0, 1, null), 0, null), at(read(0), 5, 6), at(read(1), 7, 8)];
    assert.equal(verdictOf(late), 'linearizable');
    const never = [at(swap(0, 1, null), 0, null), at(swap(0, 2, true), 5, 6), at(read(2), 7, 8)];
    assert.equal(verdictOf(never), 'linearizable');
    const early = [at(read(1), 0, 1), at(swap(0, 1, null), 2, null)];
    assert.equal(verdictOf(early), 'violation');
    const twice = [at(swap(0, 1, null), 0, null), at(read(1), 1, 2), at(read(0), 3, 4)];
    assert.equal(verdictOf(twice), 'violation');
  });

  it('says how far it came, and what does not fit', () => {
    const found = check(register, [at(write(1), 0, 1), at(read(1), 2, 3), at(read(7), 4, 5)]);
    assert.ok(found.verdict === 'violation');
    assert.deepEqual([found.prefix, found.stuck], [[write(1), read(1)], [read(7)]]);
  });

  it('gives up by steps and says so', () => {
    const writes = Array.from({ length: 12 }, (_, value) => at(write(value), 0, 100));
    const found = check(register, [...writes, at(read(99), 200, 201)], 1_000);
    assert.equal(found.verdict, 'gave-up');
  });

  it('takes 10,000 operations of one register in its stride', () => {
    const history: Operation<RegisterOp>[] = [];
    for (let index = 0; index < 5_000; index += 1) {
      history.push(at(write(index), index * 10, index * 10 + 14));
      history.push(at(read(index), index * 10 + 1, index * 10 + 15));
    }
    const startedAt = performance.now();
    assert.equal(verdictOf(history), 'linearizable');
    assert.equal(verdictOf([...history, at(read(1), 60_000, 60_001)]), 'violation');
    assert.ok(performance.now() - startedAt < 20_000);
  });
});

/** Whether any order at all explains the history: every order tried. */
function bruteForce(history: readonly Operation<RegisterOp>[], state = register.init): boolean {
  if (history.every(({ returnedAt }) => returnedAt === null)) return true;
  const firstReturn = Math.min(...history.map((one) => one.returnedAt ?? Number.POSITIVE_INFINITY));
  return history.some((one, index) => {
    if (one.calledAt > firstReturn) return false;
    const rest = history.toSpliced(index, 1);
    return register.step(state, one.op).some((next) => bruteForce(rest, next));
  });
}

const value = fc.integer({ min: 0, max: 2 });
const anyOp: fc.Arbitrary<RegisterOp> = fc.oneof(
  fc.record({ do: fc.constant('write' as const), value }),
  fc.record({ do: fc.constant('read' as const), value }),
  fc.record({ do: fc.constant('swap' as const), from: value, to: value, ok: fc.boolean() }),
);
const anyHistory = fc.array(
  fc.record({ op: anyOp, calledAt: fc.nat(12), lasts: fc.option(fc.nat(6), { freq: 5 }) }),
  { maxLength: 7 },
);

describe('the search, by properties', () => {
  it('agrees with every order tried, on any history', () => {
    fc.assert(
      fc.property(anyHistory, (drawn) => {
        const history = drawn.map(({ op, calledAt, lasts }) =>
          at(op, calledAt, lasts === null ? null : calledAt + lasts),
        );
        assert.equal(check(register, history).verdict === 'linearizable', bruteForce(history));
      }),
      { numRuns: 3_000, seed: 7 },
    );
  });

  it('accepts what a sequential register answered, however its operations overlap', () => {
    const drawn = fc.array(
      fc.record({ op: anyOp, before: fc.nat(30), after: fc.nat(30), lost: fc.nat(9) }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(drawn, (list) => {
        let state = register.init;
        const history = list.map(({ op, before, after, lost }, index) => {
          const answered = answer(state, op);
          state = register.step(state, answered)[0] ?? state;
          const now = index * 10;
          return at(answered, now - before, lost === 0 ? null : now + after);
        });
        assert.equal(check(register, history).verdict, 'linearizable');
        const end = list.length * 10 + 100;
        assert.equal(verdictOf([...history, at(read(77), end, end + 1)]), 'violation');
      }),
      { numRuns: 300, seed: 7 },
    );
  });
});

/** The same operation with the answer that the register gives in this state. */
function answer(state: number, op: RegisterOp): RegisterOp {
  if (op.do === 'read') return read(state);
  if (op.do === 'swap') return { ...op, ok: state === op.from };
  return op;
}
