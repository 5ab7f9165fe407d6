/**
 * A corpus of ways in which scripts have got out of sandboxes, for both languages. Each gives what
 * it got hold of; `contained` says what must come of it: an error, or this value.
 *
 * They were collected from what is published about sandboxes of these languages: constructors of
 * host objects, prototypes shared with the host, stacks that hand out host frames, promises and
 * symbols that run code later, bytecode, and libraries that were forgotten.
 */

/** One way out. */
export interface Escape {
  readonly what: string;
  readonly source: string;
  /** What it gives when it got nowhere; without it, it has to fail. */
  readonly gives?: unknown;
}

const reach = 'return typeof process + typeof require + typeof globalThis.module';
const nothing = 'undefinedundefinedundefined';

/** For JavaScript. */
export const jsEscapes: readonly Escape[] = [
  { what: 'globals of Node', source: reach, gives: nothing },
  {
    what: 'everything that could do I/O or wait',
    source: `return ['process','require','module','fetch','Buffer','setTimeout','setInterval',
      'setImmediate','queueMicrotask','WebSocket','XMLHttpRequest','Deno','Bun','importScripts',
      'SharedArrayBuffer','Atomics','WebAssembly','FinalizationRegistry','WeakRef','console',
      'performance','navigator','structuredClone','MessageChannel','Worker','ivm','isolate']
      .filter((name) => name in globalThis)`,
    gives: [],
  },
  {
    what: 'the constructor of emit',
    source: "return emit.constructor('return typeof process')()",
    gives: 'undefined',
  },
  {
    what: 'the constructor of a grant',
    source: "return grants.word.constructor('return typeof process')()",
    gives: 'undefined',
  },
  {
    what: 'the constructor of the constructor of what a grant gives',
    source: "return (await grants.word()).constructor.constructor('return typeof process')()",
    gives: 'undefined',
  },
  {
    what: 'the constructor of the input',
    source: "return input.constructor.constructor('return typeof process')()",
    gives: 'undefined',
  },
  {
    what: 'the constructor of an async function',
    source: "return (async () => {}).constructor('return typeof process')()",
    gives: 'undefined',
  },
  {
    what: 'the error of a grant',
    source: `try { await grants.fail() } catch (error) {
      return error.constructor.constructor('return typeof process')() + Object.keys(error) }`,
    gives: 'undefined',
  },
  {
    what: 'the callers of emit and grants',
    source: 'return [emit.caller, emit.arguments, grants.word.caller]',
  },
  {
    what: 'a stack that is prepared by the script',
    source: `Error.prepareStackTrace = (_, frames) => frames.map((one) => one.getThis?.());
      const seen = new Error('x').stack;
      return JSON.stringify(seen).includes('process')`,
    gives: false,
  },
  {
    what: 'a stack from within a grant',
    source: `Error.prepareStackTrace = (_, all) => all.map((one) => String(one.getFunction?.()));
      try { await grants.fail() } catch (error) {
        return JSON.stringify(error.stack ?? '').includes('Reference') }`,
    gives: false,
  },
  {
    what: 'import()',
    source: "return await import('node:fs')",
  },
  {
    what: 'import.meta',
    source: 'return import.meta',
  },
  {
    what: 'planting on Object.prototype what the bridge reads',
    source: `let seen = null;
      for (const name of ['timeout', 'arguments', 'result', 'copy', 'reference', 'promise',
        'externalCopy', 'unsafeInherit', 'accessors'])
        Object.defineProperty(Object.prototype, name,
          { configurable: true, get() { seen = name; return true } });
      const word = await grants.word();
      for (const name of Object.getOwnPropertyNames(Object.prototype))
        if (Object.getOwnPropertyDescriptor(Object.prototype, name)?.get !== undefined)
          try { if (name !== '__proto__') delete Object.prototype[name] } catch {}
      return [seen, word]`,
    gives: [null, ['w']],
  },
  {
    what: 'catching the bridge with setters of arrays',
    source: `let got = null;
      const trap = { configurable: true, set(value) { got = this } };
      Object.defineProperty(Array.prototype, '0', trap);
      Object.defineProperty(Array.prototype, '1', trap);
      await grants.word('a');
      delete Array.prototype[0]; delete Array.prototype[1];
      return got === null || typeof got[0] !== 'object'`,
    gives: true,
  },
  {
    what: 'replacing call and apply under the bridge',
    source: `let leaked = [];
      const spy = function (...args) { leaked.push(this, ...args) };
      Function.prototype.call = spy; Function.prototype.apply = spy; Reflect.apply = spy;
      const word = await grants.word();
      return [leaked.some((one) => Object(one) === one && 'applySync' in one), word]`,
    gives: [false, ['w']],
  },
  {
    what: 'catching the promises of the bridge, so that the call never ends',
    source: `const leaked = [];
      Promise.prototype.then = function (...args) { leaked.push(this, ...args) };
      await grants.word();
      for (const one of leaked) if (typeof one === 'function') one({ ok: true, text: 1 });
      return 'got out'`,
  },
  {
    what: 'a thenable as the result',
    source: `return { then(resolve) { resolve({ toJSON() { return typeof process } }) } }`,
    gives: 'undefined',
  },
  {
    what: 'a value that executes when it is written',
    source: 'return { toJSON() { return [typeof process, typeof require] } }',
    gives: ['undefined', 'undefined'],
  },
  {
    what: 'a proxy as the result',
    source: `return new Proxy({}, { ownKeys: () => ['a'], get: (_, key) => typeof process,
      getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: 1 }) })`,
    gives: { a: 'undefined' },
  },
  {
    what: '__proto__ in values',
    source: `emit(JSON.parse('{"__proto__":{"polluted":true}}'));
      return JSON.parse('{"constructor":{"prototype":{"polluted":true}}}')`,
    gives: { constructor: { prototype: { polluted: true } } },
  },
  {
    what: 'closing the function that stands around it',
    source: "}); globalThis.typeofProcess = typeof process; (async function () { return 'x'",
    gives: 'x',
  },
  {
    what: 'the realm of a boxed this',
    source: "return (function () { return this })?.constructor?.('return typeof process')?.()",
    gives: 'undefined',
  },
  {
    what: 'direct and indirect eval, and Function',
    source: `return [eval('typeof process'), (0, eval)('typeof require'),
      new Function('return typeof module')()]`,
    gives: ['undefined', 'undefined', 'undefined'],
  },
  {
    what: 'species, iterators and tagged templates',
    source: `class Odd extends Promise {
        static get [Symbol.species]() { return function (run) { run(() => {}, () => {}) } }
      }
      const odd = new Odd((resolve) => resolve(1));
      return [typeof odd, String.raw\`\${typeof process}\`]`,
    gives: ['object', 'undefined'],
  },
];

