/**
 * Owns the words in which the steps of a run are kept: what its code has done, and what it waits
 * for. A run is executed again from its beginning; what is kept here is not done again.
 *
 * K1 A step is known within its run by its key. It ends once, and its end never changes.
 * K2 The owner writes under its fence. The end of a wait comes from others (an event, a decision)
 *    or from the owner (its time is over), whoever is first.
 * K3 Steps are numbered in the order in which they were first heard of (`ord`), and ends in the
 *    order in which they came (`nth`): from both the code of the next attempt sees the same order.
 */
import type { Fence } from '../core/fence.ts';
import type { ErrorDetail } from '../core/outcome.ts';
import type { WallMs } from '../core/time.ts';
import type { Verdict } from './store-verdict.ts';

/**
 * What a step can be. `child` waits for all children of the group that its key names. Stored
 * format.
 */
export const stepKinds = ['step', 'sleep', 'event', 'approval', 'signal', 'child'] as const;

/** One of the kinds of a step. */
export type StepKind = (typeof stepKinds)[number];

/** What a step waits for, beside a time. */
export interface StepWait {
  /** When waiting is over, by the store's clock; null: never. */
  readonly wakeAt: WallMs | null;
  readonly event: EventWanted | null;
  /** Whoever has this word may end the wait. */
  readonly token: string | null;
}

/** Which events end a wait. Stored format. */
export interface EventWanted {
  readonly name: string;
  /** JSON text of the paths that are compared, sorted, and of the values that they must have. */
  readonly paths: string;
  readonly values: string;
  /** Only events with a greater number: the run has seen the others. */
  readonly after: number;
}

/** How a step ended. `timed-out`: its time was over first. Stored format. */
export interface StepEnd {
  readonly how: 'returned' | 'threw' | 'timed-out';
  /** JSON text of what it gave; null unless it returned. */
  readonly value: string | null;
  /** Why it threw, else null. */
  readonly error: ErrorDetail | null;
}

/** A step as it is kept. */
export interface StepRow {
  readonly key: string;
  /** K3, from 1. */
  readonly ord: number;
  readonly kind: StepKind;
  /** The attempt of the run in which it last began. */
  readonly attempt: number;
  /** How often it was tried in that attempt. */
  readonly tries: number;
  readonly begunAt: WallMs;
  readonly wait: StepWait | null;
  readonly end: (StepEnd & { readonly nth: number; readonly at: WallMs }) | null;
}

/** What an owner says of a step. */
export type StepWrite =
  | {
      readonly does: 'begin';
      readonly key: string;
      readonly kind: StepKind;
      readonly tries: number;
    }
  | {
      readonly does: 'end';
      readonly key: string;
      readonly kind: StepKind;
      readonly tries: number;
      readonly end: StepEnd;
    }
  | {
      readonly does: 'wait';
      readonly key: string;
      readonly kind: StepKind;
      /** From now, at a time, or never. */
      readonly wake: { readonly afterMs: number } | { readonly at: WallMs } | null;
      readonly event: EventWanted | null;
      readonly token: string | null;
    };

/** What the owner of one run has to say, in order. */
export interface RecordItem {
  /** The id of the run, for whoever seals what it says; stores go by its number. */
  readonly id?: string;
  readonly seq: number;
  readonly fence: Fence;
  readonly attempt: number;
  /**
   * The greatest `nth` that the owner knows. A store that has less lost its last commits in a
   * failover: it refuses, and the run is executed again by what is left.
   */
  readonly knows: number;
  readonly writes: readonly StepWrite[];
  /**
   * The version whose code writes. With the first end or wait that is kept the run is pinned to it,
   * unless it is pinned already.
   */
  readonly pin?: string;
}

export type RecordVerdict = Verdict<
  {
    /**
     * For each write, in its place, the step as it is kept, where that is news: for every wait, and
     * for what had ended otherwise before. Else null.
     */
    readonly steps: readonly (StepRow | null)[];
    /**
     * The greatest `nth` of the run before this item: what the owner does not know of these are
     * ends by others.
     */
    readonly nth: number;
  },
  'fence.stale' | 'run.not_found' | 'steps.full'
>;

/** A page of the steps of a run, by `ord`. */
export interface StepPage {
  readonly steps: readonly StepRow[];
  /** The `ord` after which the next page begins, or null at the end. */
  readonly next: number | null;
  /** What the store's clock says: times of waits are by it. */
  readonly now: WallMs;
}

/** Something that happened, for whoever waits for it. */
export interface EventItem {
  /** Names it among the events of its tenant: an event that is told twice is one. */
  readonly id: string;
  readonly name: string;
  readonly tenant: string;
  /** JSON text, as `JSON.stringify` writes it. */
  readonly data: string;
}

export type EventVerdict = Verdict<
  {
    readonly id: string;
    /** False: it was there already. */
    readonly created: boolean;
    /** Waits that it ended by now, of those that somebody still waited at. */
    readonly woke: number;
    /** It has more waits to end: sweeps go on with it. */
    readonly more: boolean;
  },
  'event.conflict' | 'store.full'
>;

/** An event as it is kept. */
export interface EventRow extends EventItem {
  /** Grows with every event of the store. */
  readonly n: number;
  readonly at: WallMs;
}

/** What somebody who has the token of a wait says. */
export interface AnswerItem {
  readonly token: string;
  /** Null: of any tenant. */
  readonly tenant: string | null;
  /** JSON text: what the wait gives. */
  readonly value: string;
}

export type AnswerVerdict = Verdict<
  { readonly runId: string },
  'approval.not_found' | 'approval.already_done'
>;

/** A second run that goes on from a step of the first. */
export interface ForkItem {
  readonly id: string;
  readonly newId: string;
  /** The first step that is done anew; null: all that have ended are kept. */
  readonly from: string | null;
  /**
   * The version whose code goes on with it; null: any. Left out: that of the first, if steps are
   * kept.
   */
  readonly pin?: string | null;
}

export type ForkVerdict = Verdict<
  { readonly id: string; readonly created: boolean; readonly kept: number },
  'run.not_found' | 'run.conflict' | 'step.not_found' | 'tenant.full' | 'store.full'
>;
