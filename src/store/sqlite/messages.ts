/**
 * Owns what the main thread and the threads of a store say to each other. Plain data, cloned by
 * Node: measured, a structured clone of 50 claimed runs costs 1 us a run on each side, as little as
 * any encoding by hand, because objects that occur twice (policies) are sent once.
 */
import type { NodeKey } from '../../core/execution/run.ts';
import type { MonoMs } from '../../core/time.ts';
import type { Beat } from '../../ports/store-nodes.ts';
import type { SentFault } from '../sent-fault.ts';
import type { VerbName } from '../verbs/verbs.ts';
import type { OpenAsk } from './connection.ts';

/** What a thread is started with. */
export interface Setup extends OpenAsk {
  /** Makes the names of files that are only made to be renamed unique. */
  readonly unique: string;
  /** Counters of the writer, by `counterNames`. */
  readonly counters: SharedArrayBuffer;
}

/** A verb to be executed. */
export interface Call {
  readonly id: number;
  readonly verb: VerbName;
  readonly args: readonly unknown[];
}

/** To a thread. Calls of one turn of the event loop travel together. */
export type Order =
  | { readonly order: 'calls'; readonly givesUpAt: MonoMs; readonly calls: readonly Call[] }
  | {
      readonly order: 'keep';
      readonly keeper: number;
      readonly node: NodeKey;
      readonly everyMs: number;
      /** One 64-bit integer: nanoseconds of the monotonic clock. */
      readonly renewed: SharedArrayBuffer;
    }
  | { readonly order: 'drop'; readonly id: number; readonly keeper: number }
  | { readonly order: 'close' };

/** The answer to one call. */
export type Reply =
  | { readonly id: number; readonly ok: true; readonly value: unknown }
  | { readonly id: number; readonly ok: false; readonly fault: SentFault };

/** From a thread. */
export type Word =
  | { readonly word: 'open' }
  | { readonly word: 'refused'; readonly fault: SentFault }
  | { readonly word: 'replies'; readonly replies: readonly Reply[] }
  | { readonly word: 'beat'; readonly keeper: number; readonly beat: Beat }
  | { readonly word: 'fenced'; readonly keeper: number };

/** What the writer counts, in the order of their places in the shared memory (64 bits each). */
export const counterNames = [
  'transactions',
  'verbs',
  'repeats',
  'waits',
  'waitMsMax',
  'bypasses',
] as const;

/**
 * Since the store was opened: transactions committed, verbs in them, groups that were repeated one
 * by one because a verb failed, times that another process held the store and the longest of these
 * waits, and times that the turn was passed by (see turnstile.ts).
 */
export type Counters = Readonly<Record<(typeof counterNames)[number], number>>;
