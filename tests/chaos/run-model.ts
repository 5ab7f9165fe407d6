/**
 * Owns the sequential run: what starts, claims, ends, cancellations and reads of one run may answer
 * one after another.
 *
 * Not everything that happens to a run is an operation that somebody saw. A claim may be committed
 * and its answer lost; a run is taken from a dead node by a call that names the node only. What is
 * hidden always leaves a greater fence behind, so the model knows the fence as the least that it
 * can be, and exactly as soon as somebody was told.
 *
 * M1 (G1) An end takes effect only under the fence of the claim that was the last; ownership passes
 *    to a greater fence, and by force to one that is greater by two at least.
 * M2 (G2) Done is done: one outcome, one result, one fence, in every answer from then on.
 * M3 (G2) An outcome comes from somewhere: success from an owner's end, `cancelled` from a
 *    cancellation, `lost` from a run that is executed at most once.
 * M4 (G5) A run that was asked to stop is never claimed again, but to clean up, where its code is
 *    durable: its outcome is `cancelled` all the same, unless that code succeeds.
 * M5 An id is created once; who starts it again finds the same input or a conflict.
 */
import type { EndOfAttempt } from '../../src/ports/store-runs.ts';
import type { Model } from './linearizability.ts';

/** The word of an outcome with its error's code, such as `failed run.broken`. */
export type OutcomeText = string;

/** What a read saw of a run. */
export interface SeenRun {
  readonly status: 'queued' | 'running' | 'parked' | 'quarantined' | 'done';
  readonly attempt: number;
  readonly fence: number;
  /** It is running and was asked to stop. */
  readonly stop: boolean;
  readonly outcome: OutcomeText | null;
  readonly result: string | null;
}

/** How an owner ended its attempt. */
export type EndWord = EndOfAttempt['how'];

export type EndAnswer =
  /** `outcome` null: it is in the queue again. */
  | { readonly ok: true; readonly outcome: OutcomeText | null; readonly repeated: boolean }
  | { readonly ok: false; readonly code: string };

/** One operation on a run with its answer; null: the answer is not known. */
export type RunOp =
  | {
      readonly do: 'start';
      readonly input: string;
      readonly answer: 'created' | 'known' | 'conflict' | 'full' | null;
    }
  | { readonly do: 'claim'; readonly fence: number; readonly attempt: number }
  | {
      readonly do: 'end';
      readonly fence: number;
      readonly how: EndWord;
      /** What a success leaves behind. */
      readonly result: string | null;
      /** The outcome if the retries are used up. */
      readonly failure: OutcomeText | null;
      readonly answer: EndAnswer | null;
    }
  | { readonly do: 'cancel'; readonly answer: 'cancelled' | 'stopping' | 'done' | 'missing' | null }
  | { readonly do: 'read'; readonly seen: SeenRun | null }
  /** Somebody who waited for it was told. `result` undefined: only the outcome. */
  | { readonly do: 'wait'; readonly outcome: OutcomeText; readonly result?: string | null };

/** A run without an outcome. */
interface OpenRun {
  readonly is: 'open';
  readonly input: string;
  /** `heard`: owned under exactly this fence. Otherwise the fence is the least possible. */
  readonly owner: 'none' | 'heard' | 'unheard';
  readonly fence: number;
  readonly attempt: number;
  readonly stop: boolean;
  readonly cleansUp: boolean;
}

/** A run with its outcome. `pinned`: its fence is exactly this. */
interface DoneRun {
  readonly is: 'done';
  readonly input: string;
  readonly fence: number;
  readonly pinned: boolean;
  readonly outcome: OutcomeText;
  readonly result: string | null;
}

export type RunState = { readonly is: 'absent' } | OpenRun | DoneRun;

/** What is fixed for the run that is checked. */
export interface RunModelTerms {
  /** `lose`: its owner's death ends it. */
  readonly onCrash: 'retry' | 'lose';
  /**
   * The store sends a call again by itself when it does not know what became of it. Whoever starts
   * or cancels a run may then be told that it was there, or done, before: by his own first sending;
   * and who cancels it, that it was he, although it was somebody else.
   * And an end that put the run back into the queue may be refused, because others own it by then.
   */
  readonly resends: boolean;
  /** Its code is durable: asked to stop, it may go back to be claimed once more, and clean up. */
  readonly cleansUp?: boolean;
}

const cancelled: OutcomeText = 'cancelled run.cancelled';
/** By the death of an owner. An owner that hands it back itself says so by an end. */
const lost: OutcomeText = 'lost attempt.crashed';

/** The model of one run. */
export function runModel(terms: RunModelTerms): Model<RunState, RunOp> {
  const loses = terms.onCrash === 'lose';
  return {
    init: { is: 'absent' },
    step(state, op) {
      const next = step(state, op, loses);
      const all = terms.resends ? [...next, ...resent(state, op, loses)] : next;
      if (terms.cleansUp !== true || state.is !== 'absent') return all;
      return all.map((one) => (one.is === 'open' ? { ...one, cleansUp: true } : one));
    },
    key: (state) => JSON.stringify(state),
  };
}

