/**
 * Owns the gathering of claimed runs, and of calls, into batches, for functions that take many at
 * once.
 *
 * G1 Each item is a run or a call of its own: it has its own fence, attempts, retries and outcome.
 *    Only the code is shared. An item ends as soon as it has its verdict, whatever the others do.
 * G2 A batch goes when it is full, or when its first item has waited for its time. An item that is
 *    told to stop before that leaves it; later its signal says so, and the code decides.
 * G3 The first verdict of an item counts. Whoever has none when the code is done fails: with what
 *    the code threw, else with `batch.no_verdict`.
 */
import { HoldfastError } from '../core/errors.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { BatchCode, BatchItem } from './batch-words.ts';
import type { HostedCode } from './hosted.ts';
import type { RunContext } from './run-context.ts';

/** The code as attempts execute it: that of a batch joins what gathers on this node. */
export function executable(code: HostedCode, clock: Clock): HostedCode {
  if (code.batch === undefined) return code;
  return { ...code, run: gathered(code.fn, code.batch, clock) };
}

/** Executes the code of a batch with all that is executed here at about the same time. */
export function gathered(fn: string, batch: BatchCode, clock: Clock): HostedCode['run'] {
  const gathering = new Gathering(fn, batch, clock);
  return (input, ctx) => gathering.join(input, ctx);
}

/** An item, and the attempt that waits for its verdict. */
interface Entry {
  readonly item: BatchItem;
  readonly verdict: PromiseWithResolvers<unknown>;
  given: boolean;
}

/** What gathers for one function on one node. */
class Gathering {
  readonly #fn: string;
  readonly #code: BatchCode;
  readonly #clock: Clock;
  #entries: Entry[] = [];
  #timer: Timer | null = null;

  constructor(fn: string, code: BatchCode, clock: Clock) {
    this.#fn = fn;
    this.#code = code;
    this.#clock = clock;
  }

  /** Resolves or rejects by the verdict on this run. */
  join(input: unknown, ctx: RunContext): Promise<unknown> {
    const { signal } = ctx;
    const entry = entryOf(input, ctx);
    this.#entries.push(entry);
    signal.addEventListener('abort', () => this.#leave(entry), { once: true });
    if (this.#entries.length >= this.#code.max) this.#go();
    else this.#timer ??= this.#clock.after(this.#code.waitMs, () => this.#go());
    return entry.verdict.promise;
  }

  /** G2 */
  #leave(entry: Entry): void {
    if (!this.#entries.includes(entry)) return;
    this.#entries = this.#entries.filter((one) => one !== entry);
    if (this.#entries.length === 0) this.#stopTimer();
    entry.given = true;
    entry.verdict.reject(entry.item.signal.reason);
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #go(): void {
    this.#stopTimer();
    const entries = this.#entries;
    this.#entries = [];
    void this.#execute(entries);
  }

  /** Never rejects. */
  async #execute(entries: readonly Entry[]): Promise<void> {
    let rest: unknown;
    try {
      const items = entries.map(({ item }) => item);
      const returned = await this.#code.run(items, { signal: allOf(items) });
      rest = this.#judge(entries, returned);
    } catch (error) {
      rest = error;
    }
    for (const { item } of entries) item.fail(rest);
  }

  /** Gives what the code returned as verdicts; what is left fails with what this gives (G3). */
  #judge(entries: readonly Entry[], returned: unknown): HoldfastError {
    const none = (why: string): HoldfastError =>
      new HoldfastError('batch.no_verdict', `the batch of '${this.#fn}' ${why}`);
    if (returned === undefined) return none('ended without a verdict on this item');
    if (!Array.isArray(returned) || returned.length !== entries.length) {
      return none(`returned no list of ${entries.length} verdicts, one for each item`);
    }
    for (const [at, { item }] of entries.entries()) {
      const verdict: unknown = returned[at];
      if (typeof verdict !== 'object' || verdict === null || !('ok' in verdict)) continue;
      if (verdict.ok === true) item.succeed('value' in verdict ? verdict.value : undefined);
      else if (verdict.ok === false) item.fail('error' in verdict ? verdict.error : undefined);
    }
    return none('returned something else than { ok } for this item');
  }
}

function entryOf(input: unknown, { runId, attempt, tenant, signal }: RunContext): Entry {
  const verdict = Promise.withResolvers<unknown>();
  const entry: Entry = {
    verdict,
    given: false,
    item: {
      ...{ input, runId, attempt, tenant, signal },
      succeed: (value) => give(() => verdict.resolve(value)),
      fail: (error) => give(() => verdict.reject(error)),
    },
  };
  const give = (settle: () => void): void => {
    if (entry.given) return;
    entry.given = true;
    settle();
  };
  return entry;
}

/** Aborts with the last of them. */
function allOf(items: readonly BatchItem[]): AbortSignal {
  const controller = new AbortController();
  let left = items.length;
  for (const { signal } of items) {
    const one = (): void => {
      left -= 1;
      if (left === 0) controller.abort(signal.reason);
    };
    if (signal.aborted) one();
    else signal.addEventListener('abort', one, { once: true });
  }
  return controller.signal;
}
