/**
 * Owns where the code of a script stands: its line, read from the records of a state.
 *
 * P1 Reading allocates nothing and changes nothing, so that it can be done anywhere but while the
 *    stack is moved (A3 of `LuaMemory`).
 * P2 The line is the innermost one of the script itself: of the code that it loads by `load`, and
 *    of what stands around it, it is the line from which that was called.
 * P3 What was seen last is kept outside of the state: it can be told when the state is gone.
 */
import type { LuaModule, LuaState } from './lua-api.ts';

/** `lua_Debug` of Lua 5.4 where addresses have 32 bits: its size, and where two fields are. */
const recordBytes = 128;
const sourceAt = 16;
const currentLineAt = 24;

/** Levels of calls that are looked through. */
const levelsMax = 64;

/** The place of one script. */
export class LuaPlace {
  readonly #module: LuaModule;
  readonly #record: number;
  readonly #what: number;
  /** How the source is named in the records, with the zero at its end. */
  readonly #name: Uint8Array;
  readonly #onSeen: (line: number) => void;
  #last: number | undefined;

  constructor(module: LuaModule, file: string, onSeen: (line: number) => void) {
    this.#module = module;
    this.#onSeen = onSeen;
    this.#name = Buffer.from(`=${file}\0`, 'utf8');
    this.#record = module._malloc(recordBytes);
    const what = Buffer.from('Sl\0');
    this.#what = module._malloc(what.length);
    module.HEAPU8.set(what, this.#what);
  }

  /** The line that was seen last in this call. */
  get last(): number | undefined {
    return this.#last;
  }

  /** A call begins: nothing was seen yet. */
  begin(): void {
    this.#last = undefined;
    this.#onSeen(0);
  }

  /** Looks, and remembers. */
  look(state: LuaState): void {
    const line = this.#lineOf(state);
    if (line === undefined) return;
    this.#last = line;
    this.#onSeen(line);
  }

  #lineOf(state: LuaState): number | undefined {
    const { _lua_getstack: getStack, _lua_getinfo: getInfo } = this.#module;
    for (let level = 0; level < levelsMax; level += 1) {
      if (getStack(state, level, this.#record) === 0) return undefined;
      getInfo(state, this.#what, this.#record);
      const heap = this.#module.HEAPU8;
      const view = new DataView(heap.buffer, heap.byteOffset + this.#record, recordBytes);
      const line = view.getInt32(currentLineAt, true);
      if (line > 0 && this.#isScript(view.getUint32(sourceAt, true))) return line;
    }
    return undefined;
  }

  #isScript(source: number): boolean {
    const heap = this.#module.HEAPU8;
    return this.#name.every((byte, at) => heap[source + at] === byte);
  }
}
