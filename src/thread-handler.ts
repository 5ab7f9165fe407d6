/**
 * Owns handlers that execute in threads of their own: trusted code that takes a processor for long.
 *
 * H1 The module exports `run(input, ctx)`. It is loaded once for each thread.
 * H2 Input, result, parts and progress travel as the structured clone has them, in both ways.
 */
import { checkNumber, checkOptions, checkWhole, invalid } from './core/check.ts';
import { limits } from './core/limits.ts';
import type { RunContext } from './engine/run-context.ts';
import { type HeldResource, type PoolFigures, withResource } from './ports/sandbox.ts';
import { Pool } from './sandbox/pool/pool.ts';
import { type PoolOptions, poolTermsOf } from './sandbox/pool/terms.ts';
import type { ThreadContext } from './sandbox/thread/thread-context.ts';
import { openThread, type ThreadTerms, type ThreadVm } from './sandbox/thread/thread-vm.ts';
import { systemClock } from './system/clock.ts';
import { systemRandom } from './system/random.ts';

export type { ThreadContext } from './sandbox/thread/thread-context.ts';

/** Options of `threadHandler`. */
export interface ThreadOptions {
  /** Its threads. Default: made when needed, at most as many as 4. */
  readonly pool?: PoolOptions;
  /**
   * How long a handler that was told to stop has before its thread is ended. Keep it below the
   * function's `graceMs`. Default 1,000.
   */
  readonly stopMs?: number;
  /** Bytes of a thread's heap. Default: Node's. */
  readonly memoryBytes?: number;
}

const threadsDefault: PoolOptions = { kind: 'lazy', max: 4 };
const stopMsDefault = 1_000;
const memoryBytesMin = 8 * 1_048_576;
/** Trusted code of one module: its threads serve all tenants. */
const anyTenant = '';

/**
 * A handler that executes in a thread: the function `run` that the module at `url` exports.
 *
 * @example
 * const resize = defineFunction({
 *   name: 'resize',
 *   run: threadHandler<Image, Image>(new URL('./resize.ts', import.meta.url)),
 * });
 */
export function threadHandler<Input, Output>(
  url: URL,
  options: ThreadOptions = {},
): (input: Input, ctx: RunContext) => Promise<Output> {
  if (!(url instanceof URL)) {
    throw invalid('the module of a thread', url, 'give new URL(path, import.meta.url)');
  }
  checkOptions('threadHandler', options, ['pool', 'stopMs', 'memoryBytes']);
  const { pool = threadsDefault, stopMs = stopMsDefault, memoryBytes } = options;
  const most = limits.scriptMemoryBytesMax;
  const host = new ThreadHost(poolTermsOf(url.href, pool), {
    module: url.href,
    stopMs: checkNumber('stopMs', stopMs, 0, limits.delayMsMax),
    memoryBytes:
      memoryBytes === undefined
        ? null
        : checkWhole('memoryBytes', memoryBytes, memoryBytesMin, most),
  });
  const run = (input: Input, ctx: RunContext) => host.run(input, ctx) as Promise<Output>;
  return withResource(run, host);
}

class ThreadHost implements HeldResource {
  readonly #terms: ReturnType<typeof poolTermsOf>;
  readonly #thread: ThreadTerms;
  #pool: Pool<ThreadVm> | null = null;
  #holders = 0;

  constructor(terms: ReturnType<typeof poolTermsOf>, thread: ThreadTerms) {
    this.#terms = terms;
    this.#thread = thread;
  }

  get figures(): PoolFigures {
    const none = { live: 0, busy: 0, waiting: 0, created: 0, discarded: 0, poisoned: 0 };
    return this.#pool?.figures ?? none;
  }

  hold(): void {
    this.#holders += 1;
    if (this.#terms.min > 0) void this.#open().prepare(anyTenant);
  }

  async release(): Promise<void> {
    this.#holders -= 1;
    if (this.#holders > 0) return;
    const pool = this.#pool;
    this.#pool = null;
    await pool?.close();
  }

  run(input: unknown, ctx: RunContext): Promise<unknown> {
    const { runId, attempt, fence, tenant, lane, tags, deadlineAt, traceparent, signal } = ctx;
    const facts = { runId, attempt, fence, tenant, lane, tags, deadlineAt, traceparent };
    const to: Pick<ThreadContext, 'log' | 'progress' | 'emit'> = {
      log: ctx.log,
      progress: (value) => ctx.progress(value),
      emit: (part) => void ctx.emit(part),
    };
    return this.#open().use(anyTenant, signal, (vm) => vm.run({ input, facts, signal, to }));
  }

  #open(): Pool<ThreadVm> {
    const clock = systemClock();
    this.#pool ??= new Pool({
      ...{ name: this.#thread.module, terms: this.#terms, clock, random: systemRandom() },
      make: () => openThread(this.#thread, clock),
    });
    return this.#pool;
  }
}
