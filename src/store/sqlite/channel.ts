/**
 * Owns one worker thread as the main thread sees it: calls and their promises.
 *
 * H1 Calls of one turn of the event loop travel in one message. They leave when the turn ends (a
 *    `nextTick` from within promises comes after all of them), so that nothing waits.
 * H2 The thread keeps the process alive exactly while an answer is awaited.
 * H3 If the thread dies, everything that is awaited fails with `store.unavailable`, and all later
 *    calls.
 * H4 After `close` calls fail with `store.closed`; what was called before is answered first.
 */
import { Worker } from 'node:worker_threads';
import { HoldfastError } from '../../core/errors.ts';
import { monoPlus } from '../../core/time.ts';
import type { Clock } from '../../ports/clock.ts';
import { receiveFault, sendFault } from '../sent-fault.ts';
import type { VerbName } from '../verbs/verbs.ts';
import { faultOf } from './faults.ts';
import type { Call, Order, Reply, Setup, Word } from './messages.ts';

interface Awaited {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: HoldfastError) => void;
}

/** One thread. */
export interface Channel {
  call(verb: VerbName, args: readonly unknown[]): Promise<unknown>;
  /** Sends an order that is answered like a call. */
  ask(order: (id: number) => Order): Promise<unknown>;
  /** Sends an order that is not answered. */
  tell(order: Order): void;
  /**
   * Refuses further calls at once; ends the thread when `first` is done and all calls are answered.
   */
  close(first?: Promise<void>): Promise<void>;
}

/** Hears what the thread says of its own accord. */
type Listener = (word: Extract<Word, { word: 'beat' | 'fenced' }>) => void;

/** The file of a thread: source beside source, built code beside built code. */
const fileOf = (name: 'writer' | 'reader'): URL => {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./${name}.${extension}`, import.meta.url);
};

/**
 * Short-lived rows and replies fill a default young generation of 48 MiB for nothing (measured).
 */
const youngGenerationMiB = 16;

/** Starts a thread and waits until it has opened the store, or rejects with its reason. */
export async function openChannel(
  name: 'writer' | 'reader',
  setup: Setup,
  clock: Clock,
  listener: Listener,
): Promise<Channel> {
  // Without the flags of the process: some of them are refused in threads, and none is needed.
  const worker = new Worker(fileOf(name), {
    workerData: setup,
    name: `holdfast-${name}`,
    execArgv: [],
    resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMiB },
  });
  const gone = new Promise<Error | null>((resolve) => {
    let cause: Error | null = null;
    worker.on('error', (error: Error) => {
      cause = error;
    });
    worker.on('exit', () => resolve(cause));
  });
  const answered = new Promise<Word>((resolve) => {
    worker.once('message', resolve);
  });
  const first = await Promise.race([answered, gone]);
  if (first === null || first instanceof Error) throw dead(setup.path, first);
  if (first.word === 'refused') {
    await gone;
    throw receiveFault(first.fault);
  }
  worker.unref();
  return connect(worker, setup, clock, listener, gone);
}

const dead = (path: string, cause: Error | null): HoldfastError =>
  new HoldfastError('store.unavailable', `store ${path}: its thread has ended; open it again`, {
    details: { path },
    cause: cause ?? undefined,
  });

/** Calls that are under way on a thread, and the end of all answers. */
function openAwaited(worker: Worker) {
  const awaited = new Map<number, Awaited>();
  let lastId = 0;
  let refusal: HoldfastError | null = null;
  return {
    expect: (send: (id: number) => void): Promise<unknown> =>
      new Promise((resolve, reject) => {
        if (refusal !== null) {
          reject(refusal);
          return;
        }
        lastId += 1;
        if (awaited.size === 0) worker.ref();
        awaited.set(lastId, { resolve, reject });
        send(lastId);
      }),
    settle(replies: readonly Reply[]): void {
      for (const reply of replies) {
        const promise = awaited.get(reply.id);
        awaited.delete(reply.id);
        if (reply.ok) promise?.resolve(reply.value);
        else promise?.reject(receiveFault(reply.fault));
      }
      if (awaited.size === 0) worker.unref();
    },
    /** Refuses what comes from now on. The first reason stands. */
    refuse(reason: HoldfastError): void {
      refusal ??= reason;
    },
    refuses: (): boolean => refusal !== null,
    failAll(reason: HoldfastError): void {
      for (const { reject } of awaited.values()) reject(reason);
      awaited.clear();
    },
  };
}

function connect(
  worker: Worker,
  setup: Setup,
  clock: Clock,
  listener: Listener,
  gone: Promise<Error | null>,
): Channel {
  const awaited = openAwaited(worker);
  let outbox: Call[] = [];
  const post = (order: Order): void => worker.postMessage(order);
  const flush = (): void => {
    const calls = outbox;
    outbox = [];
    if (calls.length === 0) return;
    const givesUpAt = monoPlus(clock.mono(), setup.busyPatienceMs);
    try {
      post({ order: 'calls', givesUpAt, calls });
    } catch (error) {
      // An argument that cannot be cloned: a defect of one caller fails what travelled with it.
      const fault = sendFault(faultOf(error, setup.path));
      awaited.settle(calls.map(({ id }) => ({ id, ok: false, fault })));
    }
  };
  worker.on('message', (word: Word) => {
    if (word.word === 'beat' || word.word === 'fenced') listener(word);
    else if (word.word === 'replies') awaited.settle(word.replies);
  });
  void gone.then((cause) => {
    const reason = dead(setup.path, cause);
    awaited.refuse(reason);
    awaited.failAll(reason);
  });
  return {
    call: (verb, args) =>
      awaited.expect((id) => {
        outbox.push({ id, verb, args });
        if (outbox.length === 1) process.nextTick(flush);
      }),
    ask: (order) => awaited.expect((id) => post(order(id))),
    tell(order) {
      if (!awaited.refuses()) post(order);
    },
    async close(first) {
      awaited.refuse(closed(setup.path));
      await first;
      flush();
      worker.ref();
      post({ order: 'close' });
      await gone;
    },
  };
}

/** The answer to every call after the end. */
export const closed = (path: string): HoldfastError =>
  new HoldfastError('store.closed', `store ${path}: it is closed; open it again`, {
    details: { path },
  });
