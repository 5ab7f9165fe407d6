/**
 * Owns the durable run of the made-up run of chaos that is told something and answers, waits for a
 * second signal that never comes, and has as many children as its program starts.
 */
import { childrenOf } from './saga.ts';
import type { FinalAnswer } from './signal-audit.ts';
import type { Teller } from './tale.ts';

const run = 'u';
const signal = 'u/told-0';
const said = JSON.stringify({ state: 'accepted', value: { fence: 1 } });

/** How the signals of the tale stand at its end. */
export const answersTold: readonly FinalAnswer[] = [{ run, signal, answer: said }];

/** A program that starts one child. */
const salt = Array.from({ length: 1_000 }, (_, one) => one).find((one) => childrenOf(one) === 1);

/** Tells it. */
export function tellSignals(teller: Teller): void {
  const who = 'w2.1';
  const about = { run, fence: 1 } as const;
  const input = { steps: 0, stepMs: 0, againSteps: 0, failures: 0, lane: null, tenant: 'free' };
  const text = JSON.stringify({ ...input, salt });
  const ask = { verb: 'start', id: run, fn: 'saga', input: text } as const;
  teller.asked('s1', 5_190, ask, { start: 'created' });
  const claimed = { id: run, seq: 70, fence: 1, attempt: 1, lane: null, tenant: 'free' };
  teller.tell(who, 5_200, { what: 'claimed', from: 5_199, node: 2, runs: [claimed] });
  teller.tell(who, 5_201, { what: 'begin', ...about, aborted: false });
  teller.tell(who, 5_202, { what: 'asks', ...about, key: 'signal/d1', ms: 2_000 });
  teller.asked('s1', 5_210, { verb: 'signal', id: run, signal }, { signalled: true });
  teller.tell(who, 5_215, { what: 'says', ...about, signal, answer: said });
  teller.tell(who, 5_218, { what: 'said', ...about, signal, answer: said });
  const values = [JSON.stringify(signal), 'null'];
  teller.tell(who, 5_219, {
    what: 'given',
    ...about,
    nth: 0,
    key: 'signal/d1',
    value: values[0] ?? '',
  });
  teller.asked('s1', 5_220, { verb: 'hear', id: run, signal }, { heard: said });
  teller.tell(who, 5_221, { what: 'asks', ...about, key: 'signal/d2', ms: 400 });
  teller.tell(who, 5_640, { what: 'given', ...about, nth: 1, key: 'signal/d2', value: 'null' });
  teller.tell(who, 5_650, { what: 'return', ...about, aborted: false });
  const result = JSON.stringify({ fence: 1, attempt: 1, given: values });
  finish(teller, run, 70, 5_651, 'saga', result);
  const kid = { id: 'u-kid', seq: 71, fence: 1, attempt: 1, lane: null, tenant: 'free' };
  teller.tell(who, 5_300, { what: 'claimed', from: 5_299, node: 2, runs: [kid] });
  teller.tell(who, 5_301, { what: 'begin', run: kid.id, fence: 1, aborted: false });
  teller.tell(who, 5_302, { what: 'return', run: kid.id, fence: 1, aborted: false });
  finish(teller, kid.id, kid.seq, 5_303, 'kid', JSON.stringify({ fence: 1, attempt: 1, salt: 0 }));
}

function finish(
  teller: Teller,
  id: string,
  seq: number,
  at: number,
  fn: string,
  result: string,
): void {
  const sent = { id, seq, fence: 1, how: 'succeeded', result, failure: null } as const;
  const verdict = { ok: true, outcome: 'succeeded', repeated: false, note: null } as const;
  teller.asked('w2.1', at, { verb: 'end', ends: [sent] }, { verdicts: [verdict] });
  const ended = { outcome: 'succeeded', note: null, result } as const;
  const seen = { seq, status: 'done', attempt: 1, fence: 1, stop: false, ...ended } as const;
  const parent = id === run ? {} : { parent: run };
  teller.runs.push({ id, fn, seen, ...(fn === 'saga' && { steps: [] }), ...parent });
}
