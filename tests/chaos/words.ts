/**
 * Owns how the words of the product are written into the ledger and the models: short, comparable,
 * and without what differs by chance.
 */
import type { Outcome } from 'holdfast';
import type { EndItem, EndOfAttempt, EndVerdict } from '../../src/ports/store-runs.ts';
import type { RecordItem, RecordVerdict, StepEnd, StepWrite } from '../../src/ports/store-steps.ts';
import type { SeenDetail, SentEnd, SentSteps, StepsAnswer, StepText } from './ledger.ts';
import type { EndAnswer, OutcomeText } from './run-model.ts';

/** An outcome as a word with its code, and its message. */
export function outcomeOf(outcome: Outcome): {
  readonly outcome: OutcomeText;
  readonly note: string | null;
} {
  const { kind, error } = outcome;
  if (error === null) return { outcome: kind, note: null };
  return { outcome: `${kind} ${error.code}`, note: error.message };
}

/** What a run looks like to whoever reads it, with its result as JSON. */
export function seenOf(
  run: {
    readonly seq: number;
    readonly status: SeenDetail['status'];
    readonly attempt: number;
    readonly fence: number;
    readonly stopReason: string | null;
    readonly outcome: Outcome | null;
  },
  result: string | null,
): SeenDetail {
  const { seq, status, attempt, fence, stopReason } = run;
  const ended = run.outcome === null ? { outcome: null, note: null } : outcomeOf(run.outcome);
  return { seq, status, attempt, fence, stop: stopReason !== null, ...ended, result };
}

/** An end on its way to the store. */
export function sentEnd({ seq, fence, end }: EndItem, id: string | null): SentEnd {
  const result = end.how === 'succeeded' ? end.result : null;
  return { id, seq, fence, how: end.how, result, failure: failureOf(end) };
}

function failureOf(end: EndOfAttempt): OutcomeText | null {
  if (end.how !== 'failed' && end.how !== 'timed-out') return null;
  return `${end.how} ${end.error.code}`;
}

/** What the store said to it. */
export function endAnswer(verdict: EndVerdict): EndAnswer & { readonly note: string | null } {
  if (!verdict.ok) return { ok: false, code: verdict.code, note: null };
  const { outcome, repeated } = verdict;
  if (outcome === null) return { ok: true, outcome: null, repeated, note: null };
  return { ok: true, repeated, ...outcomeOf(outcome) };
}

/** Ends of steps on their way to the store; what else is told of steps is left out. */
export function sentSteps(
  { seq, fence, writes }: Pick<RecordItem, 'seq' | 'fence' | 'writes'>,
  id: string | null,
): SentSteps {
  const ends = writes.flatMap((write) => (endsStep(write) ? [textOf(write.key, write.end)] : []));
  return { id, seq, fence, ends };
}

/** What the store said to them. What is there already by an earlier sending is ours, too. */
export function stepsAnswer({ writes }: RecordItem, verdict: RecordVerdict): StepsAnswer {
  if (!verdict.ok) return { ok: false, code: verdict.code };
  const ours = writes.flatMap((write, at) => {
    if (!endsStep(write)) return [];
    const end = verdict.steps[at]?.end ?? write.end;
    return [end.how === write.end.how && end.value === write.end.value];
  });
  return { ok: true, ours };
}

const endsStep = (write: StepWrite): write is Extract<StepWrite, { does: 'end' }> =>
  write.does === 'end' && write.kind === 'step';

const textOf = (key: string, { how, value }: StepEnd): StepText => ({ key, how, value });
