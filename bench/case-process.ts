/**
 * Owns the processes that cases run in, as the benchmark sees them.
 * One question at a time; the answer, the process's end or a deadline ends the wait.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Answer, Ask, FromCase, ToCase } from './case.ts';
import { end, leash } from './children.ts';

/** The longest that one step may take; building a million rows of a peer is the slowest. */
const ANSWER_MS_MAX = 20 * 60_000;

interface Pending {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

/** A case in its process. */
export class CaseProcess {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<(event: Answer) => void>();
  #pending: Pending | undefined;

  private constructor(name: string, child: ChildProcess) {
    this.#name = name;
    this.#child = child;
    child.on('message', (message: FromCase) => this.#hear(message));
    child.once('exit', (code, signal) => {
      this.#settle((pending) =>
        pending.reject(new Error(`${name}: its process ended (${signal ?? code})`)),
      );
    });
  }

  /** Starts a process, loads `cases/<module>.ts` in it and opens the case. */
  static async open(module: string, params: Ask, name = module): Promise<CaseProcess> {
    const entry = fileURLToPath(new URL('./case-main.ts', import.meta.url));
    // Its stdout is not ours: the last line of a benchmark is its result.
    const child = leash(fork(entry, [], { stdio: ['ignore', 2, 2, 'ipc'] }));
    const opened = new CaseProcess(name, child);
    try {
      await opened.#send({ do: 'open', module: `./cases/${module}.ts`, params });
    } catch (error) {
      await opened.kill('SIGKILL');
      throw error;
    }
    return opened;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  ask(ask: Ask): Promise<Answer> {
    return this.#send({ do: 'ask', ask });
  }

  /** Hears of events from now on, until what it returns is called. */
  onEvent(listener: (event: Answer) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Closes the case in good order and waits for its process to end. */
  async close(): Promise<void> {
    await this.#send({ do: 'close' });
    await this.kill('SIGTERM');
  }

  /** Ends the process without asking. */
  kill(signal: NodeJS.Signals): Promise<void> {
    return end(this.#child, signal);
  }

  #send(message: ToCase): Promise<Answer> {
    if (this.#pending !== undefined) throw new Error(`${this.#name} is still busy`);
    return new Promise((resolve, reject) => {
      const deadline = setTimeout(() => {
        this.#settle((pending) => pending.reject(new Error(`${this.#name} does not answer`)));
      }, ANSWER_MS_MAX);
      this.#pending = {
        resolve: (answer) => {
          clearTimeout(deadline);
          resolve(answer);
        },
        reject: (error) => {
          clearTimeout(deadline);
          reject(error);
        },
      };
      this.#child.send(message, (error) => {
        if (error !== null) this.#settle((pending) => pending.reject(error));
      });
    });
  }

  #hear(message: FromCase): void {
    if (message.is === 'event') {
      for (const listener of this.#listeners) listener(message.event);
    } else if (message.is === 'answer') {
      this.#settle((pending) => pending.resolve(message.answer));
    } else {
      this.#settle((pending) => pending.reject(new Error(`${this.#name}: ${message.message}`)));
    }
  }

  #settle(how: (pending: Pending) => void): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending !== undefined) how(pending);
  }
}
