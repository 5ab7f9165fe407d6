/**
 * Owns what was loaded of families for one decision. Nothing here changes with it.
 *
 * L1 With each run comes what it is in its family: a run that was loaded and has no row has none.
 * L2 Of open children of a group more are counted than one decision changes.
 */
import { type ClosingTuple, closingOf, type KinTuple, kinOf } from '../../kin-tuple.ts';
import type { Closing, KinRow } from '../../verbs/family-table.ts';

/** What a decision will look at of families, as far as its caller knows. */
export interface KinWants {
  /** Groups of children that somebody is about to wait for. */
  readonly groups?: readonly { readonly seq: number; readonly group: string }[];
  /** So many closings, and so many children over all of them. */
  readonly closings?: number;
  readonly closingRows?: number;
}

/** What `load_kin` gives beside the rest. Stored format: it is made by a function of the schema. */
export interface KinReply {
  readonly kin: readonly (readonly [...KinTuple, last: number | null])[] | null;
  readonly groups: readonly (readonly [parent: number, group: string, open: number])[] | null;
  readonly starts: readonly (readonly [seq: number, key: string | null])[] | null;
  readonly closings: readonly ClosingTuple[] | null;
  readonly pages: readonly (readonly [seq: number, children: readonly number[]])[] | null;
}

/** A key of a group. */
export const groupKey = (parent: number, group: string): string => `${parent} ${group}`;

/** Everything that was loaded of families. */
export class LoadedKin {
  readonly rows = new Map<number, KinRow>();
  readonly lasts = new Map<number, number>();
  /** How many of a group are open. */
  readonly open = new Map<string, number>();
  readonly starts = new Map<number, string | null>();
  readonly pages = new Map<number, readonly number[]>();
  closings: readonly Closing[] | null = null;

  /** Takes in what one `load_kin` gave for `wants`. */
  add(wants: KinWants, reply: KinReply): void {
    for (const [...tuple] of reply.kin ?? []) {
      const last = tuple.pop() as number | null;
      const row = kinOf(tuple as unknown as KinTuple);
      this.rows.set(row.seq, row);
      if (last !== null) this.lasts.set(row.seq, last);
    }
    for (const [parent, group, open] of reply.groups ?? []) {
      this.open.set(groupKey(parent, group), open);
    }
    for (const [seq, key] of reply.starts ?? []) this.starts.set(seq, key);
    for (const [seq, children] of reply.pages ?? []) this.pages.set(seq, children);
    if (wants.closings !== undefined) this.closings = (reply.closings ?? []).map(closingOf);
  }
}
