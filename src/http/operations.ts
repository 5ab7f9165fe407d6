/**
 * Owns bulk actions that go on behind their request: what was asked, how far it is, how it ended.
 *
 * O1 An operation belongs to the process that does it and is forgotten with it: what it changed
 *    stays changed, and asking again changes only what is left.
 * O2 So many are under way at once; of those that ended the oldest are forgotten first.
 */
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import { type WallMs, wallMs } from '../core/time.ts';
import type { Clock } from '../ports/clock.ts';
import type { DeadLetters } from '../runtime/dead-letters.ts';
import type { BulkOptions, Changed, RunQuery, Runs } from '../runtime/runs.ts';
import { errorOf, type Problem, problemOf } from './problem.ts';

/** What is to be done. */
export interface OperationAsk {
  readonly action: 'cancel' | 'retry' | 'redrive' | 'discard';
  readonly filter: RunQuery;
  readonly reason: string | null;
}

/** An operation as it is shown. */
export interface OperationView extends OperationAsk {
  readonly id: string;
  readonly state: 'running' | 'done' | 'failed' | 'stopped';
  readonly startedAt: WallMs;
  readonly endedAt: WallMs | null;
  readonly matched: number;
  readonly changed: number;
  readonly problem: Problem | null;
}

interface Kept {
  view: OperationView;
  /** Who may see it: a tenant's keys see those of the tenant. */
  readonly tenant: string | null;
}

/** The operations of one process. */
export class Operations {
  readonly #runs: Runs;
  readonly #dead: DeadLetters;
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #kept = new Map<string, Kept>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #stop = new AbortController();

  constructor(runs: Runs, dead: DeadLetters, clock: Clock, newId: () => string) {
    this.#runs = runs;
    this.#dead = dead;
    this.#clock = clock;
    this.#newId = newId;
  }

  /** Begins; throws `http.busy` when too many are under way. */
  start(ask: OperationAsk, tenant: string | null): OperationView {
    const { operationsRunningMax, operationsMax } = limits;
    if (this.#underWay.size >= operationsRunningMax || this.#stop.signal.aborted) {
      const message = `${this.#underWay.size} operations are under way; wait for one to end`;
      throw new HoldfastError('http.busy', message);
    }
    for (const [id, { view }] of this.#kept) {
      if (this.#kept.size < operationsMax) break;
      if (view.state !== 'running') this.#kept.delete(id);
    }
    const id = this.#newId();
    const progress = { matched: 0, changed: 0, endedAt: null, problem: null };
    const view: OperationView = {
      ...ask,
      ...progress,
      ...{ id, state: 'running', startedAt: wallMs(this.#clock.wall()) },
    };
    const kept: Kept = { view, tenant };
    this.#kept.set(id, kept);
    const work = this.#work(kept, ask).finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
    return view;
  }

  /** An operation that the tenant (null: everybody's) may see; else `operation.not_found`. */
  get(id: string, tenant: string | null): OperationView {
    const kept = this.#kept.get(id);
    if (kept !== undefined && (tenant === null || kept.tenant === tenant)) return kept.view;
    const message = `no operation '${id}' is remembered here`;
    throw new HoldfastError('operation.not_found', message, { details: { id } });
  }

  /** Those that the tenant may see, newest first. */
  list(tenant: string | null): readonly OperationView[] {
    const seen = [...this.#kept.values()].filter((one) => tenant === null || one.tenant === tenant);
    return seen.map(({ view }) => view).reverse();
  }

  /** Stops all before their next page, and waits for that. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#underWay);
  }

  #act({ action, filter, reason }: OperationAsk, bulk: BulkOptions): Promise<Changed> {
    const why = reason ?? undefined;
    switch (action) {
      case 'cancel':
        return this.#runs.cancelWhere(filter, why, bulk);
      case 'retry':
        return this.#runs.retryWhere(filter, bulk);
      case 'redrive':
        return this.#dead.redriveWhere(filter, bulk);
      case 'discard':
        return this.#dead.discardWhere(filter, why, bulk);
    }
  }

  async #work(kept: Kept, ask: OperationAsk): Promise<void> {
    const { signal } = this.#stop;
    const put = (more: Partial<OperationView>): void => {
      kept.view = { ...kept.view, ...more };
    };
    const end = (state: OperationView['state'], more: Partial<OperationView>): void =>
      put({ state, endedAt: wallMs(this.#clock.wall()), ...more });
    const bulk = { signal, onProgress: (sofar: Changed) => put(sofar) };
    try {
      end('done', await this.#act(ask, bulk));
    } catch (error) {
      if (signal.aborted) end('stopped', {});
      else end('failed', { problem: problemOf(errorOf(error), kept.view.id) });
    }
  }
}
