/**
 * What these tests share: a folder with a store and a ledger, nodes in processes of their own, and
 * an observer in this process that starts runs and looks at them but executes nothing.
 *
 * S1 Whatever becomes of a test, its processes are killed, its runtime is closed and its folder is
 *    removed, in this order.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { TestContext } from 'node:test';
import { Holdfast, type Outcome, type Run, type RuntimeStats } from 'holdfast';
import { chaosFunctions, type HoldInput, type SpinInput, type WorkInput } from './functions.ts';
import { Ledger } from './ledger.ts';
import { patienceMs, until, within } from './wait.ts';
import type { WorkerAsk, WorkerOrder, WorkerWord } from './worker.ts';

/** Inputs by the name of the function. */
interface Inputs {
  readonly work: WorkInput;
  readonly hold: HoldInput;
  readonly spin: SpinInput;
}

/** A process of a test. */
export class Child {
  readonly process: ChildProcess;
  readonly node: string;
  /** Its exit code, or the signal that ended it. */
  readonly gone: Promise<number | string>;

  constructor(node: string, process: ChildProcess) {
    this.node = node;
    this.process = process;
    process.setMaxListeners(0);
    this.gone = once(process, 'exit').then(([code, signal]) => code ?? signal);
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  /** Kills it without a word, and waits until it is gone. */
  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await within(patienceMs, `process ${this.node} is gone`, this.gone);
  }

  /** The next word of this kind. */
  hear<Said extends WorkerWord['said']>(
    said: Said,
    fits: (word: Extract<WorkerWord, { said: Said }>) => boolean = () => true,
    ms = patienceMs,
  ): Promise<Extract<WorkerWord, { said: Said }>> {
    const heard = Promise.withResolvers<Extract<WorkerWord, { said: Said }>>();
    const listen = (word: WorkerWord): void => {
      if (word.said !== said || !fits(word as Extract<WorkerWord, { said: Said }>)) return;
      heard.resolve(word as Extract<WorkerWord, { said: Said }>);
    };
    this.process.on('message', listen);
    void this.gone.then((how) =>
      heard.reject(new Error(`${this.node} ended (${how}) before it said '${said}'`)),
    );
    const waiting = within(ms, `${this.node} says '${said}'`, heard.promise);
    return waiting.finally(() => this.process.off('message', listen));
  }

  tell(ask: WorkerAsk): void {
    this.process.send(ask);
  }

  async stats(): Promise<RuntimeStats> {
    const heard = this.hear('stats');
    this.tell({ ask: 'stats' });
    return (await heard).stats;
  }

  /** Drains and ends. */
  async close(): Promise<void> {
    this.tell({ ask: 'close' });
    await within(patienceMs, `${this.node} closes`, this.gone);
  }
}

/** One test's store, ledger and processes. */
export class Scene {
  readonly folder: string;
  /** Below the folder; holds nothing but the store, which so can be put on a disk of its own. */
  readonly disk: string;
  readonly store: string;
  readonly ledger: Ledger;
  readonly #children: Child[] = [];
  readonly #atEnd: (() => unknown)[] = [];
  #observer: Promise<Holdfast> | null = null;

  constructor(folder: string) {
    this.folder = folder;
    this.disk = join(folder, 'disk');
    mkdirSync(this.disk);
    this.store = join(this.disk, 'store.db');
    this.ledger = new Ledger(join(folder, 'ledger'));
  }

  /** Something more to undo, after the processes are gone and before the folder is. */
  atEnd(undo: () => unknown): void {
    this.#atEnd.push(undo);
  }

