/** Proves the auditor of steps: an end that changes, a gap, another order must be seen. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StepRow } from '../../src/ports/store-steps.ts';
import type { RunRow } from '../../src/store/verbs/tables.ts';
import type { Execution } from './ledger.ts';
import { Marks } from './marks.ts';
import type { SimWorld } from './sim-world.ts';
import { StepAudit } from './step-audit.ts';

const ended = (key: string, nth: number, value = 'null'): Pick<StepRow, 'key' | 'end'> => ({
  key,
  end: { how: 'returned', value, error: null, nth, at: 0 as never },
});

/** As much of a world as the auditor looks at. */
function setUp() {
  const violations: string[] = [];
  const standing = { id: 'r', fn: 'durable', stage: 'running', fence: 1, pin: null };
  let row = standing as unknown as RunRow;
  let steps: readonly unknown[] = [];
  const world = {
    marks: new Marks(),
    rows: () => [row],
    rowOf: () => row,
    store: { steps: async () => ({ steps, next: null, now: 0 }) },
    signals: { judge: () => {} },
    violation: (what: string) => violations.push(what),
  } as unknown as SimWorld;
  const audit = new StepAudit(world);
  const keep = async (...rows: readonly unknown[]): Promise<void> => {
    steps = rows;
    await audit.look();
  };
  const pin = (version: string): void => {
    row = { ...row, pin: version };
  };
  return { audit, keep, pin, violations };
}

const execution = (fence: number): Execution =>
  ({ runId: 'r', fence, attempt: fence }) as unknown as Execution;

describe('the auditor of steps', () => {
  it('K1: sees an end that changes, one that is gone, and numbers with a gap', async () => {
    const { keep, violations } = setUp();
    await keep(ended('step/a', 1));
    assert.deepEqual(violations, []);
    await keep(ended('step/a', 1, '2'));
    await keep({ key: 'step/a', end: null });
    await keep(ended('step/b', 3));
    assert.equal(violations.length, 3);
    for (const [at, text] of [/was .* and is/, /and is undefined/, /numbered 3/].entries()) {
      assert.match(violations[at] ?? '', text);
    }
  });

  it('K2: sees that something is done again by its owner, and by nobody else', async () => {
    const { audit, keep, violations } = setUp();
    await keep(ended('step/a', 1));
    audit.does(execution(2), 'step/a');
    audit.does(execution(1), 'step/b');
    assert.deepEqual(violations, []);
    audit.does(execution(1), 'step/a');
    assert.equal(violations.length, 1);
  });

  it('K4: sees that a run is gone on with by another version', () => {
    const { audit, pin, violations } = setUp();
    audit.executes(execution(1), '2');
    pin('1');
    audit.executes(execution(1), '1');
    audit.executes(execution(2), '2');
    assert.deepEqual(violations, []);
    audit.executes(execution(1), '2');
    assert.match(violations.join(), /K4 run r is pinned to 1 and executed by 2/);
  });

  it('K3: sees another order, and not that of a past that was lost', () => {
    const { audit, violations } = setUp();
    const [one, two, three] = [execution(1), execution(2), execution(3)];
    audit.begins(one);
    audit.begins(two);
    for (const what of ['a', 'b']) audit.given(one, what);
    audit.given(two, 'a');
    assert.deepEqual(violations, []);
    audit.given(two, 'c');
    assert.equal(violations.length, 1);
    audit.rolledBack();
    audit.begins(three);
    audit.given(three, 'z');
    audit.given(one, 'c');
    assert.equal(violations.length, 1);
  });
});
