/**
 * Owns the handle of a run: what a caller does with one that it started or knows by id.
 *
 * H1 A handle holds no state of the run; every answer comes from the store or from its commit.
 */
import { checkKey, checkNumber, checkOptions } from '../core/check.ts';
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { Outcome } from '../core/outcome.ts';
import type { MonoMs } from '../core/time.ts';
import type { RunEnd } from '../ports/store-reads.ts';
import type { Lifeline } from './lifeline.ts';
import type { Run } from './views.ts';

const freshMs = 1;

/** How long to wait for a run. */
export interface WaitOptions {
  /** After so many ms: `wait.timeout`. The run goes on. Default: no end. */
  readonly timeoutMs?: number;
  /** Ends the wait with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A run that was started, or is known by its id. */
export interface RunHandle<Output = unknown> {
  readonly id: string;
  /** False if a run with the same id was there already, and for handles by id. */
  readonly created: boolean;
  /**
   * Waits for the result. Rejects with `run.not_succeeded` (its `details.outcome` says how it
   * ended), `wait.timeout`, or `run.not_found`.
   */
  result(options?: WaitOptions): Promise<Output>;
  /** Waits for the end, whatever it is. */
  outcome(options?: WaitOptions): Promise<Outcome>;
  /**
   * `cancelled`: it had not begun. `stopping`: its owner is told; the outcome follows within its
   * grace.
   */
  cancel(reason?: string): Promise<{ readonly state: 'cancelled' | 'stopping' }>;
  /** Everything that is kept of it, or null when it was pruned. */
  get(): Promise<Run | null>;
}

/** What handles ask of their runtime. */
export interface HandleHost {
  cancel(id: string, reason?: string): Promise<{ readonly state: 'cancelled' | 'stopping' }>;
  get(id: string): Promise<Run | null>;
}

/** Waits for the end of a run. */
export async function waitFor(
  lifeline: Lifeline,
  id: string,
  fresh: boolean,
  options: WaitOptions,
): Promise<RunEnd> {
  checkOptions('the wait', options, ['timeoutMs', 'signal']);
  const { timeoutMs, signal } = options;
  if (timeoutMs !== undefined) checkNumber('timeoutMs', timeoutMs, 0, limits.delayMsMax);
  signal?.throwIfAborted();
  const { engine } = lifeline.ensureOpen();
  const release = lifeline.hold();
  const { heard, stop } = engine.waits.wait(id, fresh);
  const giveUp = Promise.withResolvers<never>();
  const onAbort = (): void => giveUp.reject(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  const timer =
    timeoutMs === undefined
      ? null
      : engine.world.clock.after(timeoutMs, () => {
          const message = `run '${id}' had not ended after ${timeoutMs} ms; it goes on`;
          giveUp.reject(new HoldfastError('wait.timeout', message, { details: { id, timeoutMs } }));
        });
  try {
    const patient = timer === null && signal === undefined;
    const end = patient ? await heard : await Promise.race([heard, giveUp.promise]);
    if (end !== null) return end;
    throw new HoldfastError('run.not_found', `no run '${id}' is in the store`, { details: { id } });
  } finally {
    timer?.cancel();
    signal?.removeEventListener('abort', onAbort);
    stop();
    release();
  }
}

/** The value that a successful end holds; throws `run.not_succeeded` for any other end. */
export function resultOf({ id, outcome, result }: RunEnd): unknown {
  if (outcome.kind === 'succeeded') return result === null ? null : JSON.parse(result);
  const { error } = outcome;
  const why = error === null ? '' : `: ${error.message} [${error.code}]`;
  const message = `run '${id}' ended as ${outcome.kind}${why}`;
  throw new HoldfastError('run.not_succeeded', message, { details: { id, outcome } });
}

/** The handle of one run. */
export class Handle<Output> implements RunHandle<Output> {
  readonly id: string;
  readonly created: boolean;
  readonly #lifeline: Lifeline;
  readonly #host: HandleHost;
  readonly #madeAt: MonoMs;

  constructor(lifeline: Lifeline, host: HandleHost, id: string, created: boolean) {
    this.id = checkKey('id', id, limits.idCharsMax);
    this.created = created;
    this.#lifeline = lifeline;
    this.#host = host;
    this.#madeAt = lifeline.engine.world.clock.mono();
  }

  async result(options: WaitOptions = {}): Promise<Output> {
    return resultOf(await waitFor(this.#lifeline, this.id, this.#fresh(), options)) as Output;
  }

  async outcome(options: WaitOptions = {}): Promise<Outcome> {
    return (await waitFor(this.#lifeline, this.id, this.#fresh(), options)).outcome;
  }

  /** Whether the run was accepted just now: then asking the store for its end is in vain. */
  #fresh(): boolean {
    return this.created && this.#lifeline.engine.world.clock.mono() - this.#madeAt < freshMs;
  }

  cancel(reason?: string): Promise<{ readonly state: 'cancelled' | 'stopping' }> {
    return this.#host.cancel(this.id, reason);
  }

  get(): Promise<Run | null> {
    return this.#host.get(this.id);
  }
}
