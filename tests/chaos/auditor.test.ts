/**
 * Proves the auditor of chaos: it finds nothing where everything is right, and each thing that is
 * wrong. An auditor that finds nothing in a broken run says nothing about a sound one.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FinalRun } from './account.ts';
import { audit, type Evidence } from './auditor.ts';
import { durablePlants } from './durable-plants.ts';
import { flowPlants } from './flow-plants.ts';
import type { Line, SentEnd, Told } from './ledger.ts';
import { honestEvidence } from './tale.ts';

const lineOf = (who: string, at: number, told: Told): Line => ({ ...told, who, at });

const withLines = (evidence: Evidence, ...lines: readonly Line[]): Evidence => ({
  ...evidence,
  lines: [...evidence.lines, ...lines].toSorted((a, b) => a.at - b.at),
});

/** The same lines with some of them changed, moved or (null) taken out. */
const changed = (evidence: Evidence, change: (line: Line) => Line | null): Evidence => ({
  ...evidence,
  lines: evidence.lines
    .map(change)
    .filter((line) => line !== null)
    .toSorted((a, b) => a.at - b.at),
});

const changedRun = (evidence: Evidence, id: string, seen: Partial<FinalRun['seen']>): Evidence => ({
  ...evidence,
  runs: evidence.runs.map((run) =>
    run.id === id ? { ...run, seen: { ...run.seen, ...seen } } : run,
  ),
});

/** An accepted end, with its call and its answer. */
function acceptedEnd(who: string, at: number, end: Partial<SentEnd>): readonly Line[] {
  const sent: SentEnd = {
    ...{ id: 'a', seq: 1, fence: 1, how: 'succeeded', result: '{"fence":1}', failure: null },
    ...end,
  };
  const ok = { ok: true, outcome: 'succeeded', repeated: false, note: null } as const;
  return [
    lineOf(who, at, { what: 'call', op: -1, ask: { verb: 'end', ends: [sent] } }),
    lineOf(who, at + 1, { what: 'answer', op: -1, answer: { verdicts: [ok] } }),
  ];
}

/** What `who` writes of a run is moved by so much. */
const moved = (evidence: Evidence, who: string, run: string, byMs: number): Evidence => {
  const ops = new Set<number>();
  return changed(evidence, (line) => {
    if (line.who !== who) return line;
    const at = line.at + byMs;
    switch (line.what) {
      case 'call':
        if (line.ask.verb !== 'end' || line.ask.ends[0]?.id !== run) return line;
        ops.add(line.op);
        return { ...line, at };
      case 'answer':
        return ops.has(line.op) ? { ...line, at } : line;
      case 'claimed':
        return line.runs[0]?.id === run ? { ...line, at, from: line.from + byMs } : line;
      case 'begin':
      case 'step':
      case 'return':
        return line.run === run ? { ...line, at } : line;
      default:
        return line;
    }
  });
};

const recoveredAs = (evidence: Evidence, kind: string): Evidence =>
  changed(evidence, (line) =>
    line.what === 'call' && line.ask.verb === 'recover'
      ? { ...line, ask: { ...line.ask, kind } }
      : line,
  );

