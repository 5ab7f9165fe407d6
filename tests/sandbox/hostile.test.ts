/**
 * Scripts that attack what stands around them: jobs and finalizers that outlive the call, limits
 * that are caught or outrun, and built-in code that nothing interrupts. Each is stopped inside its
 * limits, its error names the line where that can be known, and the next call finds a clean VM.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ErrorCode, type Grants, runScript, type ScriptLanguage } from 'holdfast';
import { errorOf, Scripts } from './scene.ts';

interface Attack {
  readonly what: string;
  /** Executed when the input is null, from line 2 on; else the script gives `fine`. */
  readonly source: string;
  /** It executes before anybody has called it: there is no input that makes it a good one. */
  readonly early?: true;
  readonly code: ErrorCode;
  readonly limit?: string;
  readonly message?: RegExp;
  readonly line?: number;
}

const timeMs = 800;
const memoryBytes = 16 * 1_048_576;
const overTime = { code: 'script.over_limit', limit: 'timeMs' } as const;
const overMemory = { code: 'script.over_limit', limit: 'memoryBytes' } as const;

const grants: Grants = {
  word: () => 'w',
  never: { run: () => new Promise(() => {}), sync: true },
  silent: () => new Promise(() => {}),
};

const js: readonly Attack[] = [
  {
    what: 'leaves jobs without end behind its result',
    source: '(async () => { for (;;) await null })(); return "went on"',
    ...overTime,
  },
  {
    what: 'loops behind a grant',
    source: 'await grants.word();\nfor (;;) {}',
    ...{ ...overTime, line: 3 },
  },
  {
    what: 'loops in a job behind a grant',
    source: 'await grants.word(); await null;\nconst f = () => {\nfor (;;); }; f()',
    ...{ ...overTime, line: 4 },
  },
  { what: 'waits for a grant that never answers', source: 'grants.never()', ...overTime },
  {
    what: 'waits for the promise of a grant that never answers',
    source: 'await grants.silent()',
    ...overTime,
  },
  {
    what: 'waits for nothing at all',
    source: 'await new Promise(() => {})',
    ...{ code: 'script.failed', message: /waits for a promise that nothing can settle/ },
  },
  {
    what: 'leaves a rejection to nobody',
    source: 'Promise.reject(new TypeError("left over")); return 1',
    ...{ code: 'script.failed', message: /left over/, line: 2 },
  },
  {
    what: 'leaves a rejection to nobody behind a grant',
    source: 'await grants.word();\nPromise.reject(new TypeError("left over")); return 1',
    ...{ code: 'script.failed', message: /left over/, line: 3 },
  },
  {
    what: 'rejects with what loops when it is read',
    source: 'Promise.reject({ get message() { for (;;); } }); return 1',
    ...overTime,
  },
  {
    what: 'calls built-in code that nothing interrupts',
    source: 'return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)',
    ...overTime,
  },
  {
    what: 'executes before it is called, and changes how bounds would be read',
    source: `}); Array.prototype[Symbol.iterator] = function* () { for (;;) yield 1e9 };
      JSON.parse = () => ({}); (async function (input, emit) { for (;;) emit(1)`,
    early: true,
    ...{ code: 'script.over_limit', limit: 'outputValues' },
  },
  {
    what: 'loops before it is called',
    source: '}); for (;;); (async function () {',
    early: true,
    ...{ ...overTime, line: 2 },
  },
  {
    what: 'is no function in the end',
    source: '}); (7 + function () {',
    early: true,
    ...{ code: 'script.failed', message: /not a function/ },
  },
  {
    what: 'loops when its stack is read',
    source: 'Error.prepareStackTrace = () => { for (;;); }; throw new Error("x")',
    ...overTime,
  },
  {
    what: 'asks for more at once than fits',
    source:
      'await Promise.all(Array.from({ length: 900 }, (_, n) => grants.word(n + "x".repeat(1e6))))',
    ...overMemory,
  },
  {
    what: 'asks with more than a grant takes',
    source: 'return await grants.word("x".repeat(2e6))',
    ...{ code: 'script.failed', message: /arguments of grant 'word' have 2000004 bytes/ },
  },
  {
    what: 'makes every object a promise, and a setter of every index',
    source: `Object.prototype.then = function () {};
      Object.defineProperty(Array.prototype, '0', { set() {} });
      try { emit([await grants.word()]) } catch {}
      delete Object.prototype.then; throw new Error('done')`,
    ...{ code: 'script.failed', message: /threw Error: done/ },
  },
  {
    what: 'returns what is nested too deeply',
    source: 'let a = []; for (let n = 0; n < 1e5; n += 1) a = [a]; return a',
    ...{ code: 'script.failed', message: /nest deeper than 1000|call stack/ },
  },
  {
    what: 'asks with what is nested too deeply',
    source: 'let a = 1; for (let n = 0; n < 2e3; n += 1) a = [a]; await grants.word(a)',
    ...{ code: 'script.failed', message: /arguments of grant 'word' nest deeper than 1000/ },
  },
  {
    what: 'emits what is nested too deeply, and catches it',
    source: 'let a = 1; for (let n = 0; n < 2e3; n += 1) a = { a }; try { emit(a) } catch {}',
    ...{ code: 'script.failed', message: /nest deeper than 1000/ },
  },
];