  async end(): Promise<void> {
    try {
      for (const child of this.#children) child.process.kill('SIGKILL');
      await Promise.all(this.#children.map((child) => child.gone));
      await (await this.#observer?.catch(() => null))?.close();
      for (const undo of this.#atEnd) await undo();
    } finally {
      await rm(this.folder, { recursive: true, force: true });
    }
  }

  /** The runtime of this process, which executes nothing. */
  observe(options: { readonly durability?: 'full' | 'relaxed' } = {}): Promise<Holdfast> {
    this.#observer ??= Holdfast.open({
      store: this.store,
      functions: chaosFunctions(null),
      execute: false,
      ...options,
    });
    return this.#observer;
  }

  /** Adds a process that is killed at the end. */
  adopt(node: string, process: ChildProcess): Child {
    const child = new Child(node, process);
    this.#children.push(child);
    return child;
  }

  /** Starts one of the programs beside this file, without waiting for it. */
  spawn(
    program: string,
    node: string,
    options: WorkerOrder['options'] = {},
    env: NodeJS.ProcessEnv = process.env,
  ): Child {
    const order: WorkerOrder = {
      store: this.store,
      ledgerPath: this.ledger.path,
      node,
      options,
    };
    const execArgv = ['--conditions=holdfast-source'];
    const stdio = ['ignore', 'pipe', 'inherit', 'ipc'] as const;
    const args = [JSON.stringify(order)];
    const path = join(import.meta.dirname, program);
    return this.adopt(node, fork(path, args, { env, execArgv, stdio: [...stdio] }));
  }

  /** A node that is at work. */
  async worker(
    node: string,
    options: WorkerOrder['options'] = {},
    env: NodeJS.ProcessEnv = process.env,
  ): Promise<Child> {
    const child = this.spawn('worker.ts', node, options, env);
    await child.hear('ready');
    return child;
  }

  async start<Fn extends keyof Inputs>(fn: Fn, inputs: readonly Inputs[Fn][]): Promise<string[]> {
    const hf = await this.observe();
    const started = await hf.startMany(
      fn,
      inputs.map((input) => ({ input })),
    );
    return started.map((one) => {
      if (one.ok) return one.run.id;
      throw one.error;
    });
  }

  /** The outcomes of these runs, in the same order. */
  async outcomes(runs: readonly string[], ms = patienceMs): Promise<readonly Outcome[]> {
    const hf = await this.observe();
    return Promise.all(runs.map((id) => hf.runs.handle(id).outcome({ timeoutMs: ms })));
  }

  async run(id: string): Promise<Run> {
    const run = await (await this.observe()).runs.get(id);
    if (run === null) throw new Error(`the store does not know run ${id}`);
    return run;
  }

  /** Takes the write lock of the store; gives what gives it back. */
  holdStore(): () => void {
    const db = new DatabaseSync(this.store, { timeout: patienceMs });
    db.exec('BEGIN IMMEDIATE');
    return () => {
      db.exec('ROLLBACK');
      db.close();
    };
  }

  /**
   * Freezes a process between two of its commits. Frozen inside of one it would hold the lock of
   * the store, and nobody could write until it goes on: that case is known, and not tested here.
   */
  async freeze(child: Child): Promise<void> {
    const release = this.holdStore();
    try {
      await freezeNow(child);
    } finally {
      release();
    }
  }
}

/** Freezes a process, and waits until each of its threads stands still. */
export async function freezeNow(child: Child): Promise<void> {
  child.process.kill('SIGSTOP');
  const tasks = `/proc/${child.pid}/task`;
  const stopped = (task: string): boolean =>
    /\) [Tt] /.test(readFileSync(join(tasks, task, 'stat'), 'latin1'));
  await until(`${child.node} stands still`, () => readdirSync(tasks).every(stopped));
}

/** Why processes cannot be frozen here, or false if they can. */
export const cannotFreeze: string | false =
  process.platform === 'linux' ? false : 'the state of a process is read from /proc';

/** A scene that ends with the test. */
export async function scene(t: TestContext): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-process-'));
  const made = new Scene(folder);
  t.after(() => made.end());
  return made;
}

/** So many times the same. */
export const times = <Value>(count: number, value: Value): Value[] =>
  Array.from({ length: count }, () => value);
