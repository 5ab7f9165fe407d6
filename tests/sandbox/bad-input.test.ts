/**
 * Scripts that nobody should write: each is refused or stopped within its limit, names script and
 * line where the engine knows it, never holds up the host, and leaves a pool that works.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ErrorCode, runScript, type ScriptLimits, type ScriptOptions } from 'holdfast';
import { hostMs } from '../process/wait.ts';
import { type Both, errorOf, languages, Scripts } from './scene.ts';

interface Bad {
  readonly what: string;
  /** Executed when the input is null; else they give `fine`. */
  readonly source: Both;
  readonly code: ErrorCode | Readonly<Record<'js' | 'lua', ErrorCode>>;
  readonly message?: RegExp;
  readonly limit?: keyof ScriptLimits;
  readonly line?: number;
  readonly more?: Partial<Omit<ScriptOptions, 'name' | 'language' | 'source'>>;
}

const fine: Both = { js: 'if (input) return "fine";\n', lua: 'if input then return "fine" end\n' };
const timeMs = 1_000;
/** For those that meet another limit: a loaded machine must not make it the time. */
const timeMsLong = 20_000;
const memoryBytes = 16 * 1_048_576;

const bad: readonly Bad[] = [
  {
    what: 'loops for ever',
    source: { js: 'while (true) {}', lua: 'while true do end' },
    ...{ code: 'script.over_limit', limit: 'timeMs', line: 2 },
  },
  {
    what: 'loops for ever and catches everything',
    source: {
      js: 'for (;;) { try { for (;;) {} } catch {} finally { continue } }',
      lua: 'while true do pcall(function() while true do end end) end',
    },
    ...{ code: 'script.over_limit', limit: 'timeMs' },
  },
  {
    what: 'waits for ever',
    source: {
      js: 'await new Promise(() => {})',
      lua: 'local s = string.rep("a", 30) string.find(s, string.rep("a?", 30) .. s .. "b")',
    },
    // Nothing can end the wait of the script in JavaScript, so it is not waited for.
    code: { js: 'script.failed', lua: 'script.over_limit' },
    more: { limits: { timeMs } },
  },
  {
    what: 'makes jobs without end',
    source: {
      js: 'const again = () => Promise.resolve().then(again); await again()',
      lua: 'while true do local co = coroutine.wrap(function() coroutine.yield() end) co() end',
    },
    code: 'script.over_limit',
    more: { limits: { timeMs } },
  },
  {
    what: 'recurses without end',
    source: {
      js: 'const f = () => f() + 1;\nreturn f()',
      lua: 'local function f() return f() + 1 end\nreturn f()',
    },
    // Lua's stack is memory, and has no other bound that comes earlier.
    code: { js: 'script.failed', lua: 'script.over_limit' },
    message: /stack|memoryBytes/i,
  },
  {
    what: 'allocates objects without end',
    source: {
      js: 'const all = []; for (;;) all.push({ all, text: [1, 2, 3, 4, 5, 6, 7, 8] })',
      lua: 'local all = {} while true do all[#all + 1] = { 1, 2, 3, 4, 5, 6, 7, 8 } end',
    },
    ...{ code: 'script.over_limit', limit: 'memoryBytes' },
  },
  {
    what: 'allocates one big block',
    source: {
      js: 'return new Uint8Array(1e9).fill(1).length',
      lua: 'return #string.rep("x", 1000000000)',
    },
    ...{ code: 'script.over_limit', limit: 'memoryBytes' },
  },
  {
    what: 'breaks V8 with a list that is too long',
    source: {
      js: 'return [..."x".repeat(5e8)].length',
      lua: 'return string.rep("x", 1 << 40)',
    },
    code: { js: 'script.over_limit', lua: 'script.failed' },
  },
  {
    what: 'returns a value that contains itself',
    source: {
      js: 'const a = {}; a.a = a; return a',
      lua: 'local a = {} a.a = a return a',
    },
    ...{ code: 'script.failed', message: /circular|contains itself/ },
  },
  {
    what: 'emits a value that contains itself',
    source: {
      js: 'const a = []; a.push(a);\nemit(a)',
      lua: 'local a = {} a[1] = a\nemit(a)',
    },
    ...{ code: 'script.failed', message: /circular|contains itself/, line: 3 },
  },
  {
    what: 'returns what JSON does not hold',
    source: { js: 'return { n: 1n }', lua: 'return { f = function() end }' },
    ...{ code: 'script.failed', message: /BigInt|function cannot be JSON/ },
  },
  {
    what: 'returns a giant value',
    source: { js: 'return "x".repeat(2e6)', lua: 'return string.rep("x", 2000000)' },
    ...{ code: 'script.over_limit', limit: 'outputBytes' },
  },
  {
    what: 'emits megabytes',
    source: {
      js: 'for (;;) emit("x".repeat(100_000))',
      lua: 'local x = string.rep("x", 100000) while true do emit(x) end',
    },
    ...{ code: 'script.over_limit', limit: 'outputBytes' },
  },
  {
    what: 'emits without end, and catches the refusal',
    source: {
      js: 'for (;;) { try { emit(1) } catch {} }',
      lua: 'while true do pcall(emit, 1) end',
    },
    ...{ code: 'script.over_limit', limit: 'outputValues' },
  },
  {
    what: 'calls a grant without end',
    source: {
      js: 'for (;;) { try { await grants.nothing() } catch {} }',
      lua: 'while true do pcall(grants.nothing) end',
    },
    ...{ code: 'script.over_limit', limit: 'grantCalls' },
    more: { grants: { nothing: () => null }, limits: { grantCalls: 10 } },
  },
  {
    what: 'throws a text',
    source: { js: 'throw "just a text"', lua: 'error("just a text", 0)' },
    ...{ code: 'script.failed', message: /just a text/ },
  },
  {
    what: 'throws an object',
    source: { js: 'throw { message: "in an object" }', lua: 'error({ message = "in an object" })' },
    ...{ code: 'script.failed', message: /in an object/ },
  },
  {
    what: 'throws nothing',
    source: { js: 'throw undefined', lua: 'error(nil)' },
    code: 'script.failed',
  },
  {
    what: 'throws what throws when it is looked at',
    source: {
      js: 'throw new Proxy({}, { get() { throw new Error("looked at") } })',
      lua: 'error(setmetatable({}, { __tostring = function() error("looked at") end }))',
    },
    code: 'script.failed',
  },
  {
    what: 'calls what is not there',
    source: { js: '\n\nnothing()', lua: '\n\nnothing()' },
    ...{ code: 'script.failed', line: 4 },
  },
];