const lua: readonly Attack[] = [
  {
    what: 'fills its memory bit by bit',
    source: 'local all = {}\nwhile true do\nall[#all + 1] = { 1, 2, 3, 4 }\nend',
    ...{ ...overMemory, line: 4 },
  },
  {
    what: 'asks for one big block',
    source: '\nreturn #string.rep("x", 1000000000)',
    ...{ ...overMemory, line: 3 },
  },
  {
    what: 'fills its memory in a function, in a coroutine',
    source: `local function fill()
      return string.rep('x', 1e9)
      end
      local co = coroutine.wrap(fill)
      co()`,
    ...{ ...overMemory, line: 6 },
  },
  {
    what: 'recurses without end',
    source: 'local function f()\nreturn f() + 1 end\nreturn f()',
    ...{ ...overMemory, line: 3 },
  },
  {
    what: 'grows its stack at once',
    source: '\nreturn select(-1, string.byte(string.rep("x", 999000), 1, -1))',
    ...{ ...overMemory, line: 3 },
  },
  {
    what: 'catches that its memory is full, and goes on',
    source: 'while true do pcall(string.rep, "x", 1000000000) end',
    ...overMemory,
  },
  {
    what: 'ends with memory that was refused',
    source: '\npcall(string.rep, "x", 1000000000)',
    ...{ ...overMemory, line: 3 },
  },
  {
    what: 'fills memory when it has ended',
    source: `setmetatable({}, { __gc = function()
      local all = {} while true do all[#all + 1] = string.rep('x', 10000) end end })
      return 'went on'`,
    ...overMemory,
  },
  {
    what: 'loops when it has ended',
    source: 'setmetatable({}, { __gc = function() while true do end end }) return "went on"',
    ...overTime,
  },
  {
    what: 'counts its instructions anew in ever more coroutines',
    source: `local function nest(depth)
      for n = 1, 3000 do
        coroutine.wrap(function() if depth > 0 then nest(depth - 1) end end)()
      end
      end
      nest(5)`,
    ...overTime,
  },
  {
    what: 'waits for a grant that never answers',
    source: '\ngrants.never()',
    ...overTime,
    line: 3,
  },
  {
    what: 'loops in code that it loads',
    source: '\nload("while true do end")()',
    ...{ ...overTime, line: 3 },
  },
  {
    what: 'loops where no instruction is counted',
    source: `for n = 1, 100000 do end
      local s = string.rep('a', 30)
      string.find(s, string.rep('a?', 30) .. s .. 'b')`,
    // The line that was seen last: nobody looks while the pattern is matched.
    ...{ ...overTime, line: 2 },
  },
  {
    what: 'loops where a value is made a text',
    source: `return tostring(setmetatable({}, { __tostring = function()
      while true do end end }))`,
    ...{ ...overTime, line: 3 },
  },
  {
    what: 'throws what has no place',
    source: 'local function f()\nerror({ code = 7 }) end\nf()',
    ...{ code: 'script.failed', message: /a table: \{"code":7\}/, line: 3 },
  },
  {
    what: 'throws without a place',
    source: '\nerror("plain", 0)',
    ...{ code: 'script.failed', message: /plain/, line: 3 },
  },
  {
    what: 'calls itself through pcall without end',
    source:
      'local function f() return pcall(f) end\nlocal ok = f() error("end of " .. tostring(ok))',
    ...{ code: 'script.failed', line: 3 },
  },
  {
    what: 'loads what is nested too deeply',
    source: 'return assert(load("return " .. string.rep("(", 100000)))',
    ...{ code: 'script.failed', line: 2 },
  },
  {
    what: 'emits a text that is bigger than all it may emit',
    source: 'emit(string.rep("x", 1500000))',
    ...{ code: 'script.over_limit', limit: 'outputBytes', line: 2 },
  },
  {
    what: 'asks with more than a grant takes',
    source: 'grants.word(string.rep("x", 2000000))',
    ...{ code: 'script.failed', message: /arguments of grant 'word' have 2000004 bytes/, line: 2 },
  },
];

