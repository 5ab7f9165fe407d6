/**
 * Owns the following of a stream of server-sent events, across everything that cuts it off.
 *
 * S1 It comes back with the id of the last whole event, so that none is missed; an event that was
 *    cut is not seen before it is whole.
 * S2 It ends with the server's word `end`, or with an error: a stream that only stops has broken
 *    off.
 * S3 So many failures in a row end it; a stream that said anything counts from the start again.
 * S4 It reads when somebody wants an event: whoever is slow holds no more than one piece.
 */
import { createParser, type EventSourceParser } from 'eventsource-parser';
import { webMono } from '../system/web.ts';
import { type Failure, noAnswer, problemFailure } from './failure.ts';
import type { Path } from './path.ts';
import { Patience } from './patience.ts';
import type { Ask, Transport } from './transport.ts';

/** An event of a stream. */
export interface Heard {
  readonly event: string;
  readonly data: unknown;
}

/** What is followed. */
export interface Following {
  readonly to: Path;
  readonly query?: Ask['query'];
  /** The id of the last event that is known, or null. */
  readonly after: string | null;
  readonly signal?: AbortSignal | undefined;
}

/** Characters of one event that are kept while it is not whole. */
const eventCharsMax = 16_777_216;
/** A stream that lived so long has not failed to come about. */
const livedMs = 5_000;

/** The events; the last is `end`. Rejects with a ClientError, or the reason of the signal. */
export async function* follow(
  transport: Transport,
  { to, query = {}, after, signal }: Following,
): AsyncGenerator<Heard, void, void> {
  let last = after;
  for (let failed = 1; ; failed += 1) {
    signal?.throwIfAborted();
    const headers = last === null ? {} : { 'last-event-id': last };
    const ask: Ask = { to, query, headers, signal };
    const startedAt = webMono();
    const patience = new Patience(signal);
    let failure: Failure;
    let leastMs = 0;
    try {
      const opened = await transport.open(ask, patience);
      if (opened.ok) {
        const { timeoutMs } = transport.settings;
        const reader = new EventReader(opened.value, patience, timeoutMs, `GET ${to.shown}`);
        let got = await reader.next();
        for (; got.ok && got.event !== 'problem'; got = await reader.next()) {
          last = got.id ?? last;
          yield got;
          if (got.event === 'end') return;
        }
        signal?.throwIfAborted();
        failure = got.ok ? problemFailure(got.data) : got;
        if (reader.heard || webMono() - startedAt > livedMs) failed = 1;
        leastMs = Math.min(reader.comeBackMs, transport.settings.retry.delayMsMax);
      } else failure = opened;
    } finally {
      patience.end();
    }
    await transport.comeBack(failure, ask, failed, leastMs);
  }
}

/** A whole event, with its id. */
interface Whole extends Heard {
  readonly ok: true;
  readonly id: string | undefined;
}

/** Reads the events of one connection. */
class EventReader {
  /** Whether anything came beside the greeting and a goodbye. */
  heard = false;
  /** How long the server wants those to wait who come back. */
  comeBackMs = 0;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #patience: Patience;
  readonly #silenceMs: number;
  readonly #shown: string;
  readonly #text = new TextDecoder();
  readonly #parser: EventSourceParser;
  #whole: Whole[] = [];

  constructor(
    body: ReadableStream<Uint8Array>,
    patience: Patience,
    silenceMs: number,
    shown: string,
  ) {
    this.#reader = body.getReader();
    this.#patience = patience;
    this.#silenceMs = silenceMs;
    this.#shown = shown;
    this.#parser = createParser({
      maxBufferSize: eventCharsMax,
      onEvent: ({ event = 'message', id, data }) => {
        if (event !== 'problem') this.heard = true;
        this.#whole.push({ ok: true, event, id, data: JSON.parse(data) as unknown });
      },
      onComment: () => {
        this.heard = true;
      },
      onRetry: (ms) => {
        this.comeBackMs = ms;
      },
    });
  }

  /** The next event, or how the connection ended. */
  async next(): Promise<Whole | Failure> {
    try {
      for (;;) {
        const next = this.#whole.shift();
        if (next !== undefined) return next;
        this.#patience.allow(this.#silenceMs);
        const { done, value } = await this.#reader.read();
        if (done) return this.#brokenOff('it broke off');
        this.#parser.feed(this.#text.decode(value, { stream: true }));
      }
    } catch (cause) {
      return this.#brokenOff(cause);
    } finally {
      this.#patience.rest();
    }
  }

  #brokenOff(cause: unknown): Failure {
    return noAnswer(this.#shown, true, cause);
  }
}
