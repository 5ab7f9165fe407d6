/**
 * Owns what the verbs see of the tables of flow control and of dead letters.
 *
 * As with all tables: synchronous, within one transaction, deciding nothing.
 */
import type { WallMs } from '../../core/time.ts';
import type { DeadFilter } from '../../ports/store-flow.ts';

/** What a row of flow control is for. Stored format. */
export type FlowTerm = 'debounce' | 'throttle' | 'sliding' | 'bucket' | 'unique';

/** Where a row stands. */
export interface FlowPlace {
  readonly fn: string;
  /** Empty: all tenants together. */
  readonly tenant: string;
  /** Empty: the function has one for all inputs. */
  readonly key: string;
  readonly term: FlowTerm;
}

/** What is kept for one key of one term. */
export interface FlowRow extends FlowPlace {
  /** JSON text, of the shape that the term has. */
  readonly state: string;
  /** The run that it is about, or null. */
  readonly seq: number | null;
  /** From then on it says nothing any more, unless it is about a run that goes on. */
  readonly expiresAt: WallMs;
}

/** What flow control keeps. */
export interface FlowTable {
  get(place: FlowPlace): FlowRow | undefined;
  /** Keeps a row, in place of the one before if there is one. */
  put(row: FlowRow): void;
  remove(place: FlowPlace): void;
  /** How many are kept. Constant cost. */
  count(): number;
  /** Rows with expiresAt <= now, the first to expire first. */
  expired(now: WallMs, rowsMax: number): readonly FlowRow[];
}

/** Ended runs that are dead letters. Quarantined ones are not among them: their stage says it. */
export interface DeadTable {
  has(seq: number): boolean;
  add(row: { readonly seq: number; readonly fn: string; readonly tenant: string }): void;
  /** Without an effect where it is not there. */
  remove(seq: number): void;
  /** The seqs below `before`, the greatest first. */
  page(filter: DeadFilter, before: number | null, rowsMax: number): readonly number[];
}
