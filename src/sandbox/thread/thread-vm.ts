/**
 * Owns one thread as the runtime sees it: one call after the other, each with exactly one end.
 *
 * T1 A call ends once: by its own end, or by the end of its thread.
 * T2 Told to stop, it is asked first; if it has not ended `stopMs` later, its thread is ended,
 *    wherever its code stands. A thread that was ended is never used again.
 * T3 It keeps the process alive exactly while a call is under way.
 */
import { Worker } from 'node:worker_threads';
import { HoldfastError } from '../../core/errors.ts';
import type { Clock } from '../../ports/clock.ts';
import type { ThreadContext } from './thread-context.ts';
import { receiveThrown, sendThrown } from './thread-fault.ts';
import type { ThreadCallFacts, ThreadOrder, ThreadSetup, ThreadWord } from './thread-wire.ts';

/** The file of the thread: source beside source, built code beside built code. */
const threadFile = (): URL => {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./thread-entry.${extension}`, import.meta.url);
};

/** How threads of a module are made. */
export interface ThreadTerms {
  readonly module: string;
  /** Of JavaScript's heap; blocks outside of it, such as buffers, are not counted by Node. */
  readonly memoryBytes: number | null;
  /** From the signal to the end by force. */
  readonly stopMs: number;
}

/** What a call is given, and where to that goes what the handler tells. */
export interface ThreadCall {
  readonly input: unknown;
  readonly facts: ThreadCallFacts;
  readonly signal: AbortSignal;
  readonly to: Pick<ThreadContext, 'log' | 'progress' | 'emit'>;
}

interface Running {
  readonly id: number;
  readonly call: ThreadCall;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

const mebibyte = 1_048_576;

/** A thread with its module loaded. */
export class ThreadVm {
  readonly gone: Promise<unknown>;
  readonly #worker: Worker;
  readonly #terms: ThreadTerms;
  readonly #clock: Clock;
  #running: Running | null = null;
  #lastId = 0;
  #alive = true;
  #cause: Error | null = null;

  constructor(worker: Worker, terms: ThreadTerms, clock: Clock, gone: Promise<Error | null>) {
    this.#worker = worker;
    this.#terms = terms;
    this.#clock = clock;
    worker.on('message', (word: ThreadWord) => this.#hear(word));
    worker.unref();
    this.gone = gone.then((cause) => {
      this.#alive = false;
      this.#cause = cause;
      if (this.#running !== null) this.#fail(this.#running, this.#death());
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Executes one call (T1). Rejects with what was thrown, `script.*`, the signal's reason. */
  async run(call: ThreadCall): Promise<unknown> {
    const { signal } = call;
    signal.throwIfAborted();
    if (!this.#alive) throw this.#death();
    this.#lastId += 1;
    const id = this.#lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const running: Running = { id, call, resolve, reject };
    let force: { cancel(): void } | null = null;
    const onAbort = (): void => {
      this.#post({ order: 'abort', call: id, fault: sendThrown(signal.reason) });
      force = this.#clock.after(this.#terms.stopMs, () => this.#end(running, signal.reason));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#running = running;
    this.#worker.ref();
    try {
      this.#post({ order: 'run', call: id, input: call.input, facts: call.facts });
      return await promise;
    } finally {
      (force as { cancel(): void } | null)?.cancel();
      signal.removeEventListener('abort', onAbort);
      this.#running = null;
      this.#worker.unref();
    }
  }

  async close(): Promise<void> {
    this.#alive = false;
    await this.#worker.terminate();
    await this.gone;
  }

  #post(order: ThreadOrder): void {
    this.#worker.postMessage(order);
  }

  #hear(word: ThreadWord): void {
    const running = this.#running;
    if (running === null || !('call' in word) || word.call !== running.id) return;
    const { to } = running.call;
    try {
      switch (word.word) {
        case 'part':
          to.emit(word.part);
          return;
        case 'progress':
          to.progress(word.value);
          return;
        case 'line':
          to.log[word.level](word.message, word.fields);
          return;
        case 'done':
          running.resolve(word.value);
          return;
        case 'failed':
          this.#fail(running, receiveThrown(word.fault));
          return;
      }
    } catch (error) {
      // A part over its bound, say: the handler cannot be told in its own thread.
      this.#end(running, error);
    }
  }

  /** T2 */
  #end(running: Running, reason: unknown): void {
    this.#alive = false;
    this.#fail(running, reason);
    void this.#worker.terminate();
  }

  #fail(running: Running, error: unknown): void {
    running.reject(error);
  }

  #death(): HoldfastError {
    const { module, memoryBytes } = this.#terms;
    const cause = this.#cause ?? undefined;
    const code = cause !== undefined && 'code' in cause ? cause.code : undefined;
    const details = { module };
    if (code === 'ERR_WORKER_OUT_OF_MEMORY') {
      const message = `the thread of ${module} used more than its memoryBytes, ${memoryBytes}`;
      return new HoldfastError('script.over_limit', message, { details });
    }
    const why = cause === undefined ? 'has ended' : `has ended: ${cause.message}`;
    return new HoldfastError('script.lost', `the thread of ${module} ${why}`, { details, cause });
  }
}

/** Starts a thread and waits until it has loaded the module. Rejects with `script.*`. */
export async function openThread(terms: ThreadTerms, clock: Clock): Promise<ThreadVm> {
  const { module, memoryBytes } = terms;
  const worker = new Worker(threadFile(), {
    ...{ name: 'holdfast-handler', workerData: { module } satisfies ThreadSetup },
    resourceLimits:
      memoryBytes === null ? {} : { maxOldGenerationSizeMb: Math.ceil(memoryBytes / mebibyte) },
  });
  let cause: Error | null = null;
  worker.on('error', (error: Error) => {
    cause = error;
  });
  const gone = new Promise<Error | null>((resolve) => worker.once('exit', () => resolve(cause)));
  const first = new Promise<ThreadWord>((resolve) => worker.once('message', resolve));
  const word = await Promise.race([first, gone]);
  if (word !== null && 'word' in word && word.word === 'ready') {
    return new ThreadVm(worker, terms, clock, gone);
  }
  await worker.terminate();
  const why = word !== null && 'word' in word && word.word === 'refused' ? word.message : `${word}`;
  throw new HoldfastError('script.invalid', `the module ${module} cannot be executed: ${why}`, {
    details: { module },
    cause: cause ?? undefined,
  });
}
