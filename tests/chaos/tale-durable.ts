/**
 * Owns the durable run of the made-up run of chaos: a step, a wait for an event without a slot, and
 * a step of the next owner, to whom the first one is given again.
 */
import type { SentEnd, StepText } from './ledger.ts';
import { childrenOf } from './saga.ts';
import type { Teller } from './tale.ts';

const run = 's';
const seq = 50;
const first: StepText = { key: 'step/d1', how: 'returned', value: '"one under 1"' };
const heard = { key: 'event/d2', value: '"s/event/d2"' };
const third: StepText = { key: 'step/d3', how: 'returned', value: '"three under 2"' };

/** The salt of a program that starts no children. */
const childless = Array.from({ length: 100 }, (_, salt) => salt).find(
  (salt) => childrenOf(salt) === 0,
);

/** Tells it. */
export function tellDurable(teller: Teller): void {
  const input = { steps: 0, stepMs: 0, againSteps: 0, failures: 0, lane: null, tenant: 'free' };
  const text = JSON.stringify({ ...input, salt: childless });
  const ask = { verb: 'start', id: run, fn: 'saga', input: text } as const;
  teller.asked('s1', 490, ask, { start: 'created' });
  claim(teller, 'w1.1', 500, 1);
  act(teller, 'w1.1', 505, 1, first);
  given(teller, 'w1.1', 512, 1, [String(first.value)]);
  teller.tell('w1.1', 513, { what: 'asks', run, fence: 1, key: heard.key, ms: 2_000 });
  end(teller, 'w1.1', 515, { fence: 1, how: 'parked', result: null });
  teller.asked('s1', 540, { verb: 'emit', id: run, key: heard.key }, { emitted: true });
  claim(teller, 'w2.1', 610, 2);
  given(teller, 'w2.1', 612, 2, [String(first.value), heard.value]);
  act(teller, 'w2.1', 620, 2, third);
  const values = [String(first.value), heard.value, String(third.value)];
  given(teller, 'w2.1', 628, 2, values.slice(2), 2);
  teller.tell('w2.1', 629, { what: 'return', run, fence: 2, aborted: false });
  const result = JSON.stringify({ fence: 2, attempt: 2, given: values });
  end(teller, 'w2.1', 630, { fence: 2, how: 'succeeded', result });
  const ended = { outcome: 'succeeded', note: null, result } as const;
  const seen = { seq, status: 'done', attempt: 2, fence: 2, stop: false, ...ended } as const;
  teller.runs.push({ id: run, fn: 'saga', seen, steps: [first, third] });
}

function claim(teller: Teller, who: 'w1.1' | 'w2.1', at: number, fence: number): void {
  const node = who === 'w1.1' ? 1 : 2;
  const claimed = { id: run, seq, fence, attempt: fence, lane: null, tenant: 'free' };
  teller.tell(who, at, { what: 'claimed', from: at - 1, node, runs: [claimed] });
  teller.tell(who, at + 1, { what: 'begin', run, fence, aborted: false });
}

/** The code of a step, and its end. */
function act(teller: Teller, who: string, at: number, fence: number, step: StepText): void {
  teller.tell(who, at, { what: 'deed', run, fence, aborted: false, key: step.key, tries: 1 });
  const items = [{ id: run, seq, fence, ends: [step] }];
  teller.asked(who, at + 3, { verb: 'record', items }, { records: [{ ok: true, ours: [true] }] });
}

function given(
  teller: Teller,
  who: string,
  at: number,
  fence: number,
  values: readonly string[],
  from = 0,
): void {
  const keys = [first.key, heard.key, third.key];
  for (const [index, value] of values.entries()) {
    const nth = from + index;
    const key = keys[nth] ?? '';
    teller.tell(who, at + index, { what: 'given', run, fence, nth, key, value });
  }
}

function end(
  teller: Teller,
  who: string,
  at: number,
  own: Pick<SentEnd, 'fence' | 'how' | 'result'>,
): void {
  const outcome = own.how === 'succeeded' ? 'succeeded' : null;
  const verdict = { ok: true, outcome, repeated: false, note: null } as const;
  const sent: SentEnd = { id: run, seq, failure: null, ...own };
  teller.asked(who, at, { verb: 'end', ends: [sent] }, { verdicts: [verdict] });
}
