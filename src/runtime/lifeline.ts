/**
 * Owns whether a runtime is open: every call asks here first, and nothing is reached after the end.
 *
 * L1 After `close` has begun every call is refused with `store.closed`.
 */
import { HoldfastError } from '../core/errors.ts';
import type { Engine } from '../engine/engine.ts';
import type { HoldOpen } from './hold-open.ts';

/** What a call may use while the runtime is open. */
export interface Lifeline {
  readonly engine: Engine;
  /** The engine, or `store.closed`. */
  ensureOpen(): { readonly engine: Engine };
  /** Keeps the process alive until the returned function is called. */
  hold(): () => void;
}

/** The error of everything that comes too late. */
export const closedError = (): HoldfastError =>
  new HoldfastError('store.closed', 'this runtime is closed; open another one');

/** The lifeline of one runtime. */
export class RuntimeLifeline implements Lifeline {
  readonly engine: Engine;
  readonly #lives: HoldOpen | null;
  #open = true;

  /** `lives` null: nothing here keeps the process alive. */
  constructor(engine: Engine, lives: HoldOpen | null) {
    this.engine = engine;
    this.#lives = lives;
  }

  ensureOpen(): { readonly engine: Engine } {
    if (!this.#open) throw closedError();
    return this;
  }

  hold(): () => void {
    return this.#lives?.hold() ?? (() => {});
  }

  close(): void {
    this.#open = false;
  }
}