/** What is wrong, how it is planted, and what the auditor must say. */
const plants: readonly [string, (evidence: Evidence) => Evidence, RegExp][] = [
  [
    'G1: a second accepted end',
    (e) => withLines(e, ...acceptedEnd('w2.1', 80, { fence: 2 })),
    /^U2 .* run a has 2 accepted ends/,
  ],
  [
    'G1: an end accepted under a fence that was taken over',
    (e) => withLines(e, ...acceptedEnd('w1.1', 4_100, { id: 'b', seq: 2, fence: 1 })),
    /^U1 .* run b: w1.1 ended fence 1 after w2.1 had 3/,
  ],
  [
    'G1: one fence for two owners',
    (e) =>
      changed(e, (line) =>
        line.what === 'claimed' && line.at === 3_010
          ? { ...line, runs: line.runs.map((run) => ({ ...run, fence: 1 })) }
          : line,
      ),
    /^U1 .* run b was claimed twice/,
  ],
  [
    'G1: one ownership that is executed twice',
    (e) => withLines(e, lineOf('w1.1', 60, { what: 'begin', run: 'a', fence: 1, aborted: false })),
    /^G1 run a is executed twice under fence 1/,
  ],
  [
    'G2: an outcome that changed at the end',
    (e) => changedRun(e, 'a', { outcome: 'failed attempt.failed', result: null }),
    /^U3 .* run a has the outcomes/,
  ],
  [
    'G2: a result that somebody saw otherwise',
    (e) =>
      changed(e, (line) =>
        line.what === 'answer' && line.who === 's2' && 'outcome' in line.answer
          ? { ...line, answer: { ...line.answer, result: '"other"' } }
          : line,
      ),
    /^U3 .* run a has the results/,
  ],
  [
    'G3: an acknowledged run that the store does not know',
    (e) => ({ ...e, runs: e.runs.filter(({ id }) => id !== 'd') }),
    /^U4 \(G3\) run d is lost/,
  ],
  [
    'G3: a run that never ended',
    (e) => changedRun(e, 'd', { status: 'running', outcome: null, result: null }),
    /^U4 \(G3\) run d is running and never ended/,
  ],
  [
    'a success that no handler returned',
    (e) => changed(e, (line) => (line.what === 'return' && line.run === 'a' ? null : line)),
    /^U5 run a succeeded under 1, and no handler returned/,
  ],
  [
    "a result that is not the owner's",
    (e) => changedRun(e, 'a', { result: '"else"' }),
    /^U5 run a: result "else"/,
  ],
  [
    'G4: a lane that executes two',
    (e) => moved(e, 'w2.1', 'c', -150),
    /^P1 lane single-a executes at once b\/3 .*, c\/1/,
  ],
  [
    'G4: a successor that begins before the owner is lost',
    (e) => moved(e, 'w2.1', 'c', -600),
    /^P1 lane single-a executes at once b\/1 .*, c\/1/,
  ],
  [
    'G4: an order that is not that of acceptance',
    (e) => moved(moved(e, 'w2.1', 'c', -150), 'w2.1', 'b', 300),
    /^U7 lane single-a has no sequential order/,
  ],
  [
    'a tenant over its limit',
    (e) => moved(e, 'w1.1', 'f', -60),
    /^P2 tenant tight owns at once d\/1 .*, e\/1 .*, f\/1/,
  ],
  [
    'G6: a process that executes more than it has slots',
    (e) => ({ ...e, slots: 1 }),
    /^P3 w1.1 with 1 slots executes/,
  ],
  [
    'G7: a lease that was not over',
    (e) =>
      withLines(e, lineOf('w1.1', 1_900, { what: 'beat', from: 1_890, node: 1, ttlMs: 2_000 })),
    /^T2 a lease of 2000 ms was over 1112 ms after/,
  ],
  [
    'G7: a proof of death for a process that lives',
    (e) => recoveredAs(e, 'process-gone'),
    /^T1 a process that was not killed is said to be gone/,
  ],
  [
    'G7: a node that is said to have stopped and executes',
    (e) => recoveredAs(e, 'left'),
    /^T3 it still executes run b/,
  ],
  [
    'a renewal of a node that is lost',
    (e) =>
      withLines(e, lineOf('w1.1', 4_200, { what: 'beat', from: 4_190, node: 1, ttlMs: 2_000 })),
    /^T4 node 1 was lost and renewed/,
  ],
  [
    'G7: an owner that acts long after it was lost and thawed',
    (e) =>
      withLines(
        e,
        ...[lineOf('w1.1', 5_500, { what: 'step', run: 'b', fence: 1, aborted: false })],
      ),
    /^P4 w1.1 acts for b\/1/,
  ],
  [
    'an answer that no order explains',
    (e) =>
      changed(e, (line) =>
        line.what === 'answer' && 'start' in line.answer
          ? { ...line, answer: { start: 'known' } }
          : line,
      ),
    /^U7 run a has no sequential order/,
  ],
  [
    'what is left at the end',
    (e) => ({ ...e, leftovers: ['tenant tight holds 1 places'] }),
    /^U8 tenant tight holds 1 places/,
  ],
];

