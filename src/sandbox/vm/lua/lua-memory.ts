/**
 * Owns how much memory a state of Lua has: the allocator that Lua is given.
 *
 * A1 Every byte of a state is counted. Over the limit a block is refused.
 * A2 Lua collects its garbage when a block is refused, and asks for the same block once more: what
 *    can be collected is not counted as used. The limit is met if that is refused too, or if it is
 *    not asked for again.
 * A3 It knows which block is the stack of the state. While that one grows, Lua's own records are
 *    half changed, and nobody may look at them.
 */
import type { LuaModule } from './lua-api.ts';

/** Who is told of refusals. */
export interface LuaMemoryListener {
  /** A block was refused, and the records of the state can be looked at. */
  refused(): void;
  /** The limit is met. */
  full(): void;
}

/** A block that was refused, and may be asked for again. */
interface Refused {
  readonly pointer: number;
  readonly to: number;
  readonly isStack: boolean;
}

/** Blocks that a new state asks for before the one that becomes its stack: the state itself. */
const blocksBeforeStack = 1;

/** The memory of one state at a time. */
export class LuaMemory {
  readonly #module: LuaModule;
  readonly #listener: LuaMemoryListener;
  /** For `lua_newstate`. */
  readonly allocate: number;
  #used = 0;
  #max: number | null = null;
  #refused: Refused | null = null;
  #full = false;
  #blocks = 0;
  #stack = 0;

  constructor(module: LuaModule, listener: LuaMemoryListener) {
    this.#module = module;
    this.#listener = listener;
    this.allocate = module.addFunction(
      (_data = 0, pointer = 0, from = 0, to = 0) => this.#allocated(pointer, from, to),
      'iiiii',
    );
  }

  /** Whether the limit was met since the state began. To be asked when the script has ended. */
  get full(): boolean {
    // Refused, and not asked for again: buffers of texts and the stack are not.
    if (this.#refused !== null) this.#met();
    return this.#full;
  }

  /** A new state is about to be made, without a limit. */
  begin(): void {
    this.#used = 0;
    this.#blocks = 0;
    this.#stack = 0;
    this.#max = null;
    this.#refused = null;
    this.#full = false;
  }

  /** From now on so many bytes more. */
  limit(bytes: number): void {
    this.#max = this.#used + bytes;
  }

  /** No limit for what is done on behalf of nobody. Gives how to go back. */
  lift(): () => void {
    const max = this.#max;
    this.#max = null;
    return () => {
      this.#max = max;
    };
  }

  #allocated(pointer: number, from: number, to: number): number {
    // For a new block Lua tells its kind in place of its size.
    const before = pointer === 0 ? 0 : from;
    if (to === 0) {
      if (pointer !== 0) this.#module._free(pointer);
      this.#used -= before;
      return 0;
    }
    const used = this.#used + to - before;
    const tooMuch = this.#max !== null && used > this.#max;
    if (to > before && (tooMuch || this.#refused !== null)) {
      const again = this.#refused?.pointer === pointer && this.#refused.to === to;
      if (this.#refused !== null && !again) this.#givenUp(this.#refused);
      this.#refused = null;
      if (tooMuch) return this.#refuse(pointer, to, again);
    }
    const made = this.#module._realloc(pointer, to);
    if (made === 0) return 0;
    this.#used = used;
    if (pointer === 0) {
      if (this.#blocks === blocksBeforeStack) this.#stack = made;
      this.#blocks += 1;
    } else if (pointer === this.#stack) this.#stack = made;
    return made;
  }

  /** A2, A3 */
  #refuse(pointer: number, to: number, again: boolean): number {
    const isStack = pointer !== 0 && pointer === this.#stack;
    if (!isStack) this.#listener.refused();
    if (again) this.#met();
    else this.#refused = { pointer, to, isStack };
    return 0;
  }

  /** What was refused is not asked for again. */
  #givenUp({ isStack }: Refused): void {
    if (isStack) this.#listener.refused();
    this.#met();
  }

  #met(): void {
    if (this.#full) return;
    this.#full = true;
    this.#listener.full();
  }
}
