/**
 * Owns the histories that the models are asked about: the operations on each run, and on each lane.
 *
 * Y1 A window is never narrower than the truth: it begins before the call of whatever may have done
 *    it, and ends with the first answer that shows that it was done.
 */
import type { Account, AccountedEnd, FinalRun, Op } from './account.ts';
import { durable, losing, type WorkInput } from './functions.ts';
import type { LaneOp } from './lane-model.ts';
import type { Operation } from './linearizability.ts';
import type { RunOp } from './run-model.ts';

/** The inputs under which a run was started, and whether any start was acknowledged. */
export interface StartedRun {
  readonly id: string;
  readonly input: WorkInput;
  readonly onCrash: 'retry' | 'lose';
  readonly cleansUp: boolean;
  readonly acknowledged: boolean;
}

/** Every run that somebody started or tried to. */
export function startedRuns({ ops }: Account): readonly StartedRun[] {
  const started: StartedRun[] = [];
  for (const [id, list] of ops) {
    const starts = list.filter(({ ask }) => ask.verb === 'start');
    const ask = starts[0]?.ask;
    if (ask?.verb !== 'start') continue;
    const acknowledged = starts.some(
      ({ answer }) =>
        answer !== null &&
        'start' in answer &&
        (answer.start === 'created' || answer.start === 'known'),
    );
    const onCrash = losing.includes(ask.fn) ? 'lose' : 'retry';
    const input = JSON.parse(ask.input) as WorkInput;
    const cleansUp = durable.includes(ask.fn);
    started.push({ id, input, onCrash, cleansUp, acknowledged });
  }
  return started;
}

/** The operations on one run. The last is what the store says at the end. */
export function runHistory(
  account: Account,
  id: string,
  final: FinalRun | undefined,
): readonly Operation<RunOp>[] {
  const history: Operation<RunOp>[] = [];
  // Its parent knows when it started it, and tells nobody.
  if (final?.parent !== undefined) {
    const op: RunOp = { do: 'start', input: '', answer: null };
    history.push({ op, calledAt: 0, returnedAt: null });
  }
  for (const op of account.ops.get(id) ?? []) {
    const said = runOpOf(op);
    if (said === null) continue;
    const known = op.answer !== null && !('fault' in op.answer);
    history.push({
      ...{ op: said, calledAt: op.calledAt },
      returnedAt: known ? op.answeredAt : null,
    });
  }
  for (const { fence, attempt, from, at } of account.claims.get(id) ?? []) {
    history.push({ op: { do: 'claim', fence, attempt }, calledAt: from, returnedAt: at });
  }
  for (const end of account.ends.get(id) ?? []) {
    const { fence, how, result, failure, answer, calledAt, answeredAt } = end;
    const op: RunOp = { do: 'end', fence, how, result, failure, answer };
    history.push({ op, calledAt, returnedAt: answer === null ? null : answeredAt });
  }
  const op: RunOp = { do: 'read', seen: final?.seen ?? null };
  history.push({ op, calledAt: Number.MAX_SAFE_INTEGER, returnedAt: Number.MAX_SAFE_INTEGER });
  return history;
}

function runOpOf({ ask, answer }: Op): RunOp | null {
  if (ask.verb === 'start') {
    const said = answer !== null && 'start' in answer ? answer.start : null;
    return { do: 'start', input: `${ask.fn} ${ask.input}`, answer: said };
  }
  if (ask.verb === 'cancel') {
    return {
      do: 'cancel',
      answer: answer !== null && 'cancel' in answer ? answer.cancel : null,
    };
  }
  if (answer === null) return null;
  if ('seen' in answer) return { do: 'read', seen: answer.seen };
  if (!('outcome' in answer)) return null;
  const { outcome, result } = answer;
  return outcome === 'succeeded' ? { do: 'wait', outcome, result } : { do: 'wait', outcome };
}

/** The operations on one lane by the runs of it that the store knows. */
export function laneHistory(
  account: Account,
  runs: readonly FinalRun[],
): readonly Operation<LaneOp>[] {
  const history: Operation<LaneOp>[] = [];
  for (const run of runs) {
    const { seq } = run.seen;
    const claims = account.claims.get(run.id) ?? [];
    const ops = account.ops.get(run.id) ?? [];
    const ends = account.ends.get(run.id) ?? [];
    const acceptance = accepted(ops, claims);
    history.push({ op: { do: 'accept', seq }, ...acceptance });
    for (const { from, at } of claims) {
      history.push({ op: { do: 'begin', seq }, calledAt: from, returnedAt: at });
    }
    if (run.seen.status !== 'done') continue;
    history.push({ op: { do: 'finish', seq }, ...finished(ops, ends, run, acceptance.calledAt) });
  }
  return history;
}

interface Window {
  readonly calledAt: number;
  readonly returnedAt: number;
}

const least = (times: readonly (number | null)[]): number =>
  Math.min(...times.map((time) => time ?? Number.POSITIVE_INFINITY));

const startAnswer = ({ answer }: Op): string | null =>
  answer !== null && 'start' in answer ? answer.start : null;

function accepted(ops: readonly Op[], claims: readonly { readonly at: number }[]): Window {
  const starts = ops.filter(({ ask }) => ask.verb === 'start');
  const created = starts.find((op) => startAnswer(op) === 'created');
  const possible = starts.filter((op) => startAnswer(op) === null || startAnswer(op) === 'known');
  const shown = ops.filter(
    (op) =>
      startAnswer(op) !== null ||
      (op.answer !== null && 'seen' in op.answer && op.answer.seen !== null) ||
      (op.answer !== null && ('cancel' in op.answer || 'outcome' in op.answer)),
  );
  const calledAt = created?.calledAt ?? least(possible.map((op) => op.calledAt));
  const evidence = [...shown.map((op) => op.answeredAt), ...claims.map(({ at }) => at)];
  return { calledAt, returnedAt: Math.max(calledAt, least(evidence)) };
}

function finished(
  ops: readonly Op[],
  ends: readonly AccountedEnd[],
  { seen }: FinalRun,
  acceptedFrom: number,
): Window {
  const winner = ends.find(
    ({ answer }) => answer?.ok === true && answer.outcome !== null && !answer.repeated,
  );
  const shown = [
    ...ends.filter(({ answer }) => answer?.ok === true && answer.outcome !== null),
    ...ops.filter(({ answer }) => answer !== null && showsDone(answer)),
  ].map(({ answeredAt }) => answeredAt);
  const unsure = [
    ...ends.filter(({ answer }) => answer === null || (answer.ok && answer.outcome !== null)),
    ...ops.filter(({ ask, answer }) => ask.verb === 'cancel' && mayHaveCancelled(answer)),
  ].map(({ calledAt }) => calledAt);
  // It dies with its owner, who may never have been told that it had it.
  const lost = seen.outcome?.startsWith('lost') ? [acceptedFrom] : [];
  const calledAt = winner?.calledAt ?? least([...unsure, ...lost]);
  return { calledAt, returnedAt: Math.max(calledAt, Math.min(least(shown), atLast)) };
}

/** When everything is over. */
const atLast = Number.MAX_SAFE_INTEGER;

/** Also one that is told that it was done before: by its own first sending, perhaps. */
const mayHaveCancelled = (answer: Op['answer']): boolean =>
  answer === null || 'fault' in answer || ('cancel' in answer && answer.cancel !== 'missing');

function showsDone(answer: NonNullable<Op['answer']>): boolean {
  if ('outcome' in answer) return true;
  if ('seen' in answer) return answer.seen?.status === 'done';
  return 'cancel' in answer && (answer.cancel === 'cancelled' || answer.cancel === 'done');
}