/** The answer to the start of a run is lost, and whoever asks again is told that it is there. */
const startLost = (evidence: Evidence, run: string): Evidence => {
  const told = changed(evidence, (line) => {
    if (line.what !== 'answer' || !('start' in line.answer)) return line;
    const call = evidence.lines.find((one) => one.what === 'call' && one.op === line.op);
    const same = call?.what === 'call' && call.ask.verb === 'start' && call.ask.id === run;
    return same ? { ...line, answer: { start: 'known' } } : line;
  });
  return { ...told, resends: true };
};

/** A run that is executed at most once, whose owner died before it knew that it had it. */
function withLost(evidence: Evidence): Evidence {
  const input = JSON.stringify({ lane: 'single-a', tenant: 'free' });
  const ask = { verb: 'start', id: 'g', fn: 'once', input } as const;
  const ended = { outcome: 'lost attempt.crashed', note: 'it is gone', result: null } as const;
  const seen = { seq: 9, status: 'done', attempt: 1, fence: 2, stop: false, ...ended } as const;
  const lines = [
    lineOf('s1', 5_000, { what: 'call', op: 90, ask }),
    lineOf('s1', 5_010, { what: 'answer', op: 90, answer: { start: 'created' } }),
  ];
  return {
    ...withLines(evidence, ...lines),
    runs: [...evidence.runs, { id: 'g', fn: 'once', seen }],
  };
}

/** A run in a lane that was cancelled by a call whose first sending was not answered. */
function withCancelLost(evidence: Evidence): Evidence {
  const input = JSON.stringify({ lane: 'single-a', tenant: 'free' });
  const ask = { verb: 'start', id: 'h', fn: 'quick', input } as const;
  const ended = { outcome: 'cancelled run.cancelled', note: 'why', result: null } as const;
  const seen = { seq: 2.5, status: 'done', attempt: 0, fence: 0, stop: false, ...ended } as const;
  const lines = [
    lineOf('s1', 920, { what: 'call', op: 92, ask }),
    lineOf('s1', 930, { what: 'answer', op: 92, answer: { start: 'created' } }),
    lineOf('s1', 935, { what: 'call', op: 93, ask: { verb: 'cancel', id: 'h' } }),
    lineOf('s1', 945, { what: 'answer', op: 93, answer: { cancel: 'done' } }),
  ];
  const run = { id: 'h', fn: 'quick', seen };
  return { ...withLines(evidence, ...lines), runs: [...evidence.runs, run], resends: true };
}

/** A node that joined and was never told so, and was taken for dead in time. */
const withUnknownNode = (evidence: Evidence): Evidence =>
  withLines(
    evidence,
    lineOf('w2.1', 5_000, {
      ...{ what: 'call', op: 91, ask: { verb: 'recover', node: 7, kind: 'lease-over' } },
    }),
    lineOf('w2.1', 5_010, { what: 'answer', op: 91, answer: { recovered: true } }),
  );

const odd: readonly [string, (evidence: Evidence) => Evidence][] = [
  ['a start whose first sending was not answered', (e) => startLost(e, 'b')],
  ['a run that was lost before anybody heard that it was claimed', withLost],
  ['a node whose joining was not answered', withUnknownNode],
  ['a cancellation whose first sending was not answered', withCancelLost],
];

describe('the auditor of chaos', () => {
  it('finds nothing where everything is right, and looks at all of it', () => {
    const { violations, judged } = audit(honestEvidence());
    assert.deepEqual(violations, []);
    const { runs, lanes, executions, recoveries } = judged;
    assert.deepEqual(
      { runs, lanes, executions, recoveries },
      {
        ...{ runs: 11, lanes: 1, executions: 14, recoveries: 1 },
      },
    );
    assert.deepEqual([judged.deeds, judged.given], [2, 6]);
  });

  for (const [title, tell] of odd) {
    it(`finds nothing in ${title}`, () => {
      assert.deepEqual(audit(tell(honestEvidence())).violations, []);
    });
  }

  for (const [title, plant, expected] of [...plants, ...durablePlants, ...flowPlants]) {
    it(`catches ${title}`, () => {
      const { violations } = audit(plant(honestEvidence()));
      const found = violations.some((one) => expected.test(one));
      assert.ok(found, `not caught; found instead: ${violations.join('; ') || 'nothing'}`);
    });
  }
});
