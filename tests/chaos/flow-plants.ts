/**
 * Owns what is wrong with signals, children and flow control, one thing at a time: planted into the
 * made-up run of chaos, and what the auditor has to say of it.
 */
import type { Evidence } from './auditor.ts';
import type { Answer, Line } from './ledger.ts';

type Plant = readonly [string, (evidence: Evidence) => Evidence, RegExp];

/** With other words in place of some, or (null) without them. */
const changed = (evidence: Evidence, change: (line: Line) => Line | null): Evidence => ({
  ...evidence,
  lines: evidence.lines
    .map(change)
    .filter((line) => line !== null)
    .toSorted((a, b) => a.at - b.at),
});

/** The call of what is asked about this id, and its answer, in other words. */
function asked(
  evidence: Evidence,
  verb: string,
  id: string,
  change: { readonly answer?: Answer; readonly byMs?: number },
): Evidence {
  const ops = new Set(
    evidence.lines.flatMap((line) =>
      line.what === 'call' && line.ask.verb === verb && 'id' in line.ask && line.ask.id === id
        ? [line.op]
        : [],
    ),
  );
  return changed(evidence, (line) => {
    if ((line.what !== 'call' && line.what !== 'answer') || !ops.has(line.op)) return line;
    const at = line.at + (change.byMs ?? 0);
    if (line.what === 'call' || change.answer === undefined) return { ...line, at };
    return { ...line, at, answer: change.answer };
  });
}

/** What the code of the run that is told something is given at its second wait. */
const secondGiven = (evidence: Evidence, value: string): Evidence =>
  changed(evidence, (line) =>
    line.what === 'given' && line.key === 'signal/d2' ? { ...line, value } : line,
  );

const stands = (evidence: Evidence, answer: string | null): Evidence => ({
  ...evidence,
  answers: evidence.answers.map((one) => ({ ...one, answer })),
});

const claimed = (evidence: Evidence, run: string, at: number): Evidence =>
  changed(evidence, (line) =>
    line.what === 'claimed' && line.runs[0]?.id === run ? { ...line, at, from: at - 1 } : line,
  );

/** What is wrong, how it is planted, and what the auditor must say. */
export const flowPlants: readonly Plant[] = [
  [
    'G3: a child that is lost, and one too many',
    (e) => ({ ...e, runs: e.runs.filter(({ id }) => id !== 'u-kid') }),
    /^S8 run u has 0 children; its program starts 1/,
  ],
  [
    'a signal that is given to two waits',
    (e) => secondGiven(e, '"u/told-0"'),
    /^S9 run u: "u\/told-0" was given to signal\/d1 and signal\/d2/,
  ],
  [
    'a signal that nobody sent',
    (e) => secondGiven(e, '"u/told-9"'),
    /^S9 run u: signal\/d2 gave "u\/told-9", which nobody sent/,
  ],
  [
    'G3: a signal that is never given, while the run waits',
    (e) =>
      changed(e, (line) =>
        line.what === 'given' && line.key === 'signal/d1' ? { ...line, value: 'null' } : line,
      ),
    /^S10 \(G3\) run u: signal\/d2 was over, and u\/told-0 was there/,
  ],
  ['G3: a signal that is lost', (e) => stands(e, null), /^S10 \(G3\) signal .* and is lost/],
  [
    'G2: an answer that somebody heard otherwise',
    (e) => stands(e, '{"state":"accepted","value":{"fence":2}}'),
    /^S11 \(G2\) signal .* a sender heard .*"fence":1/,
  ],
  [
    'an answer that no code gave',
    (e) => changed(e, (line) => (line.what === 'says' || line.what === 'said' ? null : line)),
    /^S11 signal .* which no code gave/,
  ],
  [
    'an answer that was kept, and is not there',
    (e) => stands(e, '{"state":"unanswered"}'),
    /^S11 signal .* is unanswered, and its code was told/,
  ],
  [
    'two runs where there should be one',
    (e) => asked(e, 'start', 'n2', { answer: { start: 'created' } }),
    /^C2 \(G3\) start n2 became run n2, which is lost/,
  ],
  [
    'two runs of a unique one at once',
    (e) => asked(e, 'start', 'n3', { byMs: -150 }),
    /^C1 runs n1 and n3 of one key are there at once/,
  ],
  [
    'a start that becomes a run which is over',
    (e) => asked(e, 'start', 'n2', { byMs: 160 }),
    /^C1 start n2 became run n1, which was over/,
  ],
  [
    'a debounced run with the input of a start that was not the last',
    (e) => asked(e, 'start', 'm1', { byMs: 150 }),
    /^C3 run m1 was executed with 2, and a later start became it/,
  ],
  [
    'a debounced run with an input that nobody gave',
    (e) => asked(e, 'start', 'm2', { answer: { joined: 'n1', how: 'debounced' } }),
    /^C3 run m1 was executed with 2, which nobody gave it/,
  ],
  [
    'a debounced run that begins before it is quiet',
    (e) => claimed(e, 'm1', 5_420),
    /^C4 run m1 began \d+ ms before it was quiet after m2/,
  ],
  [
    'a debounced run that takes a start after it began',
    (e) => asked(e, 'start', 'm2', { byMs: 420 }),
    /^C4 start m2 became run m1, which had begun/,
  ],
];
