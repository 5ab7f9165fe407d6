/**
 * Owns dead letters: runs that ended badly and that nobody has dealt with.
 *
 * D1 Redriving and discarding are not sent again where they may have been done: the list shows it.
 */
import { at } from './path.ts';
import { ClientRun, type RunHost } from './run.ts';
import type { CallOptions, Transport } from './transport.ts';
import type { RunPage, RunSummary } from './views.ts';

/** Which dead letters, and how many at once. */
export interface DeadListOptions extends CallOptions {
  readonly fn?: string | undefined;
  readonly tenant?: string | undefined;
  /** Runs of one page, 1 to 1,000. */
  readonly limit?: number | undefined;
}

/** Dead letters of a store. */
export class DeadLetters {
  readonly #transport: Transport;
  readonly #runs: RunHost;

  constructor(transport: Transport, runs: RunHost) {
    this.#transport = transport;
    this.#runs = runs;
  }

  /**
   * Dead letters, newest first, page by page.
   *
   * @example
   * for await (const { id } of client.deadLetters.list({ fn: 'charge' })) {
   *   await client.deadLetters.redrive(id);
   * }
   */
  async *list({ signal, ...query }: DeadListOptions = {}): AsyncGenerator<RunSummary, void, void> {
    let cursor: string | undefined;
    do {
      const to = at`/dead-letters`;
      const page: RunPage = await this.#transport.ask({ to, query: { ...query, cursor }, signal });
      yield* page.runs;
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
  }

  /**
   * Tries a dead letter again: a quarantined run goes on, for another a new run with the same input
   * is started. Rejects with `dead.not_found` if somebody else has done so.
   */
  async redrive(id: string, { signal }: CallOptions = {}): Promise<ClientRun> {
    const to = at`/dead-letters/${id}/redrive`;
    const ask = { method: 'POST', to, signal } as const;
    const made = await this.#transport.ask<{ readonly id: string; readonly created: boolean }>(ask);
    return new ClientRun(this.#runs, made.id, made.created);
  }

  /** Takes a dead letter off the list for good; a quarantined run is cancelled. */
  async discard(id: string, reason?: string, { signal }: CallOptions = {}): Promise<void> {
    const to = at`/dead-letters/${id}/discard`;
    return this.#transport.ask({ method: 'POST', to, body: { reason }, signal });
  }
}
