/**
 * Owns what can happen to a call, and what follows from it.
 *
 * V1 Requests are imperative (`cancel`), facts are past (`returned`).
 * V2 Effects are done in the order answer, signal, grace, slot, places: whoever waits has its
 *    answer before the next call of the lane begins.
 */
import type { OutcomeKind } from '../outcome.ts';
import type { CallState, OwnKind } from './call.ts';

/** Everything that can happen to a call. */
export type CallEvent =
  /** It has its places and a slot. */
  | { readonly type: 'start' }
  /** The input fails its schema, found after the call was admitted. */
  | { readonly type: 'reject' }
  /** The code gave its result. */
  | { readonly type: 'returned' }
  | { readonly type: 'threw' }
  /** The code has settled; the answer comes from whoever holds `later`. */
  | { readonly type: 'deferred' }
  /** Whoever holds `later` answers, before or after the code has settled. */
  | { readonly type: 'answer'; readonly kind: OwnKind }
  | { readonly type: 'cancel' }
  /** The time is over that a stopping call had to answer for itself. */
  | { readonly type: 'grace-over' }
  | { readonly type: 'deadline-passed' }
  /** The process ends, and has waited for as long as it may. */
  | { readonly type: 'give-up' };

/** Every event, made once. */
export const callEvents = {
  start: { type: 'start' },
  reject: { type: 'reject' },
  returned: { type: 'returned' },
  threw: { type: 'threw' },
  deferred: { type: 'deferred' },
  succeed: { type: 'answer', kind: 'succeeded' },
  fail: { type: 'answer', kind: 'failed' },
  cancel: { type: 'cancel' },
  graceOver: { type: 'grace-over' },
  deadlinePassed: { type: 'deadline-passed' },
  giveUp: { type: 'give-up' },
} as const satisfies Record<string, CallEvent>;

/** What a function says about its calls that decides between two ways. */
export interface CallRules {
  /** Whether a call that has not begun may be cancelled. */
  readonly cancelQueued: boolean;
}

/** What has to be done beside keeping the new state. */
export interface CallEffects {
  /** The one answer is given now, of this kind. */
  readonly answer: OutcomeKind | null;
  /** The code is told to stop. */
  readonly signal: boolean;
  /** The grace begins. */
  readonly grace: boolean;
  /** Leaves the queue that it stands in. */
  readonly leave: boolean;
  readonly freeSlot: boolean;
  /** Its lane and the places of its function and tenant are free. */
  readonly freePlaces: boolean;
  /** The code goes on although the call is over: to be reported. */
  readonly lingers: boolean;
  /** A result came that nobody gets any more: to be counted. */
  readonly late: boolean;
}

/** What an event does. */
export type CallStep =
  | { readonly ok: true; readonly next: CallState; readonly effects: CallEffects }
  /** `kept`: the call may not be cancelled before it begins. `illegal`: it cannot happen. */
  | { readonly ok: false; readonly why: 'kept' | 'illegal' };
