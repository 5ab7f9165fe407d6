/**
 * Owns the processes of a chaos run: starts them, strikes them, starts them again, and knows which
 * of them are up.
 *
 * C1 Each life of a worker has a name of its own, which is in every line that it writes.
 * C2 What is done to a process is told to the ledger before it is done.
 * C3 Whatever becomes of a run, none of its processes is left.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RuntimeStats } from 'holdfast';
import { patienceMs, until, within } from '../process/wait.ts';
import type { Pen } from './ledger.ts';
import type { StarterOrder, StarterWord } from './starter.ts';
import type { WorkerAsk, WorkerOrder, WorkerWord } from './worker.ts';

/** A machine with more to do starts a process slowly. */
const readyMsMax = 120_000;

/** A worker that is started again whenever it is gone. */
export class Worker {
  readonly name: string;
  readonly #crew: Crew;
  readonly #order: Omit<WorkerOrder, 'who'>;
  #life = 0;
  /** What was done to its present life. */
  #struck: 'killed' | 'asked' | null = null;
  #process: ChildProcess | null = null;
  #gone: Promise<unknown> = Promise.resolve();
  /** Resolves when its present life is at work. */
  ready: Promise<void> = Promise.resolve();

  constructor(crew: Crew, name: string, order: Omit<WorkerOrder, 'who'>) {
    this.name = name;
    this.#crew = crew;
    this.#order = order;
  }

  /** The name of its present life. */
  get who(): string {
    return `${this.name}.${this.#life}`;
  }

  start(): void {
    this.#life += 1;
    this.#struck = null;
    const { who } = this;
    const child = this.#crew.fork('worker.ts', { ...this.#order, who });
    this.#process = child;
    const ready = Promise.withResolvers<void>();
    this.ready = ready.promise;
    child.on('message', (word: WorkerWord) => {
      if (word.said === 'log') this.#crew.told(word.level, word.message);
      if (word.said === 'ready') ready.resolve();
    });
    this.#gone = once(child, 'exit').then(([code, signal]) => {
      // Asked to end before it had come so far as to listen, it is simply gone.
      const asked = this.#struck === 'asked' && (code === 0 || signal === 'SIGTERM');
      if (!asked && this.#struck !== 'killed')
        this.#crew.failed(`${who} was ended by nobody here: ${signal ?? code}`);
    });
  }

  async kill(pen: Pen): Promise<void> {
    pen({ what: 'fault', kind: 'kill', target: this.who, on: true });
    this.#struck = 'killed';
    this.#process?.kill('SIGKILL');
    await within(patienceMs, `${this.who} is gone`, this.#gone);
  }

  /** Stops it, and waits until each of its threads stands still. */
  async freeze(pen: Pen): Promise<void> {
    pen({ what: 'fault', kind: 'freeze', target: this.who, on: true });
    this.#process?.kill('SIGSTOP');
    const tasks = `/proc/${this.#process?.pid}/task`;
    const stopped = (task: string): boolean =>
      /\) [Tt] /.test(readFileSync(join(tasks, task, 'stat'), 'latin1'));
    // A process that has ended by itself is told of elsewhere.
    const still = (): boolean => !existsSync(tasks) || readdirSync(tasks).every(stopped);
    await until(`${this.who} stands still`, still);
  }

  thaw(pen: Pen): void {
    this.#process?.kill('SIGCONT');
    pen({ what: 'fault', kind: 'freeze', target: this.who, on: false });
  }

  /** Lets it drain and end. */
  async close(ms = patienceMs): Promise<void> {
    this.#struck = 'asked';
    this.#process?.kill('SIGTERM');
    await within(ms, `${this.who} closes`, this.#gone);
  }

  /** Null: it is not up yet. */
  async stats(ms: number): Promise<RuntimeStats | null> {
    const child = this.#process;
    if (child === null || !child.connected) return null;
    const heard = Promise.withResolvers<RuntimeStats>();
    const listen = (word: WorkerWord): void => {
      if (word.said === 'stats') heard.resolve(word.stats);
    };
    child.on('message', listen);
    try {
      child.send({ ask: 'stats' } satisfies WorkerAsk, () => {});
      return await within(ms, `${this.who} says its stats`, heard.promise).catch(() => null);
    } finally {
      child.off('message', listen);
    }
  }
}

/** A process that starts runs. */
export class Starter {
  readonly ready: Promise<void>;
  readonly #process: ChildProcess;
  readonly #finished: Promise<void>;

  constructor(crew: Crew, order: StarterOrder) {
    this.#process = crew.fork('starter.ts', order);
    const ready = Promise.withResolvers<void>();
    this.ready = ready.promise;
    this.#process.on('message', ({ said }: StarterWord) => {
      if (said === 'ready') ready.resolve();
    });
    this.#finished = once(this.#process, 'exit').then(([code, signal]) => {
      if (code !== 0) crew.failed(`${order.who} was ended by nobody here: ${signal ?? code}`);
    });
  }

  /** Begins nothing more, and ends once every start has a known end. */
  async finish(ms: number): Promise<void> {
    // One that has ended by itself has been told of.
    if (this.#process.connected) this.#process.send({ ask: 'finish' }, () => {});
    await within(ms, 'a starter knows the ends of all of its starts', this.#finished);
  }
}

/** All processes of one run. */
export class Crew {
  readonly workers: Worker[] = [];
  readonly starters: Starter[] = [];
  /** What went wrong with processes that nobody struck. */
  readonly failures: string[] = [];
  /** How often each thing was said by workers, without what differs. */
  readonly said = new Map<string, number>();
  readonly #processes = new Set<ChildProcess>();
  readonly #onExit = (): void => this.destroy();

  constructor() {
    process.once('exit', this.#onExit);
  }

  fork(program: string, order: WorkerOrder | StarterOrder): ChildProcess {
    const child = fork(join(import.meta.dirname, program), [JSON.stringify(order)], {
      execArgv: ['--conditions=holdfast-source'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    child.setMaxListeners(0);
    this.#processes.add(child);
    child.once('exit', () => this.#processes.delete(child));
    return child;
  }

  /** Resolves when all are at work. */
  async ready(): Promise<void> {
    const all = [...this.workers, ...this.starters].map(({ ready }) => ready);
    await within(readyMsMax, 'all processes are at work', Promise.all(all)).catch(
      (error: unknown) => {
        const said = [...this.failures, ...this.said.keys()].join('; ');
        throw new Error(`they said: ${said}`, { cause: error });
      },
    );
  }

  failed(what: string): void {
    this.failures.push(what);
  }

  told(level: string, message: string): void {
    const kind = `${level}: ${message
      .replace(/ \{.*/s, '')
      .replace(/'[^']*'/g, '…')
      .replace(/\d+/g, 'n')}`;
    this.said.set(kind, (this.said.get(kind) ?? 0) + 1);
  }

  destroy(): void {
    for (const child of this.#processes) child.kill('SIGKILL');
  }

  async end(): Promise<void> {
    const gone = [...this.#processes].map((child) => once(child, 'exit'));
    this.destroy();
    await Promise.all(gone);
    process.off('exit', this.#onExit);
  }
}
