/**
 * Owns the handle of a run: what a caller does with one that it started or knows by id.
 *
 * H1 A handle holds no state of the run; every answer comes from the store or from its commit.
 * H2 A run that was put into a transaction of the caller is not there before that commits, and a
 *    moment longer: whoever waits for it asks again, and longer and longer lets it be.
 */
import { checkKey, checkNumber, checkOptions } from '../core/check.ts';
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Payloads } from '../core/payload.ts';
import type { MonoMs } from '../core/time.ts';
import type { StartHow } from '../ports/store-flow.ts';
import type { RunEnd } from '../ports/store-reads.ts';
import type { Lifeline } from './lifeline.ts';
import type { Run } from './views.ts';

const freshMs = 1;
/** H2: between two questions for a run that is not there yet. */
const absentMsMin = 20;
const absentMsMax = 1_000;

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
  /** False if the start met a run that was there already, and for handles by id. */
  readonly created: boolean;
  /**
   * How the start came to this run: it was `created`, or is one with the `same-id`, or one into
   * which it was `debounced`, or one that is `unique`. Null for handles by id.
   */
  readonly how: StartHow | null;
  /**
   * Waits for the result. Rejects with `run.not_succeeded` (its `details.outcome` says how it
   * ended), `wait.timeout`, `run.not_found`, or `payload.no_key` where a key or codec is missing.
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

/** What is known of a run before the store is asked for it. */
export type Awaited = 'any' | 'fresh' | 'uncommitted';

/** Waits for the end of a run. */
export async function waitFor(
  lifeline: Lifeline,
  id: string,
  known: Awaited,
  options: WaitOptions,
): Promise<RunEnd> {
  checkOptions('the wait', options, ['timeoutMs', 'signal']);
  const { timeoutMs, signal } = options;
  if (timeoutMs !== undefined) checkNumber('timeoutMs', timeoutMs, 0, limits.delayMsMax);
  signal?.throwIfAborted();
  const { engine } = lifeline.ensureOpen();
  const release = lifeline.hold();
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
  const patient = timer === null && signal === undefined;
  const orGiveUp = <T>(wait: Promise<T>): Promise<T> =>
    patient ? wait : Promise.race([wait, giveUp.promise]);
  try {
    for (let absentMs = absentMsMin; ; absentMs = Math.min(absentMs * 2, absentMsMax)) {
      const { heard, stop } = lifeline.ensureOpen().engine.waits.wait(id, known === 'fresh');
      const end = await orGiveUp(heard).finally(stop);
      if (end !== null) return end;
      if (known !== 'uncommitted') break;
      const pause = Promise.withResolvers<void>();
      const next = engine.world.clock.after(absentMs, pause.resolve);
      await orGiveUp(pause.promise).finally(() => next.cancel());
    }
    throw new HoldfastError('run.not_found', `no run '${id}' is in the store`, { details: { id } });
  } finally {
    timer?.cancel();
    signal?.removeEventListener('abort', onAbort);
    release();
  }
}

/**
 * The value that a successful end holds; throws `run.not_succeeded` for any other end, and
 * `payload.no_key` or `payload.damaged` for what cannot be read here.
 */
export function resultOf({ id, outcome, result }: RunEnd, payloads: Payloads): unknown {
  if (outcome.kind === 'succeeded') return result === null ? null : payloads.read(result);
  const { error } = outcome;
  const why = error === null ? '' : `: ${error.message} [${error.code}]`;
  const message = `run '${id}' ended as ${outcome.kind}${why}`;
  throw new HoldfastError('run.not_succeeded', message, { details: { id, outcome } });
}

/** The handle of one run. */
export class Handle<Output> implements RunHandle<Output> {
  readonly id: string;
  readonly created: boolean;
  readonly how: StartHow | null;
  readonly #lifeline: Lifeline;
  readonly #host: HandleHost;
  readonly #madeAt: MonoMs;
  readonly #uncommitted: boolean;

  constructor(
    lifeline: Lifeline,
    host: HandleHost,
    id: string,
    created: boolean,
    uncommitted = false,
    how: StartHow | null = null,
  ) {
    this.id = checkKey('id', id, limits.idCharsMax);
    this.created = created;
    this.how = how;
    this.#lifeline = lifeline;
    this.#host = host;
    this.#madeAt = lifeline.engine.world.clock.mono();
    this.#uncommitted = uncommitted;
  }

  async result(options: WaitOptions = {}): Promise<Output> {
    const end = await waitFor(this.#lifeline, this.id, this.#known(), options);
    return resultOf(end, this.#lifeline.engine.world.payloads) as Output;
  }

  async outcome(options: WaitOptions = {}): Promise<Outcome> {
    return (await waitFor(this.#lifeline, this.id, this.#known(), options)).outcome;
  }

  /** If the run was accepted just now, asking the store for its end is in vain. */
  #known(): Awaited {
    if (this.#uncommitted) return 'uncommitted';
    const fresh = this.created && this.#lifeline.engine.world.clock.mono() - this.#madeAt < freshMs;
    return fresh ? 'fresh' : 'any';
  }

  cancel(reason?: string): Promise<{ readonly state: 'cancelled' | 'stopping' }> {
    return this.#host.cancel(this.id, reason);
  }

  get(): Promise<Run | null> {
    return this.#host.get(this.id);
  }
}