const luaNone = (names: string): string => `
  local found = {}
  for name in string.gmatch('${names}', '%S+') do
    if _G[name] ~= nil then found[#found + 1] = name end
  end
  return array(found)`;

/** For Lua. */
export const luaEscapes: readonly Escape[] = [
  {
    what: 'everything that could do I/O, load or debug',
    source: luaNone(
      'io os debug package require dofile loadfile collectgarbage print warn js ffi jit module',
    ),
    gives: [],
  },
  {
    what: 'bytecode through load',
    source: `
      local _, plain = load('\\27LuaT')
      local _, asked = load('\\27LuaT', 'x', 'b')
      local _, within = load('\\27LuaT', 'x', 'bt', {})
      local why = 'attempt to load a binary chunk'
      return { plain:find(why) ~= nil, asked:find(why) ~= nil, within:find(why) ~= nil }`,
    gives: [true, true, true],
  },
  {
    what: 'bytecode through load, without saying so',
    source: "return load(string.char(27) .. 'Lua' .. string.char(0x54, 0))()",
  },
  {
    what: 'bytecode through a reader',
    source: "return load(function() return '\\27LuaT' end)()",
  },
  { what: 'string.dump', source: 'return string.dump == nil', gives: true },
  {
    what: 'the dump of the string metatable',
    source: "return getmetatable('').__index.dump == nil",
    gives: true,
  },
  {
    what: 'load with the globals of somebody else',
    source: "return load('return io, os, debug, _ENV.package')() == nil",
    gives: true,
  },
  {
    what: 'the environment of what stands around it',
    source: "local env = load('return _ENV')() return env == _G and env.io == nil",
    gives: true,
  },
  {
    what: 'the metatable of null',
    source: 'return pcall(setmetatable, null, {}) == false and getmetatable(null) == false',
    gives: true,
  },
  {
    what: 'getfenv and setfenv',
    source: luaNone('getfenv setfenv'),
    gives: [],
  },
  {
    what: 'the registry through a finalizer',
    source: `local seen = {}
      setmetatable({}, { __gc = function() seen[1] = io end })
      for _ = 1, 1000 do local waste = { {}, {} } end
      return seen[1] == nil`,
    gives: true,
  },
  {
    what: 'a metatable that runs when it is written',
    source: `return setmetatable({ a = 1 }, { __pairs = function() return io.open end,
      __index = function() return io.open end, __len = function() return 9 end })`,
    gives: { a: 1 },
  },
  {
    what: 'a to-be-closed variable after an error',
    source: `local seen = 'none'
      pcall(function()
        local x <close> = setmetatable({}, { __close = function() seen = type(io) end })
        error('x')
      end)
      return seen`,
    gives: 'nil',
  },
  {
    what: 'replacing the functions that the bridge uses',
    source: `
      pairs, next, type, tostring, pcall, error = nil, nil, nil, nil, nil, nil
      string.format, string.gsub, table.concat, utf8, math = nil, nil, nil, nil, nil
      emit({ a = 1 })
      return { grants.word('a') }`,
    gives: [['w']],
  },
  {
    what: 'the error of a grant',
    source: 'local ok, why = pcall(grants.fail) return type(why)',
    gives: 'string',
  },
  {
    what: 'a coroutine that outlives the call',
    source: `
      co = coroutine.wrap(function() while true do coroutine.yield(type(io)) end end)
      return co()`,
    gives: 'nil',
  },
  {
    what: 'a very deep pattern',
    source: "return string.find(string.rep('a', 100000), string.rep('(', 40)) == nil",
  },
  {
    what: 'a format with a giant width',
    source: "return #string.format('%999999999d', 1)",
  },
  {
    what: 'unpacking more than there is room for',
    source: 'return #table.pack(table.unpack({}, 1, 1e7))',
  },
  {
    what: 'a goto into nowhere',
    source: 'goto nowhere',
  },
];
