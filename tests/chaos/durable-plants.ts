/**
 * Owns what is wrong with durable runs, one thing at a time: planted into the made-up run of chaos,
 * and what the auditor has to say of it.
 */
import type { Evidence } from './auditor.ts';
import type { Line, StepText, Told } from './ledger.ts';

type Plant = readonly [string, (evidence: Evidence) => Evidence, RegExp];

const at = (who: string, ms: number, told: Told): Line => ({ ...told, who, at: ms });

const inOrder = (lines: readonly Line[]): readonly Line[] => lines.toSorted((a, b) => a.at - b.at);

const withLines = (evidence: Evidence, ...lines: readonly Line[]): Evidence => ({
  ...evidence,
  lines: inOrder([...evidence.lines, ...lines]),
});

/** With other words in place of some. */
const changed = (evidence: Evidence, change: (line: Line) => Line): Evidence => ({
  ...evidence,
  lines: evidence.lines.map(change),
});

const deed = (who: string, ms: number, fence: number, tries: number): Line =>
  at(who, ms, { what: 'deed', run: 's', fence, aborted: false, key: 'step/d1', tries });

/** An end of a step that the store says it has kept. */
function kept(who: string, ms: number, fence: number, end: StepText): readonly Line[] {
  const items = [{ id: 's', seq: 50, fence, ends: [end] }];
  return [
    at(who, ms, { what: 'call', op: -1, ask: { verb: 'record', items } }),
    at(who, ms + 1, {
      ...{ what: 'answer', op: -1, answer: { records: [{ ok: true, ours: [true] }] } },
    }),
  ];
}

const other: StepText = { key: 'step/d1', how: 'returned', value: '"another"' };

/** The event is given as if it had not come; `ms`: how long the wait was to last. */
const unheard = (evidence: Evidence, ms: number): Evidence =>
  changed(evidence, (line) => {
    if (line.what === 'asks') return { ...line, ms };
    return line.what === 'given' && line.key === 'event/d2' ? { ...line, value: 'null' } : line;
  });

/** A decision was acknowledged, and the code was given something else. */
const ignored = (evidence: Evidence): Evidence => {
  const about = { run: 's', fence: 2, key: 'approval/d4' } as const;
  const ask = { verb: 'decide', id: 's', key: 'approval/d4', state: 'approved' } as const;
  return withLines(
    evidence,
    at('w2.1', 613, { ...about, what: 'asks', ms: 5 }),
    at('s1', 614, { what: 'call', op: -2, ask }),
    at('s1', 615, { what: 'answer', op: -2, answer: { decided: true } }),
    at('w2.1', 628.5, { ...about, what: 'given', nth: 3, value: '"timed-out"' }),
  );
};

/** What is wrong, how it is planted, and what the auditor must say. */
export const durablePlants: readonly Plant[] = [
  [
    'a step that is done again after its end was kept, by its owner',
    (e) => withLines(e, deed('w1.1', 514, 1, 2)),
    /^S1 run s: w1.1 does step\/d1 under 1, kept under 1/,
  ],
  [
    'a step that is done again after its end was kept, by a later owner',
    (e) => withLines(e, deed('w2.1', 613, 2, 1)),
    /^S1 run s: w2.1 does step\/d1 under 2, kept under 1/,
  ],
  [
    'a try that is begun twice',
    (e) => withLines(e, deed('w1.1', 506, 1, 1)),
    /^S2 run s: try 1 of step\/d1 began twice under 1/,
  ],
  [
    'G2: a step with two ends',
    (e) => withLines(e, ...kept('w2.1', 614, 2, other)),
    /^S3 run s: step\/d1 has the ends/,
  ],
  [
    'an end in the store that nobody sent',
    (e) => ({
      ...e,
      runs: e.runs.map((run) => (run.id === 's' ? { ...run, steps: [other] } : run)),
    }),
    /^S3 run s: step\/d1 ended as returned "another", and nobody sent that/,
  ],
  [
    'code that is given what no end of the step is',
    (e) =>
      changed(e, (line) =>
        line.what === 'given' && line.key === 'step/d3' ? { ...line, value: '"new"' } : line,
      ),
    /^S3 run s: under 2 step\/d3 gave "new"/,
  ],
  [
    'G1: a step that is kept under a fence that ended',
    (e) => withLines(e, ...kept('w1.1', 550, 1, { ...other, key: 'step/late' })),
    /^S4 \(G1\) run s: w1.1 kept step\/late under 1, which had ended: parked/,
  ],
  [
    'G1: a step that is kept under a fence that was taken over',
    (e) => withLines(e, ...kept('w1.1', 615, 1, { ...other, key: 'step/late' })),
    /^S4 \(G1\) run s: w1.1 kept step\/late under 1 after 2/,
  ],
  [
    'a later attempt that is given something else',
    (e) =>
      changed(e, (line) =>
        line.what === 'given' && line.nth === 0 && line.fence === 2
          ? { ...line, value: '"else"' }
          : line,
      ),
    /^S5 run s was given at 0 step\/d1 "one under 1" under 1, and then/,
  ],
  [
    'a result that is not what the code was given',
    (e) => ({ ...e, lines: e.lines.filter((one) => one.what !== 'given' || one.nth < 2) }),
    /^S5 run s gave back/,
  ],
  [
    'a wait that is over before its time',
    (e) => unheard(e, 2_000),
    /^S6 run s: event\/d2 was over \d+ ms before its time/,
  ],
  [
    'G3: an event that came in time and is lost',
    (e) => unheard(e, 95),
    /^S7 \(G3\) run s: event\/d2 was not told of its event/,
  ],
  [
    'G3: a decision that is lost',
    ignored,
    /^S7 \(G3\) run s: approval\/d4 gave "timed-out", and approved/,
  ],
];
