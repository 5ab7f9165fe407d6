/**
 * What scripts can reach: nothing of the host (the corpus of escapes), and nothing of other calls
 * or tenants (plants in globals, prototypes, metatables and jobs).
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runScript, type ScriptLanguage } from 'holdfast';
import { type Escape, jsEscapes, luaEscapes } from './escapes.ts';
import { type Both, errorOf, languages, Scripts } from './scene.ts';

const corpus: Readonly<Record<ScriptLanguage, readonly Escape[]>> = {
  js: jsEscapes,
  lua: luaEscapes,
};

const grants = {
  word: () => ['w'],
  now: { run: () => 'n', sync: true },
  fail: () => {
    throw Object.assign(new Error('refused'), { secret: process.env });
  },
};

/** Plants what it can, and gives what it finds planted. */
const planting: Both = {
  js: `
    const found = [
      globalThis.planted, Object.prototype.planted, Array.prototype.planted, Promise.planted,
      JSON.planted, emit.planted, Function.prototype.planted, RegExp.$1 || undefined,
      Error.stackTraceLimit === 10 ? undefined : 'limit',
    ].filter((one) => one !== undefined);
    const mark = input.mark;
    /(.*)/.exec(mark);
    Error.stackTraceLimit = 7;
    for (const one of [globalThis, Object.prototype, Promise, JSON, emit]) one.planted = mark;
    const stringify = JSON.stringify;
    JSON.stringify = () => '"stolen"';
    JSON.parse = () => ({ mark: 'stolen' });
    Object.defineProperty(Object.prototype, 'mark', { get: () => 'stolen', set() {} });
    Promise.prototype.then = function () { throw new Error('stolen') };
    (async () => {
      for (let n = 0; n < 50; n += 1) await null;
      try { emit('late ' + mark) } catch {}
    })();
    return { found, mark };`,
  lua: `
    local found = array({})
    for _, one in next, { _G, string, table, math, coroutine, utf8, getmetatable('').__index } do
      if rawget(one, 'planted') then found[#found + 1] = one.planted end
    end
    local mark = input.mark
    for _, one in next, { _G, string, table, math, coroutine, utf8 } do one.planted = mark end
    getmetatable('').__index = function() return 'stolen' end
    getmetatable('').__add = function() return 'stolen' end
    setmetatable(_G, { __index = function() return 'stolen' end })
    setmetatable({}, { __gc = function() emit('late ' .. mark) end })
    grants.word = function() return 'stolen' end
    array = function() return 'stolen' end
    null = 'stolen'
    return { found = found, mark = mark }`,
};

for (const language of languages) {
  describe(`what scripts can reach: ${language}`, () => {
    for (const { what, source, gives } of corpus[language]) {
      it(`${gives === undefined ? 'fails' : 'gets nowhere'} with ${what}`, async () => {
        await using scripts = new Scripts();
        const limits = { timeMs: 3_000 };
        const run = scripts.once(language, source, { word: 'x' }, { grants, limits });
        if (gives === undefined) {
          const error = await errorOf(run);
          assert.match(error.code, /^script\.(failed|invalid|over_limit)$/, error.message);
        } else assert.deepEqual(await run, gives);
        assert.equal(({} as { polluted?: unknown }).polluted, undefined);
      });
    }

    it('tells the host no more of an error than texts', async () => {
      await using scripts = new Scripts();
      const source: Both = {
        js: `const error = new Error('x'.repeat(1e6)); error.stack = { toString() { return 'y' } };
             error.code = 'tenant.full'; error.name = 'NonRetryableError'; throw error`,
        lua: `error(string.rep('x', 1000000))`,
      };
      const error = await errorOf(scripts.once(language, source[language]));
      assert.equal(error.code, 'script.failed');
      assert.ok(error.message.length <= 4_096);
    });

    it('leaves nothing for the next call, of the same tenant or another one', async () => {
      await using scripts = new Scripts();
      const script = scripts.make(language, planting[language], {
        grants,
        pool: { kind: 'inline' },
      });
      for (const tenant of ['ada', 'ada', 'bob', 'ada', 'bob']) {
        const { values, result } = runScript(script, { mark: tenant }, { tenant });
        assert.deepEqual(await result, { found: [], mark: tenant });
        for (const value of await Array.fromAsync(values)) assert.equal(value, `late ${tenant}`);
      }
      assert.equal(script.figures.created, 4, 'a VM for each change of the tenant');
    });

    it('keeps tenants apart that are served at the same time', async () => {
      await using scripts = new Scripts();
      const script = scripts.make(language, planting[language], { grants, pool: { max: 3 } });
      const calls = Array.from({ length: 24 }, (_, number) => {
        const mark = `tenant ${number % 4}`;
        const { values, result } = runScript(script, { mark }, { tenant: mark });
        return Promise.all([result, Array.fromAsync(values)]).then(([value, seen]) => {
          assert.deepEqual(value, { found: [], mark });
          for (const one of seen) assert.equal(one, `late ${mark}`);
        });
      });
      await Promise.all(calls);
    });

    it('does not let one tenant end the calls of another one', async () => {
      await using scripts = new Scripts();
      const grab: Both = {
        js: `if (input === 'bad') { const all = []; for (;;) all.push(new Array(1e5).fill(all)) }
             let n = 0; while (n < 2e7) n += 1; return n`,
        lua: `if input == 'bad' then local all = {} while true do all[#all + 1] = { all } end end
              local n = 0 while n < 20000000 do n = n + 1 end return n`,
      };
      const script = scripts.make(language, grab[language], {
        limits: { memoryBytes: 16 * 1_048_576, timeMs: 20_000 },
      });
      const [good, ...bad] = [
        runScript(script, 'good', { tenant: 'good' }).result,
        ...[1, 2, 3].map(() => errorOf(runScript(script, 'bad', { tenant: 'bad' }).result)),
      ];
      assert.equal(await good, 20_000_000);
      for (const error of await Promise.all(bad)) {
        assert.match((error as { code: string }).code, /^script\.(over_limit|lost)$/);
      }
    });
  });
}
