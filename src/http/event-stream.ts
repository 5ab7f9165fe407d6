/**
 * Owns one stream of server-sent events to one reader.
 *
 * E1 What waits for the reader is bounded: a writer waits until there is room. A reader who makes
 *    none for `stallMs` is dropped, alone.
 * E2 A silent stream gives a sign of life every `beatMs`, so that both ends notice a dead line.
 * E3 A stream that ends in order ends with an event that says so; whoever sees none comes back with
 *    `Last-Event-ID`.
 */
import { limits } from '../core/limits.ts';
import type { Clock, Timer } from '../ports/clock.ts';

/** How streams are kept. */
export interface StreamTerms {
  readonly clock: Clock;
  readonly stallMs: number;
  readonly beatMs: number;
  /** Cuts the connection. */
  readonly drop: () => void;
  /** Called once, when the stream is over, however it ended. */
  readonly over: () => void;
}

/** How long readers wait before they come back, in ms. */
const comeBackMs = 1_000;

/** One event. */
export interface StreamEvent {
  readonly event: string;
  /** What the reader sends back as `Last-Event-ID`. */
  readonly id?: string;
  readonly data: unknown;
}

/** One stream. */
export class EventStream {
  readonly body: ReadableStream<Uint8Array>;
  readonly #terms: StreamTerms;
  readonly #text = new TextEncoder();
  #controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  #room: PromiseWithResolvers<void> | null = null;
  #beat: Timer | null = null;
  #open = true;

  constructor(terms: StreamTerms) {
    this.#terms = terms;
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#room?.resolve(),
        cancel: () => this.#end(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: limits.httpStreamBytesMax }),
    );
    this.#put(`retry: ${comeBackMs}\n\n`);
  }

  get open(): boolean {
    return this.#open;
  }

  /** Writes one event; resolves when there is room for another. False: the reader is gone. */
  async send({ event, id, data }: StreamEvent): Promise<boolean> {
    const head = id === undefined ? `event: ${event}` : `id: ${id}\nevent: ${event}`;
    this.#put(`${head}\ndata: ${JSON.stringify(data)}\n\n`);
    if (this.#open && (this.#controller?.desiredSize ?? 0) <= 0) await this.#untilRoom();
    return this.#open;
  }

  /** Writes a last event and ends (E3). */
  finish(last: StreamEvent): void {
    if (!this.#open) return;
    this.#put(`event: ${last.event}\ndata: ${JSON.stringify(last.data)}\n\n`);
    this.#controller?.close();
    this.#end();
  }

  #put(text: string): void {
    if (!this.#open) return;
    this.#controller?.enqueue(this.#text.encode(text));
    this.#beat?.cancel();
    // Whoever stalls gets no sign of life on top of what waits already: E1 is about to judge.
    const sign = (): void => {
      if (this.#room === null) this.#put(': beat\n\n');
    };
    this.#beat = this.#terms.clock.after(this.#terms.beatMs, sign);
  }

  /** E1 */
  async #untilRoom(): Promise<void> {
    if (this.#room === null) {
      const room = Promise.withResolvers<void>();
      this.#room = room;
      const timer = this.#terms.clock.after(this.#terms.stallMs, () => {
        this.#terms.drop();
        this.#end();
      });
      void room.promise.then(() => {
        timer.cancel();
        this.#room = null;
      });
    }
    await this.#room.promise;
  }

  #end(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#beat?.cancel();
    this.#room?.resolve();
    this.#terms.over();
  }
}
