/**
 * The process of one worker: loads a system, goes to work when it is told to, and holds each
 * handler until it may return. It ends with the referee.
 *
 * W1 A handler that computes blocks its thread, so that its result is the first thing to leave the
 *    process when it goes on: no timer and no socket gets a turn before.
 * W2 A handler that waits lets all of them have theirs, so that the system may find out first.
 */
import { readSync } from 'node:fs';
import { contenderOf, type Done } from './contender.ts';
import type { Order, Tell, Word } from './worker-words.ts';

const STDIN = 0;

const order = JSON.parse(process.argv[2] ?? '{}') as Order;
let executions = 0;
let release = (): void => {};
let released = false;
const gate = new Promise<void>((resolve) => {
  release = () => {
    released = true;
    resolve();
  };
});

const say = (word: Word): void => {
  if (process.connected) process.send?.(word, () => {});
};

async function handle(): Promise<Done> {
  executions += 1;
  const by = `${order.actor}${executions}`;
  say({ said: 'begun', by });
  if (!released) await gate;
  say({ said: 'returned', by });
  return { by };
}

/** W1. */
function compute(): void {
  say({ said: 'computing' });
  readSync(STDIN, Buffer.alloc(1));
  release();
}

process.on('disconnect', () => process.exit(1));
try {
  const contender = await contenderOf(order.system);
  process.on('message', (tell: Tell) => {
    switch (tell) {
      case 'work':
        return void work();
      case 'compute':
        return compute();
      case 'return':
        return release();
      case 'echo':
        return say({ said: 'echo' });
    }
  });
  say({ said: 'loaded' });

  async function work(): Promise<void> {
    try {
      const words = (text: string): void => say({ said: 'words', words: text });
      await contender.work({ url: order.url, handle, say: words });
      say({ said: 'ready' });
    } catch (error) {
      say({ said: 'failed', words: String(error) });
    }
  }
} catch (error) {
  say({ said: 'failed', words: String(error) });
}
