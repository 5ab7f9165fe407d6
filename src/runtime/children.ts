/**
 * Owns the looking at the children of a run.
 */
import { checkKey, checkOptions, checkWhole, invalid } from '../core/check.ts';
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { ChildRow } from '../ports/store-family.ts';
import type { Lifeline } from './lifeline.ts';

/** A run that the code of another one started. */
export type RunChild = Omit<ChildRow, 'result'>;

/** Which page of the children of a run. */
export interface ChildrenQuery {
  /** Children of one page, 1 to 1,000. Default 100. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly cursor?: string;
}

/** Children of a run, in the order in which they were accepted. */
export interface RunChildren {
  readonly children: readonly RunChild[];
  readonly next: string | null;
}

const rowsDefault = 100;

/** A page of them. */
export async function childrenOf(
  lifeline: Lifeline,
  id: string,
  query: ChildrenQuery,
): Promise<RunChildren> {
  checkOptions('children', query, ['limit', 'cursor']);
  const { limit = rowsDefault, cursor } = query;
  const rowsMax = checkWhole('limit', limit, 1, limits.childPageRowsMax);
  const ask = { id: checkKey('id', id, limits.idCharsMax), group: null, results: false };
  const { store } = lifeline.ensureOpen().engine.world;
  const page = await store.children({ ...ask, after: afterOf(cursor), rowsMax });
  if (page === null) {
    throw new HoldfastError('run.not_found', `no run '${id}' is in the store`, { details: { id } });
  }
  const children = page.children.map(({ result: _, ...child }) => child);
  return { children, next: page.next === null ? null : String(page.next) };
}

function afterOf(cursor: string | undefined): number | null {
  if (cursor === undefined) return null;
  if (typeof cursor === 'string' && /^\d{1,16}$/.test(cursor)) return Number(cursor);
  throw invalid('cursor', cursor, "give the 'next' of the page before");
}
