/**
 * Owns what is done with runs that exist: look, wait, follow, cancel, try again.
 */
import type { Outcome } from '../core/outcome.ts';
import type { RunPart } from '../runtime/parts.ts';
import type { SignalAnswer } from '../runtime/signals.ts';
import { webId, webMono } from '../system/web.ts';
import { ClientError } from './error.ts';
import { follow } from './follow.ts';
import { type PartPage, partOf, type SentPart } from './parts.ts';
import { at } from './path.ts';
import { Patience, pause } from './patience.ts';
import {
  type Cancelled,
  ClientRun,
  type LogOptions,
  type RunHost,
  type WaitOptions,
} from './run.ts';
import { answerOf, type SentSignal, type SignalOptions, sendSignal, stateOf } from './signals.ts';
import type { CallOptions, Transport } from './transport.ts';
import type {
  ChildPage,
  DeclaredValue,
  Explained,
  LogPage,
  Run,
  RunCounts,
  RunLogLine,
  RunPage,
  RunQuery,
  RunSummary,
  StepPage,
} from './views.ts';

/** Which runs, and how many in one request. */
export interface ListOptions extends RunQuery, CallOptions {
  /** Runs of one page, 1 to 1,000. Default 100. */
  readonly limit?: number | undefined;
}

/** Which page. */
export interface PageOptions extends CallOptions {
  /** What is known already: the `ord` of a step. */
  readonly after?: number | undefined;
  readonly limit?: number | undefined;
}

/** Which lines of the log of a run, and which page of them. */
export interface LogPageOptions extends LogOptions {
  readonly limit?: number | undefined;
}

/** Which page of the children of a run. */
export interface ChildrenOptions extends CallOptions {
  readonly cursor?: string | undefined;
  readonly limit?: number | undefined;
}

/** How a run is forked. */
export interface ForkOptions extends CallOptions {
  /** The key of the first step that is done anew. Default: everything that has ended is kept. */
  readonly from?: string | undefined;
  /** The id of the new run. */
  readonly id?: string | undefined;
  /** The version that goes on with it; null: the current one. Default: as the first run. */
  readonly version?: string | null | undefined;
}

/** From where parts are read. */
export interface PartOptions extends CallOptions {
  /** The first offset. Default 0. */
  readonly from?: number | undefined;
}

interface SentPage extends Omit<PartPage, 'parts'> {
  readonly parts: readonly SentPart[];
}

interface Made {
  readonly id: string;
  readonly created: boolean;
}

/** What one request for a result waits; the longest that servers allow is twice that. */
const waitMsMax = 30_000;
/** How much later than `timeoutMs` a wait ends if the server says nothing. */
const slackMs = 5_000;

/** Runs of one store. */
export class Runs implements RunHost {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Everything that is kept of a run, or null if the store does not know it (any more). */
  async get(id: string, { signal }: CallOptions = {}): Promise<Run | null> {
    try {
      return await this.#transport.ask<Run>({ to: at`/runs/${id}`, signal });
    } catch (error) {
      if (error instanceof ClientError && error.code === 'run.not_found') return null;
      throw error;
    }
  }

