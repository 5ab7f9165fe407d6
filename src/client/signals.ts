/**
 * Owns what is said to one run through a server, how its answer comes back, and what the run
 * declares of itself.
 *
 * S1 A signal gets its id here if it was given none, so that it can be sent again when an answer is
 *    lost, and is still one.
 */
import type { SignalAnswer } from '../runtime/signals.ts';
import { webId, webMono } from '../system/web.ts';
import { ClientError } from './error.ts';
import { at } from './path.ts';
import { Patience, pause } from './patience.ts';
import type { WaitOptions } from './run.ts';
import type { CallOptions, Transport } from './transport.ts';
import type { DeclaredValue } from './views.ts';

/** How a signal is named. */
export interface SignalOptions extends CallOptions {
  /** Names it among the signals to the run: sent again, it is one signal. Default: a new id. */
  readonly id?: string | undefined;
}

/** A signal that the run will be given. */
export interface SentSignal {
  readonly id: string;
  readonly created: boolean;
  /** Waits for what the run says about it. Rejects with `wait.timeout`; the signal stays. */
  answer(options?: WaitOptions): Promise<SignalAnswer>;
}

interface SentAnswer {
  readonly state: SignalAnswer['state'] | 'open';
  readonly value: unknown;
  readonly reason: string | null;
}

/** What one request for an answer waits; the longest that servers allow is twice that. */
const waitMsMax = 30_000;
/** How much later than `timeoutMs` a wait ends if the server says nothing. */
const slackMs = 5_000;

/** Sends one signal. */
export async function sendSignal(
  transport: Transport,
  run: string,
  name: string,
  data: unknown,
  { id: given, signal }: SignalOptions,
): Promise<SentSignal> {
  const id = given ?? webId();
  const to = at`/runs/${run}/signals/${name}`;
  const ask = { method: 'POST', to, body: { data, id }, safe: true, signal } as const;
  const { created } = await transport.ask<{ readonly created: boolean }>(ask);
  return {
    id,
    created: given === undefined || created,
    answer: (options = {}) => answerOf(transport, run, id, options),
  };
}

/** Waits for the answer to a signal. */
export async function answerOf(
  transport: Transport,
  run: string,
  id: string,
  { timeoutMs, signal }: WaitOptions,
): Promise<SignalAnswer> {
  const startedAt = webMono();
  const left = (): number =>
    timeoutMs === undefined ? waitMsMax : timeoutMs - (webMono() - startedAt);
  const over = new Patience(signal);
  if (timeoutMs !== undefined) over.allow(timeoutMs + slackMs);
  const to = at`/runs/${run}/signals/${id}/answer`;
  try {
    for (;;) {
      const waitMs = Math.ceil(Math.max(0, Math.min(left(), waitMsMax)));
      const askedAt = webMono();
      const ask = { to, query: { waitMs }, waitMs, signal: over.signal };
      const { state, value, reason } = await transport.ask<SentAnswer>(ask);
      if (state === 'accepted') return { state, value };
      if (state === 'refused') return { state, reason: reason ?? '' };
      if (state === 'unanswered') return { state };
      if (left() <= 0) throw noAnswerYet(run, id, timeoutMs);
      // A server that does not wait must not be asked without a break.
      const { delayMs } = transport.settings.retry;
      if (webMono() - askedAt < waitMs / 2) await pause(delayMs, over.signal);
    }
  } catch (error) {
    signal?.throwIfAborted();
    throw over.signal.aborted ? noAnswerYet(run, id, timeoutMs) : error;
  } finally {
    over.end();
  }
}

const noAnswerYet = (run: string, id: string, timeoutMs: number | undefined): ClientError => {
  const message = `run '${run}' had not answered the signal '${id}' after ${timeoutMs} ms`;
  return new ClientError('wait.timeout', message, {
    ...{ retry: 'safe', details: { id: run, signal: id, timeoutMs } },
  });
};

/** What a run declares of itself. */
export async function stateOf(
  transport: Transport,
  run: string,
  { signal }: CallOptions,
): Promise<readonly DeclaredValue[]> {
  const ask = { to: at`/runs/${run}/state`, signal };
  return (await transport.ask<{ readonly values: readonly DeclaredValue[] }>(ask)).values;
}
