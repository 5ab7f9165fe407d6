/**
 * Owns a conversation with an agent over two streams: what it asks goes to the calls of a runtime,
 * what they answer goes back.
 *
 * S1 A call that was let in is answered exactly once. A line whose uid is that of a call of this
 *    agent under way is never answered: it would be taken for the answer of that call.
 * S2 Reading never waits for work: calls that find no room are refused, and cancels are heard.
 * S3 It ends once: by QUIT, by the end of the input, because writing failed, or because it was
 *    asked to. Then no call is let in any more, and those that are there have `drainMs`.
 */
import type { Readable, Writable } from 'node:stream';
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { CallHandle } from '../engine/calls/call-record.ts';
import type { Holdfast } from '../holdfast.ts';
import type { Clock, Timer } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { type Answer, answerOf, refusalAnswer } from './answers.ts';
import { FrameParser, type WireCall, type WireEvent } from './frame-parser.ts';
import { FrameWriter } from './frame-writer.ts';
import {
  isRegistrable,
  keepalive,
  progressLine,
  registerLine,
  resultFrame,
  withdrawLine,
} from './frames.ts';
import { inputOf } from './wire-input.ts';

/** How a conversation ended. */
export type StdioEnd = 'quit' | 'eof' | 'write-failed' | 'stopped';

/** What a conversation is made of. */
export interface SessionParts {
  readonly hf: Holdfast;
  readonly input: Readable;
  readonly output: Writable;
  readonly clock: Clock;
  readonly log: Log;
  readonly compat: boolean;
  readonly keepaliveMs: number;
  readonly drainMs: number;
  readonly onQuit: () => void;
}

/** What has happened so far. */
export interface StdioCounters {
  /** Frames of calls that were read. */
  calls: number;
  /** Answers that were written. */
  answers: number;
  /** Lines that meant nothing, and lines of calls that could not be read. */
  oddLines: number;
  refused: number;
  /** Frames with the uid of a call under way. */
  duplicates: number;
}

/** An agent that only watches a call extends it to at least so much. */
const watchedMs = 10_000;
/** What is written last has so long to be read. */
const flushMs = 2_000;

