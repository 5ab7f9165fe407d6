/**
 * Owns the words in which the parts of a run are kept: the stream of what its code makes, part by
 * part.
 *
 * P1 Parts are numbered within their run from 0 by their offsets, which the store gives under the
 *    fence: over all attempts there is one order without gaps.
 * P2 An item holds many parts and is kept or dropped whole. An owner sends its items in order, the
 *    next one only after the one before was answered. `from` counts the parts of that owner, so
 *    that an item that is sent again after a lost answer, exactly as it was, changes nothing.
 * P3 A run has its bound. The first item past it is dropped, and so is everything behind it: what
 *    is kept is the beginning of the stream, and how much is gone is known.
 */
import type { Fence } from '../core/fence.ts';
import type { Verdict } from './store-verdict.ts';

/** A part as its reader gets it. */
export type PartData = string | Uint8Array;

/** Parts of one owner, in order. */
export interface AppendItem {
  /** The id of the run, for whoever seals what it says; stores go by its number. */
  readonly id?: string;
  readonly seq: number;
  readonly fence: Fence;
  readonly attempt: number;
  /** How many parts this owner has sent before. */
  readonly from: number;
  readonly count: number;
  /**
   * JSON text of an array of `count` parts: a text as it is, bytes as `{"b":"<base64>"}`. Null: the
   * owner knows that the run is full, and only says how many more there were. Stored format.
   */
  readonly content: string | null;
  /** Bytes of the content as UTF-8. */
  readonly bytes: number;
}

/** `parts.gap`: items of this owner are missing before this one. */
export type AppendVerdict = Verdict<
  {
    /** The offset behind the last part that is kept. */
    readonly next: number;
    /** Whether parts of the run were dropped, of this item or before. */
    readonly truncated: boolean;
  },
  'fence.stale' | 'run.not_found' | 'parts.gap'
>;

/** From where a reader goes on. */
export interface PartsAsk {
  readonly id: string;
  /** The first offset that it wants. */
  readonly from: number;
  /** Characters of content after which a page ends; it holds at least one block. */
  readonly charsMax: number;
}

/** Parts that were kept together. Its first ones may stand before what was asked for. */
export interface PartBlock {
  /** The offset of its first part. */
  readonly first: number;
  readonly count: number;
  readonly attempt: number;
  /** See `AppendItem`. */
  readonly content: string;
}

/** A page of the parts of a run. */
export interface PartsPage {
  readonly blocks: readonly PartBlock[];
  /** Parts that are kept of the run: the offset of the next one. */
  readonly kept: number;
  /** Parts that were dropped over the bound of the run. */
  readonly dropped: number;
  /** The run has its outcome: there will be no more. */
  readonly ended: boolean;
}

/** The verbs over parts; a part of the port `Store`. */
export interface PartVerbs {
  /** Keeps parts under the fence, each item with its own verdict. */
  append(items: readonly AppendItem[]): Promise<readonly AppendVerdict[]>;
  /** For each ask, in its place, a page of parts; null: there is no such run. */
  parts(asks: readonly PartsAsk[]): Promise<readonly (PartsPage | null)[]>;
}
