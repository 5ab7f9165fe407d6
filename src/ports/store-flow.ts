/**
 * Owns the words in which a start is subject to flow control, and in which dead letters are looked
 * at and settled.
 *
 * W1 The terms travel with the start. Their keys are computed by then: the store counts and
 *    compares, and knows no input.
 * W2 Everything is decided in the transaction of the start, so that it is exact over all nodes.
 */
import type { Verdict } from './store-verdict.ts';

/** Starts with one key while a run waits for its quiet time become that run. */
export interface DebounceTerm {
  readonly quietMs: number;
  /** From the first acceptance; the run waits no longer than that. */
  readonly maxMs: number;
}

/** At most `max` within any `perMs`. */
export interface PaceTerm {
  readonly max: number;
  readonly perMs: number;
  /** `together`: all tenants count as one. */
  readonly tenants: 'each' | 'together';
}

/** Past the pace a start is refused. */
export interface RateTerm extends PaceTerm {
  readonly algorithm: 'sliding' | 'bucket';
}

/** What a start meets that makes it the same run. */
export interface UniqueTerm {
  readonly while: 'queued' | 'unfinished';
}

/** What becomes of others in the lane of a run that is started. */
export type OnConflict = 'queue' | 'drop' | 'cancel-running' | 'replace-waiting';

/** The terms, with keys of some form. Stored format. */
interface FlowOf<Key> {
  readonly debounce?: DebounceTerm & { readonly key: Key };
  readonly throttle?: PaceTerm & { readonly key: Key };
  readonly rateLimit?: RateTerm & { readonly key: Key };
  readonly unique?: UniqueTerm & { readonly key: Key };
  readonly onConflict?: Exclude<OnConflict, 'queue'>;
}

/** The terms of one start. */
export type StartFlow = FlowOf<string>;

/** The terms as a function's nodes tell them; null: the key is computed from the input. */
export type ToldFlow = FlowOf<string | null>;

/** How a start came to its run. */
export type StartHow = 'created' | 'same-id' | 'debounced' | 'unique';

/** Which dead letters: every given word must hold. */
export interface DeadFilter {
  readonly fn?: string;
  readonly tenant?: string;
}

export interface DeadAsk {
  readonly filter: DeadFilter;
  /** Newest first: rows with a smaller seq than this. Null: from the newest. */
  readonly before: number | null;
  readonly rowsMax: number;
}

export interface RedriveItem {
  readonly id: string;
  /** The id of the new run, in case that the old one has its outcome. */
  readonly newId: string;
}

export type RedriveVerdict = Verdict<
  {
    /** The run that will be executed: the same if it was quarantined, else a new one. */
    readonly id: string;
    readonly created: boolean;
  },
  'dead.not_found' | 'run.illegal_transition' | 'tenant.full' | 'store.full'
>;

export interface DiscardItem {
  readonly id: string;
  readonly reason: string;
}

export type DiscardVerdict = Verdict<object, 'dead.not_found'>;
