/**
 * Owns the execution of one Lua script in this thread: compiled once, each call in a state of its
 * own.
 *
 * M1 A call begins with a new state and ends with its removal: nothing of one call is there for the
 *    next one, whatever the script did to globals, libraries and metatables.
 * M2 The script is compiled once. Later states load the bytecode that this compiler made; scripts
 *    themselves can load text only, as wrong bytecode breaks the machine.
 * M3 Memory is counted at the allocator (`LuaMemory`). A call that met its limit is over at once,
 *    as with every other limit: the script may catch the error, but does not get far.
 * M4 The time is looked at every so many instructions. Code that does not come by there, because it
 *    stands in a function of Lua or counts anew in ever more coroutines, is ended by the thread's
 *    owner (`LuaTime`).
 * M5 The limits hold until the state is gone: finalizers execute when it is removed.
 * M6 Texts are measured in Lua before they are made texts of JavaScript (W4).
 */
import { limits as bounds } from '../../../core/limits.ts';
import type { MonoMs } from '../../../core/time.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { VmFault, VmSetup } from '../wire.ts';
import { type LuaApi, type LuaState, luaErrMem, luaMaskCount, luaOk } from './lua-api.ts';
import { LuaMemory } from './lua-memory.ts';
import { LuaPlace } from './lua-place.ts';
import { luaPrelude } from './prelude.ts';

/** What a call of the script needs of its surroundings. */
export interface LuaSurroundings {
  value(text: string): void;
  /** A limit was met: the call is over, whatever the script does about it. */
  over(fault: VmFault): void;
  /** Blocks until the grant has answered. */
  ask(name: string, text: string): { readonly ok: boolean; readonly text: string };
}

/** How a call ended. */
export type LuaEnd =
  | { readonly ok: true; readonly text: string | null }
  | { readonly ok: false; readonly fault: VmFault };

const hookEvery = 10_000;

/** Before the limit counts: Lua's own library and what stands around the script. */
const libraries = ['coroutine', 'table', 'string', 'utf8', 'math'] as const;

/** One call under way. */
interface Current {
  readonly state: LuaState;
  readonly around: LuaSurroundings;
  readonly endsAt: MonoMs;
  values: number;
  bytes: number;
  asks: number;
  /** Whether the script has ended: what its finalizers emit and ask for is nobody's. */
  ended: boolean;
  over: boolean;
}

/** One compiled script. */
export class LuaMachine {
  readonly #api: LuaApi;
  readonly #clock: Clock;
  readonly #setup: VmSetup;
  readonly #memory: LuaMemory;
  readonly #place: LuaPlace;
  readonly #emit: number;
  readonly #ask: number;
  readonly #mark: number;
  readonly #hook: number;
  #prelude: Uint8Array = new Uint8Array();
  #script: Uint8Array = new Uint8Array();
  #current: Current | null = null;

