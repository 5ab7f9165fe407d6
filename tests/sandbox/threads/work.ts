/** The module that the tests of threads execute. */
import { threadId } from 'node:worker_threads';
import { NonRetryableError, RetryAtError, type ThreadContext } from 'holdfast';

export interface Work {
  readonly do:
    | 'where'
    | 'meet'
    | 'loop'
    | 'obey'
    | 'throw'
    | 'never'
    | 'later'
    | 'exit'
    | 'fill'
    | 'facts';
}

export async function run(work: Work, ctx: ThreadContext): Promise<unknown> {
  switch (work.do) {
    case 'where':
      return threadId;
    case 'meet':
      await meet();
      return threadId;
    case 'loop':
      ctx.emit('in the loop');
      for (;;);
    case 'obey':
      ctx.emit('waiting');
      await new Promise((_, reject) => {
        const stop = (): void => reject(ctx.signal.reason);
        ctx.signal.addEventListener('abort', stop);
      });
      return null;
    case 'throw':
      throw Object.assign(new RangeError('out of range'), { code: 'work.range' });
    case 'never':
      throw new NonRetryableError('never again', { code: 'work.never' });
    case 'later':
      throw new RetryAtError('later', { afterMs: 1 });
    case 'exit':
      process.exit(3);
      break;
    case 'fill': {
      const all: unknown[] = [];
      for (;;) all.push(new Array(1_000).fill(0));
    }
    case 'facts':
      ctx.log.info('hello', { from: 'a thread' });
      ctx.progress({ done: 1 });
      ctx.emit('text');
      ctx.emit(new Uint8Array([1, 2]));
      return { tenant: ctx.tenant, attempt: ctx.attempt, lane: ctx.lane, tags: ctx.tags };
  }
}

/** Until another thread has come here as well. */
async function meet(): Promise<void> {
  using channel = new Channel();
  await channel.met;
}

class Channel implements Disposable {
  readonly #channel = new BroadcastChannel('holdfast-test-meet');
  readonly met: Promise<void>;

  constructor() {
    this.met = new Promise((resolve) => {
      this.#channel.onmessage = () => {
        // Whoever came later has not heard the first word.
        this.#channel.postMessage('here');
        resolve();
      };
    });
    this.#channel.postMessage('here');
  }

  [Symbol.dispose](): void {
    this.#channel.close();
  }
}
