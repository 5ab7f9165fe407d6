/**
 * Owns the part of wasmoon that is used: the functions of Lua's own C interface, and no bridge of
 * objects. What a script can reach is what Lua has, and nothing of JavaScript.
 */

/** A state of Lua: an address in the memory of the module. */
export type LuaState = number;

/** Status of a call; 4 is "out of memory". */
export const luaOk = 0;
export const luaErrMem = 4;
/** For a hook: after every so many instructions. */
export const luaMaskCount = 8;

/** The module in which states live. */
export interface LuaModule {
  readonly HEAPU8: Uint8Array;
  addFunction(fn: (...args: number[]) => number, signature: string): number;
  removeFunction(pointer: number): void;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  _realloc(pointer: number, bytes: number): number;
  /** Without a bridge for texts: their addresses are given. */
  _lua_getstack(state: LuaState, level: number, record: number): number;
  _lua_getinfo(state: LuaState, what: number, record: number): number;
}

/** Functions of Lua. A text that goes in may be as long as it likes. */
export interface LuaApi {
  readonly module: LuaModule;
  lua_newstate(allocate: number, data: null): LuaState;
  lua_close(state: LuaState): void;
  lua_settop(state: LuaState, index: number): void;
  lua_setglobal(state: LuaState, name: string): void;
  lua_pushcclosure(state: LuaState, fn: number, upvalues: number): void;
  lua_pushstring(state: LuaState, text: string): unknown;
  lua_pushboolean(state: LuaState, value: number): void;
  lua_tolstring(state: LuaState, index: number, length: null): string;
  /** Of a text, its bytes. */
  lua_rawlen(state: LuaState, index: number): bigint;
  lua_error(state: LuaState): number;
  luaL_loadbufferx(
    state: LuaState,
    buffer: string | number,
    bytes: number,
    name: string,
    mode: string,
  ): number;
  lua_dump(state: LuaState, writer: number, data: null, strip: number): number;
  lua_pcallk(
    state: LuaState,
    args: number,
    results: number,
    handler: number,
    context: number,
    continuation: null,
  ): number;
  lua_sethook(state: LuaState, hook: number, mask: number, count: number): void;
  luaopen_base(state: LuaState): number;
  luaopen_coroutine(state: LuaState): number;
  luaopen_table(state: LuaState): number;
  luaopen_string(state: LuaState): number;
  luaopen_utf8(state: LuaState): number;
  luaopen_math(state: LuaState): number;
}

/** Loads the package. Rejects when it is not installed. */
export async function loadLua(engine: string): Promise<LuaApi> {
  const loaded = (await import(engine)) as {
    readonly LuaFactory?: new () => { getLuaModule(): Promise<unknown> };
    readonly default?: { readonly LuaFactory: new () => { getLuaModule(): Promise<unknown> } };
  };
  const Factory = loaded.LuaFactory ?? loaded.default?.LuaFactory;
  if (Factory === undefined) throw new Error(`'${engine}' has no LuaFactory`);
  return (await new Factory().getLuaModule()) as LuaApi;
}
