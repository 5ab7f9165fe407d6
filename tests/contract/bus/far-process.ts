/**
 * The other process of the contract, as the test sees it: a child that publishes and listens as it
 * is told (see far-child.ts).
 */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { BusTopic } from '../../../src/ports/bus.ts';
import type { Answer, Order } from './far-child.ts';
import type { FarBus } from './suite.ts';

/** A real second process on the same store. */
export class FarProcess implements FarBus {
  readonly #child: ChildProcess;

  constructor(file: URL, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const execArgv = ['--conditions=holdfast-source'];
    this.#child = fork(file, [...args], { execArgv, env: { ...process.env, ...env } });
    this.#child.setMaxListeners(0);
  }

  async publish(topic: BusTopic, times = 1): Promise<void> {
    await this.publishAt(topic, times);
  }

  /** Resolves with the moment before the child's call of `publish`. */
  async publishAt(topic: BusTopic, times = 1): Promise<number> {
    return await this.#order({ do: 'publish', topic, times });
  }

  async listen(topic: BusTopic): Promise<{ readonly heard: Promise<void> }> {
    const heard = this.#answer('heard', topic).then(() => {});
    await this.#order({ do: 'listen', topic });
    return { heard };
  }

  async end(): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.send({ do: 'end' } satisfies Order);
    assert.deepEqual(await ended, [0, null], 'a closed bus does not keep its process alive');
  }

  async #order(order: Exclude<Order, { do: 'end' }>): Promise<number> {
    const answer = this.#answer('done', order.topic);
    this.#child.send(order);
    return (await answer).at;
  }

  #answer(did: Answer['did'], topic: BusTopic): Promise<Answer> {
    return new Promise((resolve) => {
      const onMessage = (answer: Answer): void => {
        if (answer.did !== did || answer.topic !== topic) return;
        this.#child.off('message', onMessage);
        resolve(answer);
      };
      this.#child.on('message', onMessage);
    });
  }
}
