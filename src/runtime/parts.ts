/**
 * Owns how the stream of a run looks to its readers.
 *
 * S1 A reader gets each part once, in order of the offsets, from the one that it asks for.
 * S2 A stream ends when the run has its outcome and everything was given. One that was cut over the
 *    bound of a run has a mark behind its last part, at the offset of the first one that is gone.
 */
import { checkKey, checkOptions, checkWhole } from '../core/check.ts';
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import { partsIn } from '../engine/part-text.ts';
import type { PartData, PartsPage } from '../ports/store-parts.ts';
import type { Lifeline } from './lifeline.ts';

/** One part of the stream of a run. */
export interface RunPart {
  /** Counts the parts of the run from 0, over all its attempts. To go on: this and 1. */
  readonly offset: number;
  /** The attempt that made it. A greater one than before has begun the work anew. */
  readonly attempt: number;
  readonly data: PartData;
  /**
   * Set in the mark behind the last part (its data is empty): so many parts, by now, were dropped
   * over the bound of a run.
   */
  readonly truncated?: number;
}

/** From where parts are read, and for how long. */
export interface PartsOptions {
  /** The first offset. Default 0. */
  readonly from?: number;
  /** Ends the reading with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A page of the parts of a run, as it is now. */
export interface PartPage {
  readonly parts: readonly RunPart[];
  /** The offset from which to go on. */
  readonly next: number;
  /** There will be no more behind it. */
  readonly ended: boolean;
}

/** Reads parts as they come. */
export async function* followParts(
  lifeline: Lifeline,
  id: string,
  options: PartsOptions,
): AsyncGenerator<RunPart, void, undefined> {
  const from = checked(id, options, ['from', 'signal']);
  const { signal } = options;
  for (let at = from; ; ) {
    const { engine } = lifeline.ensureOpen();
    const release = lifeline.hold();
    const page = await engine.followers.next({ id, from: at, signal }).finally(release);
    if (page === null) throw notFound(id);
    const { parts, next, ended } = pageFrom(page, at);
    yield* parts;
    at = next;
    if (ended) return;
    signal?.throwIfAborted();
  }
}

/** Reads the parts that are there now, up to the bound of a page. */
export async function pageOfParts(
  lifeline: Lifeline,
  id: string,
  options: { readonly from?: number; readonly limit?: number },
): Promise<PartPage> {
  const from = checked(id, options, ['from', 'limit']);
  const { limit = limits.partsPageRowsMax } = options;
  checkWhole('limit', limit, 1, limits.partsPageRowsMax);
  const { store } = lifeline.ensureOpen().engine.world;
  const [page] = await store.parts([{ id, from, charsMax: limits.partsPageCharsMax }]);
  if (page === undefined || page === null) throw notFound(id);
  return pageFrom(page, from, limit);
}

function pageFrom(page: PartsPage, from: number, partsMax = Number.POSITIVE_INFINITY): PartPage {
  const { kept, dropped } = page;
  const parts: RunPart[] = [];
  let next = from;
  for (const { first, attempt, content } of page.blocks) {
    for (const [at, data] of partsIn(content).entries()) {
      if (first + at < from || parts.length >= partsMax) continue;
      parts.push({ offset: first + at, attempt, data });
      next = first + at + 1;
    }
  }
  if (next === kept && dropped > 0 && parts.length < partsMax) {
    const attempt = page.blocks.at(-1)?.attempt ?? 0;
    parts.push({ offset: kept, attempt, data: '', truncated: dropped });
    next = kept + 1;
  }
  return { parts, next, ended: page.ended && next >= kept + (dropped > 0 ? 1 : 0) };
}

function checked(id: string, options: PartsOptions, names: readonly string[]): number {
  checkKey('id', id, limits.idCharsMax);
  checkOptions('parts', options, names);
  return checkWhole('from', options.from ?? 0, 0, Number.MAX_SAFE_INTEGER);
}

const notFound = (id: string): HoldfastError =>
  new HoldfastError('run.not_found', `no run '${id}' is in the store`, { details: { id } });
