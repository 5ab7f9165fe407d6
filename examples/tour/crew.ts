/**
 * The worker processes of the tour, and the killing of one of them.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { hostMs } from './ledger.ts';
import type { WorkerFact, WorkerOrder, WorkerWord } from './worker.ts';

/** A worker of the tour. */
export interface Member {
  readonly node: string;
  readonly pid: number;
  readonly process: ChildProcess;
}

/** The kill, on the host's clock and on the wall's. */
export interface Kill {
  readonly victim: Member;
  readonly at: number;
  readonly wallAt: number;
}

export class Crew {
  readonly #members: Member[] = [];
  readonly #kill = Promise.withResolvers<Kill>();

  /** Resolves when the first worker to hold work was killed and is gone. */
  get kill(): Promise<Kill> {
    return this.#kill.promise;
  }

  /** Starts so many workers. Resolves when all are ready. */
  async start(size: number, order: Omit<WorkerOrder, 'node'>): Promise<void> {
    for (let n = 1; n <= size; n += 1) {
      const member = startMember(`tour-${n}`, order);
      this.#members.push(member);
      void heard(member, 'holding').then(() => this.#killFirst(member));
    }
    await Promise.all(this.#members.map(ready));
  }

  /** Only the first to hold work is killed; the others may go on then. */
  async #killFirst(victim: Member): Promise<void> {
    if (this.#members.some(({ process }) => process.killed)) return;
    const gone = once(victim.process, 'exit');
    const [at, wallAt] = [hostMs(), Date.now()];
    victim.process.kill('SIGKILL');
    for (const member of this.#members) tell(member, 'go-on');
    await gone;
    this.#kill.resolve({ victim, at, wallAt });
  }

  /** Ends all that is left: in good order, or at once. */
  async close(atOnce: boolean): Promise<void> {
    const left = this.#members.filter(
      ({ process }) => process.exitCode === null && process.signalCode === null,
    );
    await Promise.all(
      left.map(async (member) => {
        const gone = once(member.process, 'exit');
        if (atOnce) member.process.kill('SIGKILL');
        else tell(member, 'close');
        await gone;
      }),
    );
  }
}

function startMember(node: string, order: Omit<WorkerOrder, 'node'>): Member {
  const words: WorkerOrder = { ...order, node };
  const process = fork(join(import.meta.dirname, 'worker.ts'), [JSON.stringify(words)]);
  return { node, pid: process.pid ?? 0, process };
}

/** Resolves when the worker says so. */
const heard = ({ process }: Member, fact: WorkerFact['fact']): Promise<void> =>
  new Promise((resolve) => {
    process.on('message', (said: WorkerFact) => {
      if (said.fact === fact) resolve();
    });
  });

const ready = (member: Member): Promise<void> =>
  new Promise((resolve, reject) => {
    void heard(member, 'ready').then(resolve);
    member.process.once('exit', () =>
      reject(new Error(`${member.node} ended before it was ready; its output is above`)),
    );
  });

const tell = ({ process }: Member, word: WorkerWord['word']): void => {
  if (process.connected) process.send({ word } satisfies WorkerWord, () => {});
};
