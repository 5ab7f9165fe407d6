/**
 * Owns the starts that meet in the made-up run of chaos: a debounced run that two starts become,
 * and two runs of a unique one, the first of which a further start meets.
 */
import { debounced, unique } from './functions.ts';
import type { Teller } from './tale.ts';

interface Executed {
  readonly id: string;
  readonly seq: number;
  readonly fn: string;
  readonly salt: number;
  readonly claimedAt: number;
  readonly doneAt: number;
}

/** Tells it. */
export function tellFlow(teller: Teller): void {
  start(teller, 5_000, 'm1', debounced, 1, null);
  start(teller, 5_100, 'm2', debounced, 2, 'm1');
  execute(teller, { id: 'm1', seq: 60, fn: debounced, salt: 2, claimedAt: 5_510, doneAt: 5_530 });
  start(teller, 5_000, 'n1', unique, 1, null);
  start(teller, 5_050, 'n2', unique, 2, 'n1');
  execute(teller, { id: 'n1', seq: 61, fn: unique, salt: 1, claimedAt: 5_020, doneAt: 5_200 });
  start(teller, 5_300, 'n3', unique, 3, null);
  execute(teller, { id: 'n3', seq: 62, fn: unique, salt: 3, claimedAt: 5_310, doneAt: 5_330 });
}

/** `joined`: the run that it became, if not one of its own. */
function start(
  teller: Teller,
  at: number,
  id: string,
  fn: string,
  salt: number,
  joined: string | null,
): void {
  const input = { steps: 1, stepMs: 1, againSteps: 0, failures: 0, lane: null, tenant: 'free' };
  const ask = {
    verb: 'start',
    id,
    fn,
    input: JSON.stringify({ ...input, salt, key: 'a' }),
  } as const;
  const how = fn === unique ? 'unique' : 'debounced';
  teller.asked('s1', at, ask, joined === null ? { start: 'created' } : { joined, how });
}

function execute(teller: Teller, { id: run, seq, fn, salt, claimedAt, doneAt }: Executed): void {
  const about = { run, fence: 1, aborted: false };
  const claimed = { id: run, seq, fence: 1, attempt: 1, lane: null, tenant: 'free' };
  teller.tell('w2.1', claimedAt, {
    what: 'claimed',
    from: claimedAt - 1,
    node: 2,
    runs: [claimed],
  });
  teller.tell('w2.1', claimedAt + 1, { what: 'begin', ...about });
  teller.tell('w2.1', doneAt, { what: 'return', ...about });
  const result = JSON.stringify({ fence: 1, attempt: 1, salt });
  const sent = { id: run, seq, fence: 1, how: 'succeeded', result, failure: null } as const;
  const verdict = { ok: true, outcome: 'succeeded', repeated: false, note: null } as const;
  teller.asked('w2.1', doneAt + 1, { verb: 'end', ends: [sent] }, { verdicts: [verdict] });
  const ended = { outcome: 'succeeded', note: null, result } as const;
  const seen = { seq, status: 'done', attempt: 1, fence: 1, stop: false, ...ended } as const;
  teller.runs.push({ id: run, fn, seen });
}
