/**
 * Owns the words in which runs that start runs are kept: parents, their children, and what becomes
 * of the children when the parent is over.
 *
 * F1 A child is accepted only while the attempt that starts it owns the parent: its fence is looked
 *    at in the same transaction.
 * F2 A child is known among those of its parent by its group and its index there.
 * F3 While a parent is unfinished its children are kept: it may ask for what they gave.
 */
import type { RunStatus } from '../core/execution/run.ts';
import type { Fence } from '../core/fence.ts';
import type { Outcome } from '../core/outcome.ts';
import type { WallMs } from '../core/time.ts';

/**
 * What becomes of a child that is unfinished when its parent has ended: `terminate`, cancelled
 * without its grace; `cancel`, asked to stop; `abandon`, left alone. Stored format.
 */
export const childCloses = ['terminate', 'cancel', 'abandon'] as const;

/** One of these words. */
export type ChildClose = (typeof childCloses)[number];

/** Whose child a run is to be. */
export interface ParentPlace {
  readonly seq: number;
  /** F1 */
  readonly fence: Fence;
  /** F2: those that were started together, and are waited for together. */
  readonly group: string;
  readonly index: number;
  readonly close: ChildClose;
}

/** Which children of a run. */
export interface ChildrenAsk {
  /** The parent. */
  readonly id: string;
  /** Those of one group in the order of their indexes; null: all, in the order of acceptance. */
  readonly group: string | null;
  /** The `next` of the page before; null: from the beginning. */
  readonly after: number | null;
  readonly rowsMax: number;
  /** Whether their results come along. */
  readonly results: boolean;
}

/** A child as it is listed. */
export interface ChildRow {
  readonly id: string;
  readonly fn: string;
  readonly group: string;
  readonly index: number;
  readonly close: ChildClose;
  readonly status: RunStatus;
  readonly acceptedAt: WallMs;
  readonly finishedAt: WallMs | null;
  readonly outcome: Outcome | null;
  /** JSON text; null unless it succeeded and results were asked for. */
  readonly result: string | null;
}

/** A page of children. */
export interface ChildrenPage {
  readonly children: readonly ChildRow[];
  /** Where the next page begins, or null at the end. */
  readonly next: number | null;
}

/** The verbs about families. */
export interface FamilyVerbs {
  /** Children of a run; null: there is no such run. A page ends early when it grows heavy. */
  children(ask: ChildrenAsk): Promise<ChildrenPage | null>;
}