/** Turns of this thread's event loop while something goes on. */
async function ticking<Value>(promise: Promise<Value>): Promise<{ value: Value; gapMs: number }> {
  let over = false;
  let gapMs = 0;
  let last = hostMs();
  const turn = (): void => {
    const now = hostMs();
    gapMs = Math.max(gapMs, now - last);
    last = now;
    if (!over) setImmediate(turn);
  };
  setImmediate(turn);
  try {
    return { value: await promise, gapMs };
  } finally {
    over = true;
  }
}

for (const language of languages) {
  describe(`bad scripts: ${language}`, () => {
    for (const { what, source, code, message, limit, line, more } of bad) {
      const expected = typeof code === 'string' ? code : code[language];
      it(`${what}: ${expected}`, { timeout: 60_000 }, async () => {
        await using scripts = new Scripts();
        const script = scripts.make(language, fine[language] + source[language], {
          ...more,
          limits: {
            ...{ timeMs: limit === 'timeMs' ? timeMs : timeMsLong, memoryBytes },
            ...more?.limits,
          },
          pool: { kind: 'inline' },
        });
        assert.equal(await runScript(script, true).result, 'fine');
        const { value: error, gapMs } = await ticking(errorOf(runScript(script, null).result));
        assert.equal(error.code, expected, error.message);
        if (message !== undefined) assert.match(error.message, message);
        if (limit !== undefined) assert.equal(error.details.limit, limit, error.message);
        assert.match(error.message, new RegExp(`^script sample\\.${language}`));
        if (line !== undefined) assert.equal(error.details.line, line, error.message);
        assert.ok(gapMs < timeMs, `the event loop stood still for ${gapMs} ms`);
        assert.equal(await runScript(script, true).result, 'fine');
      });
    }

    it('does not compile: refused, with the line', async () => {
      await using scripts = new Scripts();
      const source: Both = {
        js: 'const a = 1;\nconst a = = 2;',
        lua: 'local a = 1\nlocal a = = 2',
      };
      const error = await errorOf(scripts.once(language, source[language]));
      assert.equal(error.code, 'script.invalid');
      assert.match(error.message, new RegExp(`^script sample\\.${language}:2 does not compile`));
    });

    it('is bytecode, or another language: refused', async () => {
      await using scripts = new Scripts();
      for (const source of ['\u001bLuaT', '\0', '<html>', '#!/bin/sh\nexit 1']) {
        const error = await errorOf(scripts.once(language, source));
        assert.equal(error.code, 'script.invalid', JSON.stringify(source));
      }
    });
  });
}

/** Ways to make V8 slow, big or confused. Each must end, one way or the other. */
const greedy: readonly string[] = [
  'return new Array(1024 * 1024 * 60).fill().length',
  'const v = new Array(100e6); for (let i = v.length; i--;) v[i] = i; return 1',
  'let s = "x"; for (;;) s += s + "y"',
  'return "x".repeat(2 ** 29 - 24).split("").length',
  'return JSON.stringify("\\u0000".repeat(2e8)).length',
  'return /(a+)+$/.test("a".repeat(40) + "b")',
  'return BigInt("9".repeat(1e6)) ** 99n > 1n',
  'const f = new Function("return " + "(".repeat(1e5) + ")".repeat(1e5)); return f()',
  'return [1, 2, 3].toSorted(() => { for (;;); })',
  'return new Proxy({}, { get: (t, k, r) => r[k] }).x',
  'throw { get message() { for (;;); } }',
  'return { toJSON() { for (;;); } }',
  'async function* g() { for (;;) yield 1 } for await (const x of g());',
];

describe('greedy scripts: js', () => {
  for (const source of greedy) {
    it(`are stopped: ${source}`, { timeout: 60_000 }, async () => {
      await using scripts = new Scripts();
      const script = scripts.make('js', fine.js + source, { limits: { timeMs, memoryBytes } });
      const error = await errorOf(runScript(script, null).result);
      assert.match(error.code, /^script\.(over_limit|failed)$/, error.message);
      assert.equal(await runScript(script, true).result, 'fine');
    });
  }
});
