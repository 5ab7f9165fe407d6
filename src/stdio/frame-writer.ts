/**
 * Owns the one way to standard output.
 *
 * W1 Frames are written whole, in the order in which they were given, and one after the other.
 * W2 What waits is bounded: an agent that does not read ends the session, and not the memory.
 * W3 The first write that fails is the last one: nothing that follows could be read in its place.
 */
import type { Writable } from 'node:stream';

const gatheredBytes = 65_536;

/** Writes frames to a stream. */
export class FrameWriter {
  readonly #output: Writable;
  readonly #backlogMax: number;
  readonly #failed: (error: Error) => void;
  #waiting: Uint8Array[] = [];
  #backlog = 0;
  #writing = false;
  #broken = false;
  #flushed: (() => void)[] = [];

  constructor(output: Writable, backlogMax: number, failed: (error: Error) => void) {
    this.#output = output;
    this.#backlogMax = backlogMax;
    this.#failed = failed;
    output.on('error', (error) => this.#fail(error));
  }

  /** Bytes that wait, those of the write under way included. */
  get backlog(): number {
    return this.#backlog;
  }

  get broken(): boolean {
    return this.#broken;
  }

  /** Puts a frame in line. */
  write(frame: Uint8Array | string): void {
    if (this.#broken) return;
    const bytes = typeof frame === 'string' ? Buffer.from(frame) : frame;
    this.#waiting.push(bytes);
    this.#backlog += bytes.length;
    if (this.#backlog > this.#backlogMax) {
      this.#fail(new Error(`the agent reads nothing: ${this.#backlog} bytes wait`));
      return;
    }
    if (this.#writing) return;
    this.#writing = true;
    // What is given in the same turn goes out in one write.
    queueMicrotask(() => this.#next());
  }

  /** Resolves when all so far is written, or nothing will be any more. */
  flush(): Promise<void> {
    if (this.#broken || !this.#writing) return Promise.resolve();
    return new Promise((resolve) => void this.#flushed.push(resolve));
  }

  #next(): void {
    if (this.#broken) return;
    if (this.#waiting.length === 0) {
      this.#writing = false;
      this.#release();
      return;
    }
    const bytes = this.#gather();
    this.#output.write(bytes, (error) => {
      if (error !== null && error !== undefined) {
        this.#fail(error);
        return;
      }
      this.#backlog -= bytes.length;
      this.#next();
    });
  }

  /** Small frames together, a large one alone. */
  #gather(): Uint8Array {
    const all = this.#waiting;
    let count = 0;
    let bytes = 0;
    for (const one of all) {
      if (count > 0 && bytes + one.length > gatheredBytes) break;
      bytes += one.length;
      count += 1;
    }
    const [first] = all;
    if (count === 1 && first !== undefined) {
      all.shift();
      return first;
    }
    if (count === all.length) this.#waiting = [];
    return Buffer.concat(count === all.length ? all : all.splice(0, count));
  }

  #fail(error: Error): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#waiting = [];
    this.#release();
    this.#failed(error);
  }

  #release(): void {
    for (const one of this.#flushed.splice(0)) one();
  }
}
