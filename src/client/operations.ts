/**
 * Owns bulk actions that go on behind their request.
 *
 * O1 An operation is known to the process that does it: behind something that spreads requests,
 *    another one may say `operation.not_found`.
 */
import { webMono } from '../system/web.ts';
import { ClientError } from './error.ts';
import { at } from './path.ts';
import { pause } from './patience.ts';
import type { WaitOptions } from './run.ts';
import type { CallOptions, Transport } from './transport.ts';
import type { Operation, RunQuery } from './views.ts';

/** What is to be done with every run that a filter matches. */
export interface OperationAsk extends CallOptions {
  readonly action: Operation['action'];
  /** Which runs; `{}` is every run that the action can change. */
  readonly filter: RunQuery;
  readonly reason?: string | undefined;
}

/** How an operation is waited for. */
export interface OperationWait extends WaitOptions {
  /** Called with each look at it. */
  readonly onProgress?: ((sofar: Operation) => void) | undefined;
}

/** Between two looks at an operation: soon, and longer and longer. */
const lookMsMin = 50;
const lookMsMax = 2_000;

/** Bulk actions of one server. */
export class Operations {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Begins. It is not sent again where it may have begun: `list` shows it. */
  async start({ signal, ...body }: OperationAsk): Promise<Operation> {
    return this.#transport.ask({ method: 'POST', to: at`/operations`, body, signal });
  }

  /** How far an operation is. Rejects with `operation.not_found`. */
  async get(id: string, { signal }: CallOptions = {}): Promise<Operation> {
    return this.#transport.ask({ to: at`/operations/${id}`, signal });
  }

  /** Operations that the server remembers, newest first. */
  async list({ signal }: CallOptions = {}): Promise<readonly Operation[]> {
    const ask = { to: at`/operations`, signal };
    return (await this.#transport.ask<{ operations: readonly Operation[] }>(ask)).operations;
  }

  /**
   * Waits until an operation has ended, however it did. Rejects with `wait.timeout`, and
   * `operation.not_found`.
   *
   * @example
   * const { id } = await client.operations.start({ action: 'cancel', filter: { fn: 'greet' } });
   * const { state, changed } = await client.operations.wait(id);
   */
  async wait(
    id: string,
    { timeoutMs, signal, onProgress }: OperationWait = {},
  ): Promise<Operation> {
    const startedAt = webMono();
    for (let lookMs = lookMsMin; ; lookMs = Math.min(lookMs * 2, lookMsMax)) {
      const sofar = await this.get(id, { signal });
      onProgress?.(sofar);
      if (sofar.state !== 'running') return sofar;
      const leftMs = (timeoutMs ?? Infinity) - (webMono() - startedAt);
      if (leftMs <= 0) throw stillRunning(id, timeoutMs);
      await pause(Math.min(lookMs, leftMs), signal);
    }
  }
}

const stillRunning = (id: string, timeoutMs: number | undefined): ClientError =>
  new ClientError('wait.timeout', `operation '${id}' had not ended after ${timeoutMs} ms`, {
    ...{ retry: 'safe', details: { id, timeoutMs } },
  });