  /**
   * Runs, newest first, page by page: the next page is asked for when the one before is used up.
   *
   * @example
   * for await (const run of client.runs.list({ fn: 'greet', status: 'queued' })) {
   *   console.log(run.id);
   * }
   */
  async *list(options: ListOptions = {}): AsyncGenerator<RunSummary, void, void> {
    let cursor: string | undefined;
    do {
      const page: RunPage = await this.page({ ...options, cursor });
      yield* page.runs;
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
  }

  /** One page of runs, newest first; `cursor` is the `next` of the page before. */
  async page({
    signal,
    cursor,
    ...query
  }: ListOptions & { readonly cursor?: string | undefined } = {}): Promise<RunPage> {
    return this.#transport.ask({ to: at`/runs`, query: { ...query, cursor }, signal });
  }

  /** A handle of a run by its id. Whether it exists shows when it is used. */
  handle(id: string): ClientRun {
    return new ClientRun(this, id, false);
  }

  /** Waits for the result of a run; see `ClientRun.result`. */
  async result(id: string, { timeoutMs, signal }: WaitOptions = {}): Promise<unknown> {
    const startedAt = webMono();
    const left = (): number =>
      timeoutMs === undefined ? waitMsMax : timeoutMs - (webMono() - startedAt);
    const over = new Patience(signal);
    if (timeoutMs !== undefined) over.allow(timeoutMs + slackMs);
    try {
      for (;;) {
        const waitMs = Math.ceil(Math.max(0, Math.min(left(), waitMsMax)));
        const askedAt = webMono();
        const found = await this.#resultNow(id, waitMs, over.signal);
        if (found !== null) return found.result;
        if (left() <= 0) throw stillGoing(id, timeoutMs);
        // A server that does not wait must not be asked without a break.
        const { delayMs } = this.#transport.settings.retry;
        if (webMono() - askedAt < waitMs / 2) await pause(delayMs, over.signal);
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw over.signal.aborted ? stillGoing(id, timeoutMs) : error;
    } finally {
      over.end();
    }
  }

  /** Waits for the end of a run, whatever it is. */
  async outcome(id: string, options: WaitOptions = {}): Promise<Outcome> {
    try {
      await this.result(id, options);
      return { kind: 'succeeded', error: null };
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== 'run.not_succeeded') throw error;
      return error.details.outcome as Outcome;
    }
  }

  /**
   * Cancels a run. `cancelled`: it had not begun and has its outcome. `stopping`: its owner is
   * told. Rejects with `run.not_found` or `run.already_done`. It is not sent again where it may
   * have been done: ask for the run, then.
   */
  async cancel(id: string, reason?: string, { signal }: CallOptions = {}): Promise<Cancelled> {
    const to = at`/runs/${id}/cancel`;
    return this.#transport.ask({ method: 'POST', to, body: { reason }, signal });
  }

  /**
   * Tries a run again that did not succeed: a quarantined one goes on under its id, for another a
   * new run with the same input is started. Like `cancel` it is not sent again.
   */
  async retry(id: string, { signal }: CallOptions = {}): Promise<ClientRun> {
    const made = await this.#transport.ask<Made>({
      ...{ method: 'POST', to: at`/runs/${id}/retry`, signal },
    });
    return new ClientRun(this, made.id, made.created);
  }

  /** Starts a second run with the same input that goes on from a step of this one. */
  async fork(
    id: string,
    { from, id: given, version, signal }: ForkOptions = {},
  ): Promise<ClientRun> {
    const made = await this.#transport.ask<Made>({
      ...{ method: 'POST', to: at`/runs/${id}/fork`, safe: true, signal },
      body: { from, id: given ?? webId(), version },
    });
    return new ClientRun(this, made.id, given === undefined || made.created);
  }

  /**
   * Sends a run on with the code of another version (null: the current one), and gives the one to
   * which it was pinned. Like `cancel` it is not sent again.
   */
  async repin(
    id: string,
    version: string | null,
    { signal }: CallOptions = {},
  ): Promise<{ readonly before: string | null }> {
    const to = at`/runs/${id}/repin`;
    const { before } = await this.#transport.ask<{ readonly before: string | null }>({
      ...{ method: 'POST', to, body: { version }, signal },
    });
    return { before };
  }

  /**
   * Tells a run something that its function declares. Resolves once it is kept: the run will be
   * given it, or end. Rejects with `run.already_done`, `signal.unknown`, `input.invalid`,
   * `signals.full` and what else the server refuses.
   *
   * @example
   * const sent = await client.runs.signal(run.id, 'book', { seats: 2 });
   * const { state } = await sent.answer({ timeoutMs: 30_000 });
   */
  async signal(
    id: string,
    name: string,
    data: unknown = null,
    options: SignalOptions = {},
  ): Promise<SentSignal> {
    return sendSignal(this.#transport, id, name, data, options);
  }

  /** Waits for what a run says about a signal of that id; rejects with `wait.timeout`. */
  async answer(id: string, signalId: string, options: WaitOptions = {}): Promise<SignalAnswer> {
    return answerOf(this.#transport, id, signalId, options);
  }

  /** What a run declares of itself (`ctx.state.set`), by name. */
  async state(id: string, options: CallOptions = {}): Promise<readonly DeclaredValue[]> {
    return stateOf(this.#transport, id, options);
  }

  /** One sentence that says why a run is where it is, and the facts behind it. */
  async explain(id: string, { signal }: CallOptions = {}): Promise<Explained> {
    return this.#transport.ask({ to: at`/runs/${id}/explain`, signal });
  }

  /** What the code of a run has done and waits for, in the order in which it asked: one page. */
  async steps(id: string, { after, limit, signal }: PageOptions = {}): Promise<StepPage> {
    return this.#transport.ask({ to: at`/runs/${id}/steps`, query: { after, limit }, signal });
  }

  /**
   * The runs that the code of a run has started, in the order of their acceptance: one page.
   * `cursor` is the `next` of the page before.
   */
  async children(id: string, { cursor, limit, signal }: ChildrenOptions = {}): Promise<ChildPage> {
    return this.#transport.ask({ to: at`/runs/${id}/children`, query: { cursor, limit }, signal });
  }

  /** Lines that the handler logged, oldest first: one page. */
  async logs(id: string, { signal, ...query }: LogPageOptions = {}): Promise<LogPage> {
    return this.#transport.ask({ to: at`/runs/${id}/logs`, query: { ...query }, signal });
  }

  /**
   * Lines that the handler logs, as they come, each once and in their order, until the run has
   * ended; returns its outcome. Comes back by itself when the connection breaks.
   *
   * @example
   * for await (const { level, message } of client.runs.followLogs(run.id)) {
   *   console.log(level, message);
   * }
   */
  async *followLogs(
    id: string,
    { after = 0, attempt, level, signal }: LogOptions = {},
  ): AsyncGenerator<RunLogLine, Outcome, void> {
    const to = at`/runs/${id}/logs/stream`;
    let last = after;
    for await (const { event, data } of follow(this.#transport, {
      ...{ to, query: { attempt, level }, after: String(after), signal },
    })) {
      if (event === 'end') return (data as { readonly outcome: Outcome }).outcome;
      const line = data as RunLogLine;
      if (event !== 'log' || line.n <= last) continue;
      last = line.n;
      yield line;
    }
    throw new ClientError('client.bad_answer', 'the stream ended without the outcome');
  }

  /** What the handler emitted, in order of offsets: one page from `from` on. */
  async parts(
    id: string,
    { from, limit, signal }: PartOptions & { readonly limit?: number | undefined } = {},
  ): Promise<PartPage> {
    const query = { from, limit };
    const ask = { to: at`/runs/${id}/parts`, query, signal };
    const page = await this.#transport.ask<SentPage>(ask);
    return { ...page, parts: page.parts.map(partOf) };
  }

  /**
   * Parts as they are emitted, each once and in order, until the run has ended; returns its
   * outcome. Comes back by itself when the connection breaks.
   *
   * @example
   * for await (const { data } of client.runs.followParts(run.id)) {
   *   if (typeof data === 'string') console.log(data);
   * }
   */
  async *followParts(
    id: string,
    { from = 0, signal }: PartOptions = {},
  ): AsyncGenerator<RunPart, Outcome, void> {
    const to = at`/runs/${id}/parts/stream`;
    // Offsets count from 0, so that nothing is known before the first one.
    let last = from - 1;
    for await (const { event, data } of follow(this.#transport, {
      ...{ to, after: last < 0 ? null : String(last), signal },
    })) {
      if (event === 'end') return (data as { readonly outcome: Outcome }).outcome;
      const part = data as SentPart;
      if ((event !== 'part' && event !== 'truncated') || part.offset <= last) continue;
      last = part.offset;
      yield partOf(part);
    }
    throw new ClientError('client.bad_answer', 'the stream ended without the outcome');
  }

  /** How many runs there are by status and by outcome. */
  async counts({ signal }: CallOptions = {}): Promise<RunCounts> {
    return this.#transport.ask({ to: at`/counts`, signal });
  }

  /** Null: it has not ended. */
  async #resultNow(
    id: string,
    waitMs: number,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly result: unknown } | null> {
    try {
      const to = at`/runs/${id}/result`;
      return await this.#transport.ask({ to, query: { waitMs }, waitMs, signal });
    } catch (error) {
      if (error instanceof ClientError && error.code === 'wait.timeout') return null;
      throw error;
    }
  }
}

const stillGoing = (id: string, timeoutMs: number | undefined): ClientError =>
  new ClientError('wait.timeout', `run '${id}' had not ended after ${timeoutMs} ms; it goes on`, {
    ...{ retry: 'safe', details: { id, timeoutMs } },
  });
