/**
 * Owns a worker's process as the referee sees it: what it said, freezing it and waking it.
 *
 * O1 A word that was said is not lost: whoever waits for it later has it at once.
 * O2 A process is frozen when each of its threads stands still, and not when the signal is sent.
 * O3 It does not outlive the referee.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { end, leash } from '../children.ts';
import type { Order, Tell, Word } from './worker-words.ts';

const FREEZE_MS_MAX = 10_000;
const LOOK_MS = 2;

/** Why processes cannot be frozen here, or null. */
export const cannotFreeze: string | null =
  process.platform === 'linux' ? null : 'the state of a process is read from /proc, which is Linux';

export class Owner {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<() => void>();
  readonly #said = new Set<Word['said']>();
  #fault: string | null = null;

  constructor(order: Order, hear: (word: Word) => void) {
    const entry = fileURLToPath(new URL('./worker-main.ts', import.meta.url));
    this.#name = `${order.system}, ${order.actor}`;
    this.#child = leash(fork(entry, [JSON.stringify(order)], { stdio: ['pipe', 2, 2, 'ipc'] }));
    this.#child.on('message', (word: Word) => {
      this.#said.add(word.said);
      if (word.said === 'failed') this.#fault = word.words;
      hear(word);
      this.#wake();
    });
    this.#child.once('exit', (code, signal) => {
      this.#fault ??= `its process ended (${signal ?? code})`;
      this.#wake();
    });
    this.#child.on('error', (error) => {
      this.#fault ??= error.message;
    });
    // Whoever is killed at the end does not read on.
    this.#child.stdin?.on('error', () => {});
  }

  /** O1. False when it was not said in time; throws when the process came to grief. */
  async said(word: Word['said'], ms: number): Promise<boolean> {
    const heard = Promise.withResolvers<boolean>();
    const look = (): void => {
      if (this.#said.has(word)) heard.resolve(true);
      else if (this.#fault !== null) heard.reject(new Error(`${this.#name}: ${this.#fault}`));
    };
    const late = setTimeout(() => heard.resolve(false), ms);
    this.#listeners.add(look);
    look();
    try {
      return await heard.promise;
    } finally {
      clearTimeout(late);
      this.#listeners.delete(look);
    }
  }

  /** Like `said`, for what has to happen. */
  async mustSay(word: Word['said'], ms: number): Promise<void> {
    if (await this.said(word, ms)) return;
    throw new Error(`${this.#name}: not '${word}' within ${ms} ms`);
  }

  tell(tell: Tell): void {
    this.#child.send(tell, () => {});
  }

  /** Lets a handler that computes come to its end. */
  release(): void {
    this.#child.stdin?.write('.');
  }

  /** O2. */
  async freeze(): Promise<void> {
    this.#child.kill('SIGSTOP');
    const givesUpAt = performance.now() + FREEZE_MS_MAX;
    while (!this.#standsStill()) {
      if (performance.now() > givesUpAt) throw new Error(`${this.#name} does not stand still`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  wake(): void {
    this.#child.kill('SIGCONT');
  }

  kill(): Promise<void> {
    return end(this.#child, 'SIGKILL');
  }

  #standsStill(): boolean {
    const tasks = `/proc/${this.#child.pid}/task`;
    return readdirSync(tasks).every((task) =>
      /\) [Tt] /.test(readFileSync(join(tasks, task, 'stat'), 'latin1')),
    );
  }

  #wake(): void {
    for (const look of [...this.#listeners]) look();
  }
}
