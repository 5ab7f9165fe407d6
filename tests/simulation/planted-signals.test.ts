/**
 * Proves the auditor of signals: what a store breaks is caught in whole worlds, and what no store
 * can be made to break from outside is shown to the auditor alone.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { StepRow } from '../../src/ports/store-steps.ts';
import type { RunRow } from '../../src/store/verbs/tables.ts';
import { type Broken, caught as caughtIn } from './caught.ts';
import { Marks } from './marks.ts';
import { SignalAudit } from './signal-audit.ts';
import type { SimWorld } from './sim-world.ts';

const nothingWoken = { ready: false, stop: false, done: false };

const caught = (expected: RegExp, plant: Broken['plant'] & {}): Promise<void> => {
  const change = {
    ...{ faults: new Set<never>(), keptMs: null, restMsMax: 600_000, flows: new Set<never>() },
    meddlings: new Set(['signal'] as const),
  };
  return caughtIn(expected, { kind: 'host', plant, change });
};

describe('the auditor of signals catches', () => {
  it('one that is acknowledged and not kept', async () => {
    await caught(/^(G2|G3) signal .* was accepted/, (store) => ({
      ...store,
      signal: async (items) => ({
        reply: items.map(({ id }) => ({ ok: true, id, created: true }) as const),
        woken: nothingWoken,
      }),
    }));
  });

  it('one that is kept as another', async () => {
    await caught(/^G1 signal .* was given as go: sent as halt/, (store) => ({
      ...store,
      signal: (items) => store.signal(items.map((item) => ({ ...item, name: 'go' }))),
    }));
  });

  it('a sender who is told that nobody will answer, while the run goes on', async () => {
    await caught(/^G3 signal .* will not be answered, and its run is/, (store) => ({
      ...store,
      answers: async (asks) => {
        const stands = await store.answers(asks);
        const lie = { state: 'unanswered' } as const;
        return stands.map((one) => (one?.state === 'open' ? lie : one));
      },
    }));
  });

  it('an answer that changes on its way', async () => {
    await caught(/^G3 signal .* its sender heard/, (store) => ({
      ...store,
      answers: async (asks) => {
        const stands = await store.answers(asks);
        return stands.map((one) => (one?.state === 'answered' ? { ...one, answer: '1' } : one));
      },
    }));
  });

  it('an answer that is forgotten', async () => {
    await caught(/^(G4 signal .* has no answer|G4 signal .* which nobody gave)/, (store) => ({
      ...store,
      record: (items) =>
        store.record(
          items.map((item) => ({
            ...item,
            writes: item.writes.map((write) =>
              write.does === 'end' && write.key.startsWith('answer/')
                ? { ...write, end: { ...write.end, value: '"another"' } }
                : write,
            ),
          })),
        ),
    }));
  });
});

const given = (key: string, nth: number, signal: { n: number; id: string; name: string }) => ({
  ...{ key, kind: 'signal', wait: null },
  end: { how: 'returned', value: JSON.stringify(signal), error: null, nth, at: 0 as never },
});

const open = (key: string, names: readonly string[]) => ({
  ...{ key, kind: 'signal', end: null },
  wait: { event: { paths: JSON.stringify(names) } },
});

/** As much of a world as the auditor looks at. */
function setUp() {
  const violations: string[] = [];
  let now = 0;
  const row = { id: 'r', stage: 'running', finishedAt: null } as unknown as RunRow;
  const world = {
    marks: new Marks(),
    clock: { mono: () => now },
    rowOf: () => row,
    wallNow: () => 0,
    violation: (what: string) => violations.push(what),
  } as unknown as SimWorld;
  const audit = new SignalAudit(world);
  const send = (id: string, name: string): void => {
    const items = [{ runId: 'r', id, name, data: 'null' }];
    audit.sending(items);
    audit.signalled(items, [{ ok: true, id, created: true }]);
    now += 1;
  };
  const judge = (...steps: readonly object[]): string => {
    audit.judge('r', { steps: steps as readonly StepRow[] });
    return violations.splice(0).join('; ');
  };
  return { audit, send, judge, violations };
}

describe('the auditor of signals', () => {
  const one = { n: 1, id: 's1', name: 'go' };
  const two = { n: 2, id: 's2', name: 'go' };

  it('G1: sees one that is given twice, out of order, or that nobody sent', () => {
    const { send, judge } = setUp();
    send('s1', 'go');
    send('s2', 'go');
    assert.equal(judge(given('a', 1, one), given('b', 2, two)), '');
    assert.match(judge(given('a', 1, one), given('b', 2, one)), /s1 .* is given to two waits/);
    assert.match(judge(given('b', 2, one), given('a', 1, two)), /s1 .* behind s2/);
    assert.match(judge(given('a', 1, { ...one, id: 'x' })), /was given as go: sent as undefined/);
  });

  it('G2: sees a wait that goes on for one that was there', () => {
    const { send, judge } = setUp();
    send('s1', 'go');
    assert.equal(judge(open('a', ['halt'])), '');
    assert.equal(judge(given('a', 1, one), open('b', ['go'])), '');
    assert.match(judge(open('a', ['go', 'halt'])), /^G2 signal s1 .* 'a' waits for it/);
  });

  it('G3: sees that a sender is told one thing and another', () => {
    const { audit, send, violations } = setUp();
    send('s1', 'go');
    audit.waiting('r', 's1')({ state: 'answered', answer: '1' });
    const late = audit.waiting('r', 's1');
    assert.deepEqual(violations, []);
    audit.waiting('r', 's1')({ state: 'answered', answer: '2' });
    assert.match(violations.splice(0).join(), /is told as .*"2".* and was as .*"1"/);
    audit.rolledBack();
    late({ state: 'answered', answer: '3' });
    assert.deepEqual(violations, []);
  });
});