const none: readonly RunState[] = [];

function step(state: RunState, op: RunOp, loses: boolean): readonly RunState[] {
  switch (op.do) {
    case 'start':
      return start(state, op);
    case 'claim':
      return state.is === 'open' ? claim(state, op) : none;
    case 'end':
      return state.is === 'absent' ? none : end(state, op, loses);
    case 'cancel':
      return cancel(state, op.answer, loses);
    case 'read':
      return read(state, op.seen, loses);
    case 'wait':
      return state.is === 'absent' ? none : wait(state, op, loses);
  }
}

/** What the first sending did, when the answer is that of the second. */
function resent(state: RunState, op: RunOp, loses: boolean): readonly RunState[] {
  if (op.do === 'start' && op.answer === 'known' && state.is === 'absent') {
    return start(state, { ...op, answer: 'created' });
  }
  if (op.do === 'cancel' && op.answer === 'done' && state.is === 'open') {
    return cancel(state, 'cancelled', loses);
  }
  // Nobody knows by whose sending it was cancelled: the second takes it for its own.
  if (op.do === 'cancel' && op.answer === 'cancelled' && state.is === 'done') {
    return state.outcome === cancelled ? [state] : none;
  }
  const late = op.do === 'end' && op.answer?.ok === false && op.answer.code === 'fence.stale';
  if (late && state.is === 'open') {
    const back = { ok: true, outcome: null, repeated: false } as const;
    return end(state, { ...op, answer: back }, loses);
  }
  return none;
}

const whole = { stop: false, cleansUp: false } as const;

function start(state: RunState, op: Extract<RunOp, { do: 'start' }>): readonly RunState[] {
  const { input, answer } = op;
  if (state.is !== 'absent') {
    if (answer === null) return [state];
    return answer === (state.input === input ? 'known' : 'conflict') ? [state] : none;
  }
  if (answer === 'full') return [state];
  if (answer !== 'created' && answer !== null) return none;
  return [{ is: 'open', input, owner: 'none', fence: 0, attempt: 0, ...whole }];
}

function claim(state: OpenRun, op: Extract<RunOp, { do: 'claim' }>): readonly RunState[] {
  const grown = op.fence - state.fence;
  const enough = grown >= (state.owner === 'heard' ? 2 : 1) && op.attempt > state.attempt;
  if (!enough || op.attempt > op.fence || (state.stop && !state.cleansUp)) return none;
  return [{ ...state, owner: 'heard', fence: op.fence, attempt: op.attempt }];
}

const done = (
  { input }: OpenRun,
  outcome: OutcomeText,
  fence: number,
  pinned: boolean,
  result: string | null = null,
): DoneRun => ({ is: 'done', input, fence, pinned, outcome, result });

/** The outcomes that a run may come by without an operation that says so. */
function hiddenEnds(state: OpenRun, loses: boolean): readonly DoneRun[] {
  const taken = state.fence + { none: 2, heard: 1, unheard: 0 }[state.owner];
  if (state.stop) {
    // Nobody took it up to clean up: it has the fence of before.
    const untaken = state.cleansUp && state.owner === 'none' ? state.fence : taken;
    return [done(state, cancelled, untaken, false)];
  }
  return loses ? [done(state, lost, taken, false)] : [];
}

/** The least fence under which it can run in the hands of somebody of whom nobody heard. */
const leastRunning = ({ owner, fence }: OpenRun): number =>
  fence + { none: 1, heard: 2, unheard: 0 }[owner];

/** Its owner was taken away, or it never had one that we heard of. */
const unowned = (state: OpenRun, fence: number): OpenRun => ({ ...state, owner: 'none', fence });

type End = Extract<RunOp, { do: 'end' }>;

function end(state: OpenRun | DoneRun, op: End, loses: boolean): readonly RunState[] {
  const { answer, fence } = op;
  if (answer !== null && !answer.ok) return refused(state, fence, answer.code, op.how, loses);
  if (state.is === 'done') {
    if (answer === null) return [state];
    const same = answer.repeated && state.outcome === answer.outcome && fits(state, fence);
    return same ? [{ ...state, fence, pinned: true }] : none;
  }
  // What a lost claim had brought is handed back under a fence that nobody heard of before.
  const unheard = op.how === 'handed-back' && fence >= leastRunning(state);
  const owned = unheard || (state.owner === 'heard' && state.fence === fence);
  const ends = owned ? endings(state, op, loses) : [];
  if (answer === null) return [state, ...ends];
  const again = answer.repeated && answer.outcome === null && state.owner !== 'heard';
  const told = ends.filter((next) => (next.is === 'done' ? next.outcome : null) === answer.outcome);
  return again && fence >= state.fence ? [...told, unowned(state, fence)] : told;
}