/** One conversation. */
export class StdioSession {
  readonly counters: StdioCounters = {
    ...{ calls: 0, answers: 0, oddLines: 0, refused: 0, duplicates: 0 },
  };
  readonly #parts: SessionParts;
  readonly #parser: FrameParser;
  readonly #writer: FrameWriter;
  readonly #live = new Map<string, CallHandle>();
  readonly #done = Promise.withResolvers<StdioEnd>();
  #beat: Timer | null = null;
  #ending: StdioEnd | null = null;
  readonly #unlisten: () => void;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.#parser = new FrameParser({ compat: parts.compat });
    const { output, hf, input, log } = parts;
    this.#writer = new FrameWriter(output, limits.stdioBacklogBytesMax, (error) => {
      log.log('error', 'nothing can be written to the agent', { error: error.message });
      this.end('write-failed');
    });
    for (const target of hf.calls.served()) this.#register(target);
    this.#unlisten = hf.calls.onNames((name, target) => {
      if (target !== null) this.#register(target);
      else if (isRegistrable(name)) this.#writer.write(withdrawLine(name));
    });
    input.on('data', this.#onData).once('end', this.#onEnd).once('error', this.#onEnd);
    this.#keepAlive();
  }

  /** Resolves when everything is answered and written. */
  get done(): Promise<StdioEnd> {
    return this.#done.promise;
  }

  /** Calls that are under way. */
  get live(): number {
    return this.#live.size;
  }

  /** S3 */
  end(how: StdioEnd): void {
    if (this.#ending !== null) return;
    this.#ending = how;
    const { input } = this.#parts;
    input.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onEnd);
    // Whatever still comes is nobody's, and an error of the stream no longer ours.
    input.on('error', () => {}).resume();
    this.#unlisten();
    void this.#drain(how);
  }

  readonly #onData = (piece: Uint8Array): void => {
    for (const event of this.#parser.push(piece)) this.#hear(event);
  };

  readonly #onEnd = (): void => {
    for (const event of this.#parser.end()) this.#hear(event);
    this.end('eof');
  };

  async #drain(how: StdioEnd): Promise<void> {
    const { hf, drainMs, clock } = this.#parts;
    await hf.calls.drain(how === 'write-failed' ? 0 : drainMs);
    this.#beat?.cancel();
    const late = Promise.withResolvers<void>();
    const timer = clock.after(flushMs, late.resolve);
    await Promise.race([this.#writer.flush(), late.promise]);
    timer.cancel();
    this.#done.resolve(how);
  }

  #hear(event: WireEvent): void {
    switch (event.is) {
      case 'call':
        this.#call(event.call);
        return;
      case 'cancel':
        this.#cancel(event.uid, event.early);
        return;
      case 'progress':
        this.#live.get(event.uid)?.touch(watchedMs);
        return;
      case 'quit':
        this.#parts.onQuit();
        this.end('quit');
        return;
      case 'refused':
        this.counters.refused += 1;
        this.#say('a call could not be read', { uid: event.uid, why: event.why });
        if (event.uid !== null) this.#refuse(event.uid, refusalAnswer(event.code, event.why));
        return;
      case 'odd':
        this.counters.oddLines += 1;
        this.#say('a line means nothing', { why: event.why });
    }
  }

  #call(call: WireCall): void {
    this.counters.calls += 1;
    const { uid, name, args, access, source, contentType, body, timeoutSeconds } = call;
    let answered = false;
    const taken = this.#parts.hf.calls.submit(
      {
        ...{ name, id: uid, timeoutMs: timeoutSeconds * 1_000 },
        inputOf: () => inputOf(call),
        facts: { args, access, source, contentType, body },
      },
      {
        answered: (kind, value) => {
          answered = true;
          this.#live.delete(uid);
          this.#answer(uid, answerOf(kind, value));
        },
        progressed: (value) => this.#progress(uid, value),
      },
    );
    if (!(taken instanceof HoldfastError)) {
      if (!answered) this.#live.set(uid, taken);
    } else this.#refuse(uid, refusalAnswer(taken.code, taken.message));
  }

  /** S1 */
  #refuse(uid: string, answer: Answer): void {
    if (this.#live.has(uid)) this.#duplicate(uid);
    else this.#answer(uid, answer);
  }

  #duplicate(uid: string): void {
    this.counters.duplicates += 1;
    this.#say('the uid is that of a call under way', { uid });
  }

  #cancel(uid: string, early: boolean): void {
    const call = this.#live.get(uid);
    if (call !== undefined) {
      if (early) this.#duplicate(uid);
      call.cancel('the agent cancelled it');
    } else if (early) {
      this.#answer(uid, refusalAnswer('call.cancelled', 'cancelled before it was whole'));
    }
  }

  #answer(uid: string, answer: Answer): void {
    const { status, contentType, payload } = answer;
    const expiresAt = Math.floor((answer.expiresAt ?? this.#parts.clock.wall()) / 1_000);
    this.counters.answers += 1;
    this.#writer.write(resultFrame({ uid, status, contentType, expiresAt, payload }));
  }

  #progress(uid: string, value: unknown): void {
    const told = progressOf(value);
    if (told !== null) this.#writer.write(progressLine(uid, told.done, told.all));
  }

  #register(target: Parameters<typeof registerLine>[0]): void {
    if (isRegistrable(target.name)) this.#writer.write(registerLine(target));
    else this.#say('the agent would not take this name', { name: target.name });
  }

  #keepAlive(): void {
    const { clock, keepaliveMs } = this.#parts;
    this.#beat = clock.after(keepaliveMs, () => {
      if (this.#writer.backlog === 0) this.#writer.write(keepalive);
      this.#keepAlive();
    });
  }

  #say(message: string, fields: Readonly<Record<string, unknown>>): void {
    this.#parts.log.log('warn', message, fields);
  }
}

/** A number is what is done; an object may say how much it is in all. */
function progressOf(value: unknown): { readonly done: number; readonly all: number } | null {
  if (typeof value === 'number') return { done: value, all: 0 };
  if (typeof value !== 'object' || value === null || !('done' in value)) return null;
  const { done } = value;
  const all = 'all' in value && typeof value.all === 'number' ? value.all : 0;
  return typeof done === 'number' ? { done, all } : null;
}
