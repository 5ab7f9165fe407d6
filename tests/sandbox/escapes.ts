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
      const now = grants.now();
      for (const name of Object.getOwnPropertyNames(Object.prototype))
        if (Object.getOwnPropertyDescriptor(Object.prototype, name)?.get !== undefined)
          try { if (name !== '__proto__') delete Object.prototype[name] } catch {}
      return [seen, word, now]`,
    gives: [null, ['w'], 'n'],
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
      const word = await grants.word(), now = grants.now();
      return [leaked.some((one) => Object(one) === one && 'applySync' in one), word, now]`,
    gives: [false, ['w'], 'n'],
  },
  {
    what: 'a constructor of its own for every promise',
    source: `const leaked = [];
      class Spy extends Promise {
        constructor(run) { super((yes, no) => { leaked.push(yes, no); run(yes, no) }) }
      }
      Object.defineProperty(Promise.prototype, 'constructor', { value: Spy });
      Promise[Symbol.species] = Spy;
      const word = await grants.word();
      return [word, leaked.some((one) => {
        try { return one.constructor('return typeof process')() !== 'undefined' }
        catch { return false } })]`,
    gives: [['w'], false],
  },
  {
    what: 'the constructors of generators and async generators',
    source: `return [function* () {}, async function* () {}].map((one) =>
      one.constructor('yield typeof process')().next().value ?? 'later')`,
    gives: ['undefined', 'later'],
  },
  {
    what: 'a stack that is captured on an object of its own',
    source: `const own = {};
      Error.captureStackTrace?.(own, undefined);
      return /node:|js-call|js-isolate|js-process/.test(String(own.stack))`,
    gives: false,
  },
  {
    what: 'the frames of those who called it',
    source: `Error.stackTraceLimit = 100;
      Error.prepareStackTrace = (_, frames) => frames;
      let frames = [];
      emit({ toJSON() { frames = new Error('x').stack; return 1 } });
      const around = frames.filter((one) => one.getFileName() === 'holdfast');
      return [around.length > 0, around.every((one) =>
        one.getThis() === undefined && one.getFunction() === undefined)]`,
    gives: [true, true],
  },
  {
    what: 'emit and grants as constructors, bound and proxied',
    source: `const tried = [() => new emit(1), () => Reflect.construct(grants.word, []),
        () => new (new Proxy(grants.word, {}))()].map((run) => {
          try { run(); return 'made' } catch (error) { return error instanceof TypeError } });
      emit.call({ hold: true }, 1); emit.bind(null)(2);
      return tried`,
    gives: [true, true, true],
  },
  {
    what: 'an iterator of a grant that is none',
    source: 'return [Object.isFrozen(grants), Object.getPrototypeOf(grants)]',
    gives: [true, null],
  },
  {
    what: 'catching the promises of the bridge, so that the call never ends',
    source: `const leaked = [];
      Promise.prototype.then = function (...args) { leaked.push(this, ...args) };
      await grants.word();
      for (const one of leaked) if (typeof one === 'function') one({ ok: true, text: 1 });
      return leaked.length`,
    gives: 0,
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
  {
    what: 'packing with a giant alignment',
    source: "return string.pack('!1099511627776i8', 1)",
  },
  {
    what: 'a metatable for all texts',
    source: `getmetatable('').__index = function() return io end
      return pcall(function() return ('x').open ~= nil end) and grants.word()[1]`,
    gives: 'w',
  },
  {
    what: 'the main coroutine from within another one',
    source: `local main = coroutine.running()
      return { pcall(coroutine.resume, main) }`,
    gives: [true, false, 'cannot resume non-suspended coroutine'],
  },
  {
    what: 'closing the coroutine that it runs in',
    source: 'return pcall(coroutine.close, (coroutine.running()))',
    gives: false,
  },
  {
    what: 'moving itself through metamethods',
    source: `local trap = setmetatable({}, { __index = function() return type(io) end })
      return table.move(trap, 1, 2, 1, {})`,
    gives: ['nil', 'nil'],
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
