/**
 * Owns signals to runs: taking them in, giving each to one wait, and telling what was answered.
 *
 * G1 A signal is kept only for a run that is not done and whose inbox has room; both are looked at
 *    in the transaction that keeps it. Sent twice, under one id, it is one.
 * G2 A signal that comes while a wait is open for its name ends that wait, the one asked for first;
 *    a wait that begins is given the first signal that nobody was given. So there is never both, an
 *    open wait and a signal that it takes, and each signal is given once, in order.
 * G3 The answer is a step of the run: it is committed under the fence, and its first end stands.
 */
import { answerKey, signalEvent, signalValues, takes } from '../../core/durable/signals.ts';
import { limits } from '../../core/limits.ts';
import type { Waking } from '../../ports/store.ts';
import type {
  AnswerAsk,
  SignalItem,
  SignalRow,
  SignalStand,
  SignalVerdict,
  StateRow,
} from '../../ports/store-signals.ts';
import type { StepEnd } from '../../ports/store-steps.ts';
import { endBySignal } from './inbox.ts';
import { endWait } from './recording.ts';
import { sameJson } from './start.ts';
import type { RunRow } from './tables.ts';
import type { Txn } from './txn.ts';

/** Keeps signals, each with its own verdict. */
export function signal(txn: Txn, items: readonly SignalItem[]): Waking<readonly SignalVerdict[]> {
  const reply = items.map((item) => keep(txn, item));
  return { reply, woken: txn.takeWoken() };
}

/** G1 */
function keep(txn: Txn, { runId, id, name, data }: SignalItem): SignalVerdict {
  const { runs, signals } = txn.tables;
  const row = runs.byId(runId);
  if (row === undefined) {
    return { ok: false, code: 'run.not_found', message: `no run '${runId}' is in the store` };
  }
  const known = signals.byId(row.seq, id);
  if (known !== undefined) {
    if (known.name === name && sameJson(known.data, data)) return { ok: true, id, created: false };
    const message = `the id '${id}' is taken by a signal with another name or other data`;
    return { ok: false, code: 'signal.conflict', message };
  }
  if (row.stage === 'done') {
    const message = `run '${runId}' has its outcome; it takes no more signals`;
    return { ok: false, code: 'run.already_done', message };
  }
  const { last, unread } = signals.size(row.seq);
  if (unread >= limits.signalsMax) {
    const message = `${unread} signals wait in the inbox of run '${runId}', which is its limit`;
    return { ok: false, code: 'signals.full', message };
  }
  const wait = waitFor(txn, row, name);
  const at = txn.moment.wall;
  const kept: SignalRow = { n: last + 1, id, name, data, at, taken: wait !== null };
  signals.insert(row.seq, kept);
  if (wait !== null) endWait(txn, row.seq, wait, endBySignal(kept));
  return { ok: true, id, created: true };
}

/** G2: the key of the open wait that takes the name, the one asked for first; or null. */
function waitFor({ tables: { steps } }: Txn, row: RunRow, name: string): string | null {
  const event = signalEvent(row.id);
  let first: { readonly ord: number; readonly key: string } | null = null;
  for (const paths of steps.wantedPaths(row.tenant, event, limits.stepsMax)) {
    if (!takes(paths, name)) continue;
    const match = { paths, values: signalValues };
    for (const { seq, key } of steps.wanting(row.tenant, event, match, 1)) {
      const ord = steps.get(seq, key)?.ord ?? Number.MAX_SAFE_INTEGER;
      if (first === null || ord < first.ord) first = { ord, key };
    }
  }
  return first?.key ?? null;
}

/** How signals stand, each in its place. */
export function answers(txn: Txn, asks: readonly AnswerAsk[]): readonly (SignalStand | null)[] {
  const { runs, signals, steps } = txn.tables;
  return asks.map(({ runId, id }) => {
    const row = runs.byId(runId);
    if (row === undefined || signals.byId(row.seq, id) === undefined) return null;
    return standOf(steps.get(row.seq, answerKey(id))?.end ?? null, row.stage === 'done');
  });
}

/** How a signal stands, by the end of the step that answers it. */
export function standOf(end: Pick<StepEnd, 'how' | 'value'> | null, done: boolean): SignalStand {
  if (end?.how === 'returned' && end.value !== null) {
    return { state: 'answered', answer: end.value };
  }
  return { state: done ? 'unanswered' : 'open' };
}

/** The declared state of a run. */
export function state(txn: Txn, id: string): readonly StateRow[] | null {
  const row = txn.tables.runs.byId(id);
  return row === undefined ? null : txn.tables.notes.state(row.seq);
}
