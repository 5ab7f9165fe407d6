/**
 * Owns what users do with dead letters: runs that failed, timed out, were lost or are quarantined,
 * and that nobody has tried again or discarded.
 *
 * D1 A dead letter is a run: its input, error and attempts are read as those of any run. It goes
 *    when its run is pruned; a quarantined one stays.
 * D2 Redriving tries a run again, as `runs.retry` does, but each dead letter at most once, whoever
 *    asks at the same time. What is redriven or discarded is no dead letter any more.
 * D3 Acts on many go page by page, newest first, and never see what they made themselves.
 */
import { checkKey, checkOptions, checkWhole, invalid, reasonText } from '../core/check.ts';
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { DeadFilter } from '../ports/store-flow.ts';
import type { Lifeline } from './lifeline.ts';
import { Handle, type HandleHost, type RunHandle } from './run-handle.ts';
import type { BulkOptions, Changed } from './runs.ts';
import { type RunSummary, summaryOf } from './views.ts';

/** Which dead letters: every word that is given must hold. */
export interface DeadQuery {
  readonly fn?: string;
  readonly tenant?: string;
}

/** Which dead letters, and which page of them. */
export interface DeadListQuery extends DeadQuery {
  /** Runs of one page, 1 to 1,000. Default 100. */
  readonly limit?: number;
  /** `next` of the page before. */
  readonly cursor?: string;
}

const filterNames = ['fn', 'tenant'];
const pageRowsDefault = 100;

/** Dead letters of one store. */
export class DeadLetters {
  readonly #lifeline: Lifeline;
  readonly #host: HandleHost;

  constructor(lifeline: Lifeline, host: HandleHost) {
    this.#lifeline = lifeline;
    this.#host = host;
  }

  /**
   * Dead letters, newest first. A page may be short before the end: `next` says whether there is
   * more.
   *
   * @example
   * const { runs } = await hf.deadLetters.list({ fn: 'charge' });
   * for (const { id, outcome } of runs) console.log(id, outcome?.error?.message);
   */
  async list(
    query: DeadListQuery = {},
  ): Promise<{ readonly runs: readonly RunSummary[]; readonly next: string | null }> {
    checkOptions('deadLetters.list', query, [...filterNames, 'limit', 'cursor']);
    const { limit = pageRowsDefault, cursor, ...words } = query;
    const rowsMax = checkWhole('limit', limit, 1, limits.pageRowsMax);
    const { world } = this.#lifeline.ensureOpen().engine;
    const ask = { filter: filterOf(words), before: seqOf(cursor), rowsMax };
    const { runs, next } = await world.store.dead(ask);
    const shown = runs.map((view) => summaryOf(view, world.payloads));
    return { runs: shown, next: next === null ? null : String(next) };
  }

  /**
   * Tries a dead letter again: a quarantined run goes on, for an ended one a new run with the same
   * input is started (`retryOf` names the old one). Rejects with `dead.not_found` if it is none, or
   * was redriven by somebody else.
   */
  async redrive(id: string): Promise<RunHandle> {
    const { intake, world } = this.#lifeline.ensureOpen().engine;
    const verdict = await intake.redrives.add({ id: checkId(id), newId: world.random.id() });
    if (verdict.ok) {
      return new Handle<unknown>(this.#lifeline, this.#host, verdict.id, verdict.created);
    }
    throw new HoldfastError(verdict.code, verdict.message, { details: { id } });
  }

  /** Tries every dead letter again that matches, page by page. */
  redriveWhere(query: DeadQuery = {}, bulk: BulkOptions = {}): Promise<Changed> {
    const { intake, world } = this.#lifeline.ensureOpen().engine;
    return this.#inBulk(query, bulk, (ids) =>
      intake.redrives.addAll(ids.map((id) => ({ id, newId: world.random.id() }))),
    );
  }

  /**
   * Takes a dead letter off the list for good. The run stays as it is until it is pruned; a
   * quarantined one is cancelled. Rejects with `dead.not_found`.
   */
  async discard(id: string, reason?: string): Promise<void> {
    const item = { id: checkId(id), reason: discardReason(reason) };
    const verdict = await this.#lifeline.ensureOpen().engine.intake.discards.add(item);
    if (verdict.ok) return;
    throw new HoldfastError(verdict.code, verdict.message, { details: { id } });
  }

  /** Takes every dead letter that matches off the list, page by page. */
  discardWhere(query: DeadQuery, reason?: string, bulk: BulkOptions = {}): Promise<Changed> {
    const text = discardReason(reason);
    const { intake } = this.#lifeline.ensureOpen().engine;
    return this.#inBulk(query, bulk, (ids) =>
      intake.discards.addAll(ids.map((id) => ({ id, reason: text }))),
    );
  }

  /** D3 */
  async #inBulk(
    query: DeadQuery,
    { onProgress, signal }: BulkOptions,
    act: (ids: readonly string[]) => Promise<readonly { readonly ok: boolean }[]>,
  ): Promise<Changed> {
    checkOptions('the filter', query, filterNames);
    const filter = filterOf(query);
    const count = { matched: 0, changed: 0 };
    let before: number | null = null;
    do {
      signal?.throwIfAborted();
      const { store } = this.#lifeline.ensureOpen().engine.world;
      const page = await store.dead({ filter, before, rowsMax: limits.pageRowsMax });
      const verdicts = await act(page.runs.map(({ id }) => id));
      count.matched += verdicts.length;
      count.changed += verdicts.filter(({ ok }) => ok).length;
      onProgress?.({ ...count });
      before = page.next;
    } while (before !== null);
    return count;
  }
}

const checkId = (id: string): string => checkKey('id', id, limits.idCharsMax);

const discardReason = (reason: string | undefined): string => {
  const text = reasonText(reason);
  return text === '' ? 'discarded by request' : text;
};

function filterOf({ fn, tenant }: DeadQuery): DeadFilter {
  return {
    ...(fn === undefined ? {} : { fn: checkKey('fn', fn, limits.keyCharsMax) }),
    ...(tenant === undefined ? {} : { tenant: checkKey('tenant', tenant, limits.keyCharsMax) }),
  };
}

function seqOf(cursor: string | undefined): number | null {
  if (cursor === undefined) return null;
  if (typeof cursor === 'string' && /^\d{1,16}$/.test(cursor)) return Number(cursor);
  throw invalid('cursor', cursor, "give the 'next' of the page before");
}
