/**
 * Owns the execution of one Lua script in this thread: compiled once, each call in a state of its
 * own.
 *
 * M1 A call begins with a new state and ends with its removal: nothing of one call is there for the
 *    next one, whatever the script did to globals, libraries and metatables.
 * M2 The script is compiled once. Later states load the bytecode that this compiler made; scripts
 *    themselves can load text only, as wrong bytecode breaks the machine.
 * M3 Memory is counted at the allocator. Over the limit an allocation fails, which Lua raises as an
 *    error; a script that caught it is over its limit all the same.
 * M4 The time is looked at every so many instructions, so that the error names the line. Code that
 *    does not come by there is ended by the thread's owner.
 */
import type { MonoMs } from '../../../core/time.ts';
import type { Clock } from '../../../ports/clock.ts';
import type { VmFault, VmSetup } from '../wire.ts';
import { type LuaApi, type LuaState, luaErrMem, luaMaskCount, luaOk } from './lua-api.ts';
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

interface Counted {
  used: number;
  /** Null: not limited, which the machinery outside of a script is not. */
  max: number | null;
  /** Whether an allocation was refused in this call. */
  met: boolean;
}

/** One compiled script. */
export class LuaMachine {
  readonly #api: LuaApi;
  readonly #clock: Clock;
  readonly #setup: VmSetup;
  readonly #memory: Counted = { used: 0, max: null, met: false };
  readonly #allocate: number;
  readonly #emit: number;
  readonly #ask: number;
  readonly #hook: number;
  #prelude: Uint8Array = new Uint8Array();
  #script: Uint8Array = new Uint8Array();
  #around: LuaSurroundings | null = null;
  #endsAt: MonoMs | null = null;
  #values = 0;
  #bytes = 0;
  #asks = 0;