/** What an owner's end does to the run. */
function endings(state: OpenRun, op: End, loses: boolean): readonly (OpenRun | DoneRun)[] {
  const { fence, how, result, failure } = op;
  if (how === 'succeeded') return [done(state, 'succeeded', fence, true, result)];
  const back = unowned(state, fence);
  if (state.stop) {
    const further = state.cleansUp && how === 'handed-back' ? [back] : [];
    return [done(state, cancelled, fence, true), ...further];
  }
  if (how === 'stopped') return [];
  if (how === 'handed-back') {
    return loses ? [back, done(state, 'lost node.draining', fence, true)] : [back];
  }
  return failure === null ? [back] : [back, done(state, failure, fence, true)];
}

const fits = ({ pinned, fence }: DoneRun, seen: number): boolean =>
  pinned ? seen === fence : seen >= fence;

function refused(
  state: OpenRun | DoneRun,
  fence: number,
  code: string,
  how: EndWord,
  loses: boolean,
): readonly RunState[] {
  if (code === 'run.already_done') return state.is === 'done' ? [state] : none;
  if (code === 'run.illegal_transition') {
    const odd = state.is === 'open' && how === 'stopped' && !state.stop && state.fence === fence;
    return odd ? [state] : none;
  }
  if (code !== 'fence.stale') return none;
  if (state.is === 'done') {
    if (state.pinned) return state.fence === fence ? none : [state];
    return [{ ...state, fence: Math.max(state.fence, fence + 1) }];
  }
  if (state.fence > fence) return [state];
  const grown = Math.max(state.fence, fence) + 1;
  const taken = state.stop && !state.cleansUp ? [] : [unowned(state, grown)];
  // Somebody has claimed it of whom nobody heard, and may have it still.
  const claimed: OpenRun = { ...state, owner: 'unheard', fence: grown };
  return [
    ...taken,
    ...(state.owner === 'heard' ? [] : [claimed]),
    ...hiddenEnds(state, loses).map((one) => ({ ...one, fence: grown })),
  ];
}

type CancelAnswer = Extract<RunOp, { do: 'cancel' }>['answer'];

function cancel(state: RunState, answer: CancelAnswer, loses: boolean): readonly RunState[] {
  if (state.is === 'absent') return answer === 'missing' || answer === null ? [state] : none;
  if (state.is === 'done') return answer === 'done' || answer === null ? [state] : none;
  const hidden = hiddenEnds(state, loses);
  if (answer === 'missing') return none;
  if (answer === 'done') return hidden;
  if (state.stop) return answer === 'cancelled' ? none : [state];
  const { fence } = state;
  const queued = done(state, cancelled, state.owner === 'heard' ? fence + 1 : fence, false);
  const running: readonly OpenRun[] =
    state.owner === 'heard'
      ? [
          { ...state, stop: true },
          { ...state, stop: true, owner: 'unheard', fence: fence + 2 },
        ]
      : [{ ...state, stop: true, owner: 'unheard', fence: Math.max(1, fence) }];
  // It is in the middle of its steps, and nobody's: somebody takes it up to clean up.
  const middle: readonly OpenRun[] = state.cleansUp
    ? [{ ...unowned(state, state.owner === 'heard' ? fence + 1 : fence), stop: true }]
    : [];
  if (answer === 'cancelled') return [queued];
  if (answer === 'stopping') return [...running, ...middle];
  return [state, ...running, ...middle, queued, ...hidden];
}

function read(state: RunState, seen: SeenRun | null, loses: boolean): readonly RunState[] {
  if (state.is === 'absent') return seen === null ? [state] : none;
  if (seen === null) return none;
  if (seen.status === 'done') {
    const ends = state.is === 'done' ? [state] : hiddenEnds(state, loses);
    return ends
      .filter((one) => one.outcome === seen.outcome && one.result === seen.result)
      .filter((one) => fits(one, seen.fence))
      .map((one) => ({ ...one, fence: seen.fence, pinned: true }));
  }
  if (state.is === 'done' || seen.status === 'quarantined') return none;
  return seen.status === 'running' ? readRunning(state, seen) : readWaiting(state, seen);
}

function readRunning(state: OpenRun, seen: SeenRun): readonly RunState[] {
  if (state.stop !== seen.stop) return none;
  if (state.owner === 'heard' && seen.fence === state.fence) {
    return seen.attempt === state.attempt ? [state] : none;
  }
  if (seen.fence < leastRunning(state) || seen.attempt < state.attempt) return none;
  if (state.stop && !state.cleansUp && state.owner === 'heard') return none;
  return [{ ...state, owner: 'unheard', fence: seen.fence, attempt: seen.attempt }];
}

function readWaiting(state: OpenRun, seen: SeenRun): readonly RunState[] {
  const least = state.fence + (state.owner === 'heard' ? 1 : 0);
  if (state.stop && !state.cleansUp) return none;
  if (seen.fence < least || seen.attempt < state.attempt) return none;
  return [{ ...unowned(state, seen.fence), attempt: seen.attempt }];
}

function wait(
  state: OpenRun | DoneRun,
  op: Extract<RunOp, { do: 'wait' }>,
  loses: boolean,
): readonly RunState[] {
  const ends = state.is === 'done' ? [state] : hiddenEnds(state, loses);
  return ends.filter(
    ({ outcome, result }) =>
      outcome === op.outcome && (op.result === undefined || op.result === result),
  );
}
