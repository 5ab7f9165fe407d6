/**
 * Owns the deciding thread as the main thread sees it.
 *
 * T1 It is started for the first decision. It keeps the process alive exactly while an answer is
 *    awaited.
 * T2 If it dies, what is awaited fails with `store.unavailable`; the next decision starts another.
 */
import { Worker } from 'node:worker_threads';
import { HoldfastError } from '../../../core/errors.ts';
import { receiveFault } from '../../sent-fault.ts';
import type { Decider } from './decider.ts';
import type { DeciderOrder, DeciderSetup, DeciderWord } from './decider-thread.ts';
import type { Accepted } from './inbox.ts';

/** The file of the thread: source beside source, built code beside built code. */
const threadFile = (): URL => {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./decider-thread.${extension}`, import.meta.url);
};

const resourceLimits = { maxYoungGenerationSizeMb: 16 };

interface Awaited {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: HoldfastError) => void;
}

/** Decides in a thread. Nothing is started yet (T1). */
export function threadDecider(setup: DeciderSetup): Decider {
  const thread = new DecidingThread(setup);
  return {
    decide: (name, wants, args) =>
      thread.ask((id) => ({ order: 'decide', id, name, wants, args })) as Promise<never>,
    acceptInbox: () => thread.ask((id) => ({ order: 'inbox', id })) as Promise<Accepted>,
    close: () => thread.close(),
  };
}

class DecidingThread {
  readonly #setup: DeciderSetup;
  readonly #awaited = new Map<number, Awaited>();
  #worker: Worker | null = null;
  #lastId = 0;

  constructor(setup: DeciderSetup) {
    this.#setup = setup;
  }

  ask(order: (id: number) => DeciderOrder): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const worker = this.#worker ?? this.#start();
      this.#lastId += 1;
      if (this.#awaited.size === 0) worker.ref();
      this.#awaited.set(this.#lastId, { resolve, reject });
      worker.postMessage(order(this.#lastId));
    });
  }

  /** Called when nothing is awaited any more. */
  async close(): Promise<void> {
    const worker = this.#worker;
    if (worker === null) return;
    this.#worker = null;
    worker.ref();
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.postMessage({ order: 'close' } satisfies DeciderOrder);
    await ended;
  }

  #start(): Worker {
    // Without the flags of the process: some of them are refused in threads, and none is needed.
    const worker = new Worker(threadFile(), {
      ...{ workerData: this.#setup, name: 'holdfast-decide', execArgv: [], resourceLimits },
    });
    this.#worker = worker;
    let cause: Error | undefined;
    worker.on('error', (error: Error) => {
      cause = error;
    });
    worker.on('exit', () => {
      if (this.#worker === worker) this.#worker = null;
      this.#failAll(cause);
    });
    worker.on('message', (word: DeciderWord) => {
      const awaited = this.#awaited.get(word.id);
      this.#awaited.delete(word.id);
      if (this.#awaited.size === 0) worker.unref();
      if (word.ok) awaited?.resolve(word.value);
      else awaited?.reject(receiveFault(word.fault));
    });
    return worker;
  }

  /** T2 */
  #failAll(cause: Error | undefined): void {
    const message = 'the thread that decides has ended; try again';
    const error = new HoldfastError('store.unavailable', message, { cause });
    for (const { reject } of this.#awaited.values()) reject(error);
    this.#awaited.clear();
  }
}
