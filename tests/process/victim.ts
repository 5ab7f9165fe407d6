/**
 * Owns processes that a test kills: programs with an order on their command line, which say over
 * IPC where they are.
 *
 * V1 Whatever becomes of a test, none of its processes is left.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { patienceMs, within } from './wait.ts';

/** What every program says when it is at work. */
interface Spoken {
  readonly said: string;
}

/** One of the processes. */
export class Victim<Word extends Spoken> {
  readonly #child: ChildProcess;
  readonly #gone: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#gone = once(child, 'exit');
    child.setMaxListeners(0);
  }

  /** Starts one, and waits until it is at work. */
  static async start<Word extends Spoken>(
    t: TestContext,
    program: string,
    order: object,
  ): Promise<Victim<Word>> {
    const child = fork(join(import.meta.dirname, program), [JSON.stringify(order)], {
      execArgv: ['--conditions=holdfast-source'],
    });
    t.after(() => child.kill('SIGKILL'));
    const victim = new Victim<Word>(child);
    await victim.hear(({ said }) => said === 'ready');
    return victim;
  }

  /** The next word that fits. */
  async hear(fits: (word: Word) => boolean): Promise<Word> {
    const heard = Promise.withResolvers<Word>();
    const listen = (word: Word): void => {
      if (fits(word)) heard.resolve(word);
    };
    this.#child.on('message', listen);
    try {
      return await within(patienceMs, 'the process says so', heard.promise);
    } finally {
      this.#child.off('message', listen);
    }
  }

  /** SIGKILL, and waits until it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await within(patienceMs, 'the process is gone', this.#gone);
  }
}
