/**
 * Owns the words in which a run is told something from outside and says something of itself while
 * it goes on: signals with their answers, and declared state.
 *
 * G1 Whether a signal is taken is decided where it is kept, in one transaction: the run is not done
 *    and its inbox has room. A signal that is sent twice, under one id, is one.
 * G2 A signal is given to one wait of its run, in the order in which signals came, and never again.
 *    It is kept for as long as the run is.
 * G3 State is written by the owner under its fence, and stands over its attempts.
 */
import type { WallMs } from '../core/time.ts';
import type { Verdict } from './store-verdict.ts';

/** Something that a run is told. */
export interface SignalItem {
  readonly runId: string;
  /** Names it among the signals to the run. */
  readonly id: string;
  readonly name: string;
  /** JSON text, as `JSON.stringify` writes it. */
  readonly data: string;
}

export type SignalVerdict = Verdict<
  {
    readonly id: string;
    /** False: it was there already. */
    readonly created: boolean;
  },
  'run.not_found' | 'run.already_done' | 'signal.conflict' | 'signals.full'
>;

/** A signal as it is kept. */
export interface SignalRow {
  /** Counts the signals to the run, from 1. */
  readonly n: number;
  readonly id: string;
  readonly name: string;
  readonly data: string;
  readonly at: WallMs;
  /** A wait of the run was given it. */
  readonly taken: boolean;
}

/** Which answer is asked for. */
export interface AnswerAsk {
  readonly runId: string;
  readonly id: string;
}

/**
 * How a signal stands. `answered`: with JSON text of what the run said. `unanswered`: the run has
 * ended without a word about it.
 */
export type SignalStand =
  | { readonly state: 'open' | 'unanswered' }
  | { readonly state: 'answered'; readonly answer: string };

/** A value that a run declared of itself. */
export interface StateRow {
  readonly name: string;
  /** JSON text. */
  readonly value: string;
  /** Who set it, and when. */
  readonly attempt: number;
  readonly at: WallMs;
}

/** A value that an owner declares. */
export interface StateSet {
  readonly name: string;
  readonly value: string;
}

/** The verbs that look. */
export interface SignalReads {
  /** How signals stand, each in its place; null: there is no such run or signal. */
  answers(asks: readonly AnswerAsk[]): Promise<readonly (SignalStand | null)[]>;
  /** The declared state of a run, by name; null: there is no such run. */
  state(id: string): Promise<readonly StateRow[] | null>;
}