  /** `onSeen` is told the line at which the script stands, now and then; 0 for none. */
  constructor(api: LuaApi, setup: VmSetup, clock: Clock, onSeen: (line: number) => void) {
    this.#api = api;
    this.#setup = setup;
    this.#clock = clock;
    const { module } = api;
    this.#place = new LuaPlace(module, setup.file, onSeen);
    this.#memory = new LuaMemory(module, {
      refused: () => this.#refused(),
      full: () => this.#over('memory'),
    });
    this.#emit = module.addFunction((state = 0) => this.#emitted(state), 'ii');
    this.#ask = module.addFunction((state = 0) => this.#asked(state), 'ii');
    this.#mark = module.addFunction((state = 0) => this.#marked(state), 'ii');
    this.#hook = module.addFunction((state = 0) => this.#looked(state), 'vii');
  }

  /** Compiles the script; the fault if it does not. */
  compile(): VmFault | null {
    const state = this.#open();
    try {
      const made = this.#compiled(state, luaPrelude, 'holdfast');
      const own = this.#compiled(state, this.#setup.source, this.#setup.file);
      if (!(made instanceof Uint8Array)) return made;
      if (!(own instanceof Uint8Array)) return own;
      this.#prelude = made;
      this.#script = own;
      return null;
    } finally {
      this.#api.lua_close(state);
    }
  }

  /** Executes the script once (M1). */
  run(input: string, around: LuaSurroundings): LuaEnd {
    const { limits, grants } = this.#setup;
    const api = this.#api;
    const state = this.#open();
    const endsAt = (this.#clock.mono() + limits.timeMs) as MonoMs;
    const counts = { values: 0, bytes: 0, asks: 0, ended: false, over: false };
    const current: Current = { state, around, endsAt, ...counts };
    try {
      this.#place.begin();
      this.#load(state, this.#prelude);
      const functions = [this.#emit, this.#ask, this.#mark];
      for (const fn of functions) api.lua_pushcclosure(state, fn, 0);
      api.lua_pushstring(state, grants.map(({ name }) => name).join('\n'));
      if (api.lua_pcallk(state, functions.length + 1, 1, 0, 0, null) !== luaOk) {
        return failed('lost', this.#text(state, -1));
      }
      this.#load(state, this.#script);
      api.lua_pushstring(state, input);
      this.#current = current;
      api.lua_sethook(state, this.#hook, luaMaskCount, hookEvery);
      this.#memory.limit(limits.memoryBytes);
      const status = api.lua_pcallk(state, 2, 2, 0, 0, null);
      current.ended = true;
      return this.#ended(current, status);
    } finally {
      current.ended = true;
      // M5
      api.lua_close(state);
      this.#current = null;
    }
  }

  #ended(current: Current, status: number): LuaEnd {
    const { state } = current;
    const back = this.#memory.lift();
    try {
      if (this.#memory.full || status === luaErrMem) {
        return failed('memory', '', this.#place.last);
      }
      if (status !== luaOk) return this.#placed('threw', this.#text(state, -1));
      const how = this.#text(state, -2);
      if (how === 'nothing') return { ok: true, text: null };
      const bytes = this.#bytes(state, -1);
      if (current.bytes + bytes > this.#setup.limits.outputBytes) return failed('outputBytes', '');
      const text = this.#text(state, -1);
      if (how === 'done') return { ok: true, text };
      return this.#placed(how === 'unreadable' ? 'unreadable' : 'threw', text);
    } finally {
      back();
    }
  }

  /** Of what the machine's own code has pushed: `null` is what is no text. */
  #text(state: LuaState, index: number): string {
    const text: string | null = this.#api.lua_tolstring(state, index, null);
    return text ?? '';
  }

  /** M6 */
  #bytes(state: LuaState, index: number): number {
    return Number(this.#api.lua_rawlen(state, index));
  }

  /** Takes the place out of a message such as `greet.lua:3: no such thing`. */
  #placed(kind: VmFault['kind'], text: string): LuaEnd {
    const mark = `${this.#setup.file}:`;
    // Marked when it was thrown: not every error has its place in its message.
    const last = kind === 'threw' ? this.#place.last : undefined;
    if (!text.startsWith(mark)) return failed(kind, text, last);
    const [, line = '', message = ''] = /^(\d+): ?(.*)$/s.exec(text.slice(mark.length)) ?? [];
    return line === '' ? failed(kind, text, last) : failed(kind, message, Number(line));
  }

  #compiled(state: LuaState, source: string, name: string): Uint8Array | VmFault {
    const api = this.#api;
    const { module } = api;
    const bytes = Buffer.from(source, 'utf8');
    const pointer = module._malloc(bytes.length + 1);
    module.HEAPU8.set(bytes, pointer);
    const status = api.luaL_loadbufferx(state, pointer, bytes.length, `=${name}`, 't');
    module._free(pointer);
    if (status !== luaOk) {
      const end = this.#placed('invalid', this.#text(state, -1));
      return end.ok ? { kind: 'invalid', message: '' } : end.fault;
    }
    const pieces: Uint8Array[] = [];
    const writer = module.addFunction((_state = 0, from = 0, size = 0) => {
      pieces.push(module.HEAPU8.slice(from, from + size));
      return 0;
    }, 'iiiii');
    api.lua_dump(state, writer, null, 0);
    module.removeFunction(writer);
    api.lua_settop(state, 0);
    return Buffer.concat(pieces);
  }

  #load(state: LuaState, code: Uint8Array): void {
    const { module } = this.#api;
    const pointer = module._malloc(code.length + 1);
    module.HEAPU8.set(code, pointer);
    const status = this.#api.luaL_loadbufferx(state, pointer, code.length, 'holdfast', 'b');
    module._free(pointer);
    if (status !== luaOk) throw new Error(this.#text(state, -1));
  }

  #open(): LuaState {
    const api = this.#api;
    this.#memory.begin();
    const state = api.lua_newstate(this.#memory.allocate, null);
    if (state === 0) throw new Error('no memory for a state of Lua');
    api.luaopen_base(state);
    api.lua_settop(state, 0);
    for (const name of libraries) {
      api[`luaopen_${name}`](state);
      api.lua_setglobal(state, name);
    }
    return state;
  }

  #emitted(state: LuaState): number {
    const current = this.#current;
    if (current === null || current.ended) return 0;
    const { outputValues, outputBytes } = this.#setup.limits;
    current.values += 1;
    current.bytes += this.#bytes(state, 1);
    if (current.values > outputValues) return this.#stop(state, 'outputValues');
    if (current.bytes > outputBytes) return this.#stop(state, 'outputBytes');
    current.around.value(this.#text(state, 1));
    return 0;
  }

  #asked(state: LuaState): number {
    const current = this.#current;
    if (current === null || current.ended) return this.#answer(state, false, '"it is over"');
    current.asks += 1;
    if (current.asks > this.#setup.limits.grantCalls) return this.#stop(state, 'grantCalls');
    // For the case that it is never answered.
    this.#place.look(state);
    const name = this.#text(state, 1);
    const bytes = this.#bytes(state, 2);
    if (bytes > bounds.scriptGrantBytesMax) {
      const rule = `${bytes} bytes, and ${bounds.scriptGrantBytesMax} are allowed`;
      const why = JSON.stringify(`the arguments of grant '${name}' have ${rule}`);
      return this.#answer(state, false, why);
    }
    const { ok, text } = current.around.ask(name, this.#text(state, 2));
    return this.#answer(state, ok, text);
  }

  #answer(state: LuaState, ok: boolean, text: string): number {
    this.#api.lua_pushboolean(state, ok ? 1 : 0);
    this.#api.lua_pushstring(state, text);
    return 2;
  }

  /** M4. Remembers the line too: it is what is known of code that is ended from outside. */
  #looked(state: LuaState): number {
    const current = this.#current;
    if (current === null) return 0;
    this.#place.look(state);
    return this.#clock.mono() < current.endsAt ? 0 : this.#stop(state, 'time');
  }

  /** Something is being thrown, and may come out of the script. */
  #marked(state: LuaState): number {
    this.#place.look(state);
    return 0;
  }

  #refused(): void {
    const current = this.#current;
    if (current === null || current.over) return;
    try {
      this.#place.look(current.state);
    } catch {
      // Records that cannot be read: the line that was seen last has to do.
    }
  }

  /** M3 */
  #over(kind: VmFault['kind']): void {
    const current = this.#current;
    if (current === null || current.over) return;
    current.over = true;
    current.around.over({ kind, message: '', line: this.#place.last });
  }

  /** Raises an error, and tells at once which line met which limit: the error may be caught. */
  #stop(state: LuaState, kind: VmFault['kind']): number {
    const api = this.#api;
    this.#place.look(state);
    this.#over(kind);
    api.lua_pushstring(state, `over its limit: ${kind}`);
    return api.lua_error(state);
  }
}

const failed = (kind: VmFault['kind'], message: string, line?: number): LuaEnd => ({
  ok: false,
  fault: { kind, message, line },
});
