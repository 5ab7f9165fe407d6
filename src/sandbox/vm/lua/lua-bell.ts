/**
 * Owns what the thread of a Lua VM and whoever started it share: numbers that are there while the
 * thread stands still, and when it is gone.
 *
 * B1 The first number counts the orders that were posted; whoever waits for one is woken up by it.
 * B2 The second number is the line at which the script was seen last, or 0.
 */
import type { VmSetup } from '../wire.ts';

/** What the thread is started with. */
export interface LuaThreadData {
  readonly setup: VmSetup;
  readonly bell: SharedArrayBuffer;
}

const ordersAt = 0;
const lineAt = 1;

/** One end of it. */
export class LuaBell {
  readonly shared: SharedArrayBuffer;
  readonly #numbers: Int32Array;

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(8)) {
    this.shared = shared;
    this.#numbers = new Int32Array(shared);
  }

  /** An order was posted. */
  ring(): void {
    Atomics.add(this.#numbers, ordersAt, 1);
    Atomics.notify(this.#numbers, ordersAt);
  }

  /** How many orders were posted so far. */
  get orders(): number {
    return Atomics.load(this.#numbers, ordersAt);
  }

  /** Stands still until there are more orders than `seen`. */
  wait(seen: number): void {
    Atomics.wait(this.#numbers, ordersAt, seen);
  }

  /** B2 */
  get line(): number {
    return Atomics.load(this.#numbers, lineAt);
  }

  set line(line: number) {
    Atomics.store(this.#numbers, lineAt, line);
  }
}