const fine: Readonly<Record<ScriptLanguage, string>> = {
  js: 'if (input) return "fine";\n',
  lua: 'if input then return "fine" end\n',
};

for (const [language, attacks] of [['js', js] as const, ['lua', lua] as const]) {
  describe(`hostile scripts: ${language}`, () => {
    for (const { what, source, code, limit, message, line, early } of attacks) {
      it(`${what}: ${limit ?? code}`, { timeout: 60_000 }, async () => {
        await using scripts = new Scripts();
        const script = scripts.make(language, fine[language] + source, {
          grants,
          limits: { timeMs: limit === 'timeMs' ? timeMs : 20_000, memoryBytes },
          pool: { kind: 'inline' },
        });
        const good = early ? scripts.make(language, fine[language]) : script;
        assert.equal(await runScript(good, true).result, 'fine');
        const error = await errorOf(runScript(script, null).result);
        assert.equal(error.code, code, error.message);
        assert.equal(error.details.limit, limit, error.message);
        if (message !== undefined) assert.match(error.message, message);
        if (line !== undefined) assert.equal(error.details.line, line, error.message);
        assert.equal(await runScript(good, true).result, 'fine');
      });
    }
  });
}

describe('scripts within their limits', () => {
  it('may make garbage as long as they hold on to little', { timeout: 60_000 }, async () => {
    await using scripts = new Scripts();
    const source = `
      local kept = {}
      for n = 1, 1200 do kept[n] = string.rep('k', 10000) .. n end
      local w = string.rep('w', 2000)
      for n = 1, 20000 do local waste = { w .. n } end
      return #kept`;
    const more = { limits: { memoryBytes, timeMs: 20_000 } };
    assert.equal(await scripts.once('lua', source, null, more), 1_200);
  });

  it('may ask a thousand times at once, and are served a few at a time', async () => {
    await using scripts = new Scripts();
    let open = 0;
    let openMax = 0;
    const slow = async ([n]: readonly unknown[]): Promise<unknown> => {
      open += 1;
      openMax = Math.max(openMax, open);
      await new Promise((resolve) => setImmediate(resolve));
      open -= 1;
      return n;
    };
    const source = `
      const all = await Promise.all(Array.from({ length: 1000 }, (_, n) => grants.slow(n)));
      return all.every((one, at) => one === at)`;
    const more = { grants: { slow }, limits: { timeMs: 30_000 } };
    assert.equal(await scripts.once('js', source, null, more), true);
    assert.equal(openMax, 16);
  });

  it('leave no memory behind, call after call', { timeout: 60_000 }, async () => {
    await using scripts = new Scripts();
    const more = { limits: { memoryBytes }, pool: { kind: 'inline' } } as const;
    const sources = { js: 'return new Array(1e5).fill(1).length', lua: 'return #("x"):rep(1e5)' };
    for (const language of ['js', 'lua'] as const) {
      const script = scripts.make(language, sources[language], more);
      for (let n = 0; n < 400; n += 1) {
        assert.equal(await runScript(script, null).result, 100_000);
      }
      assert.equal(script.figures.created, 1, language);
    }
  });
});