  constructor(api: LuaApi, setup: VmSetup, clock: Clock) {
    this.#api = api;
    this.#setup = setup;
    this.#clock = clock;
    const { module } = api;
    this.#allocate = module.addFunction(
      (_data = 0, pointer = 0, from = 0, to = 0) => this.#allocated(pointer, from, to),
      'iiiii',
    );
    this.#emit = module.addFunction((state = 0) => this.#emitted(state), 'ii');
    this.#ask = module.addFunction((state = 0) => this.#asked(state), 'ii');
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
      this.#close(state);
    }
  }

  /** Executes the script once (M1). */
  run(input: string, around: LuaSurroundings): LuaEnd {
    const { limits, grants } = this.#setup;
    const api = this.#api;
    const state = this.#open();
    try {
      this.#begin(around);
      this.#load(state, this.#prelude);
      api.lua_pushcclosure(state, this.#emit, 0);
      api.lua_pushcclosure(state, this.#ask, 0);
      api.lua_pushstring(state, grants.map(({ name }) => name).join('\n'));
      if (api.lua_pcallk(state, 3, 1, 0, 0, null) !== luaOk) {
        return failed('lost', api.lua_tolstring(state, -1, null));
      }
      this.#load(state, this.#script);
      api.lua_pushstring(state, input);
      api.lua_sethook(state, this.#hook, luaMaskCount, hookEvery);
      this.#memory.max = this.#memory.used + limits.memoryBytes;
      const status = api.lua_pcallk(state, 2, 2, 0, 0, null);
      this.#memory.max = null;
      return this.#ended(state, status);
    } finally {
      this.#around = null;
      this.#close(state);
    }
  }

  #begin(around: LuaSurroundings): void {
    this.#around = around;
    this.#memory.met = false;
    this.#values = 0;
    this.#bytes = 0;
    this.#asks = 0;
    this.#endsAt = (this.#clock.mono() + this.#setup.limits.timeMs) as MonoMs;
  }

  #ended(state: LuaState, status: number): LuaEnd {
    const api = this.#api;
    if (this.#memory.met || status === luaErrMem) return failed('memory', '');
    if (status !== luaOk) return failed('threw', api.lua_tolstring(state, -1, null));
    const how = api.lua_tolstring(state, -2, null);
    const text = api.lua_tolstring(state, -1, null);
    if (how === 'nothing') return { ok: true, text: null };
    if (how === 'done') return { ok: true, text };
    return this.#placed(how === 'unreadable' ? 'unreadable' : 'threw', text);
  }

  /** Takes the place out of a message such as `greet.lua:3: no such thing`. */
  #placed(kind: VmFault['kind'], text: string): LuaEnd {
    const mark = `${this.#setup.file}:`;
    if (!text.startsWith(mark)) return failed(kind, text);
    const [, line = '', message = ''] = /^(\d+): ?(.*)$/s.exec(text.slice(mark.length)) ?? [];
    return line === '' ? failed(kind, text) : failed(kind, message, Number(line));
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
      const end = this.#placed('invalid', api.lua_tolstring(state, -1, null));
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
    if (status !== luaOk) throw new Error(this.#api.lua_tolstring(state, -1, null));
  }

  #open(): LuaState {
    const api = this.#api;
    const state = api.lua_newstate(this.#allocate, null);
    if (state === 0) throw new Error('no memory for a state of Lua');
    api.luaopen_base(state);
    api.lua_settop(state, 0);
    for (const name of libraries) {
      api[`luaopen_${name}`](state);
      api.lua_setglobal(state, name);
    }
    return state;
  }

  #close(state: LuaState): void {
    this.#memory.max = null;
    this.#endsAt = null;
    this.#api.lua_sethook(state, 0, 0, 0);
    this.#api.lua_close(state);
    this.#memory.used = 0;
  }

  /** M3 */
  #allocated(pointer: number, from: number, to: number): number {
    const { module } = this.#api;
    const memory = this.#memory;
    // For a new block Lua tells its kind in place of its size.
    const before = pointer === 0 ? 0 : from;
    if (to === 0) {
      if (pointer !== 0) module._free(pointer);
      memory.used -= before;
      return 0;
    }
    const used = memory.used + to - before;
    if (memory.max !== null && to > before && used > memory.max) {
      memory.met = true;
      return 0;
    }
    const made = module._realloc(pointer, to);
    if (made !== 0) memory.used = used;
    return made;
  }

  #emitted(state: LuaState): number {
    const { outputValues, outputBytes } = this.#setup.limits;
    const text = this.#api.lua_tolstring(state, 1, null);
    this.#values += 1;
    this.#bytes += Buffer.byteLength(text);
    if (this.#values > outputValues) return this.#stop(state, 'outputValues');
    if (this.#bytes > outputBytes) return this.#stop(state, 'outputBytes');
    this.#around?.value(text);
    return 0;
  }

  #asked(state: LuaState): number {
    const api = this.#api;
    this.#asks += 1;
    if (this.#asks > this.#setup.limits.grantCalls) return this.#stop(state, 'grantCalls');
    const name = api.lua_tolstring(state, 1, null);
    const answer = this.#around?.ask(name, api.lua_tolstring(state, 2, null));
    api.lua_pushboolean(state, answer?.ok === true ? 1 : 0);
    api.lua_pushstring(state, answer?.text ?? 'null');
    return 2;
  }

  /** M4 */
  #looked(state: LuaState): number {
    if (this.#endsAt === null || this.#clock.mono() < this.#endsAt) return 0;
    return this.#stop(state, 'time');
  }

  /** Raises an error, and tells at once which line met which limit: the error may be caught. */
  #stop(state: LuaState, kind: VmFault['kind']): number {
    const api = this.#api;
    // Level 1 is whoever called this function; in a hook, level 0 is the code itself.
    api.luaL_where(state, kind === 'time' ? 0 : 2);
    const end = this.#placed(kind, api.lua_tolstring(state, -1, null));
    if (!end.ok) this.#around?.over(end.fault);
    api.lua_pushstring(state, `over its limit: ${kind}`);
    api.lua_concat(state, 2);
    return api.lua_error(state);
  }
}

const failed = (kind: VmFault['kind'], message: string, line?: number): LuaEnd => ({
  ok: false,
  fault: { kind, message, line },
});
