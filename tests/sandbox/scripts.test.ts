/** What holds for scripts of every language: values in and out, errors, grants, limits. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { defineScript, type Grants, runScript } from 'holdfast';
import { type Both, errorOf, languages, Scripts } from './scene.ts';

const echo: Both = { js: 'return input', lua: 'return input' };

for (const language of languages) {
  describe(`scripts: ${language}`, () => {
    it('gives JSON back as it came', async () => {
      await using scripts = new Scripts();
      const script = scripts.make(language, echo[language]);
      const odd = { text: 'ä€😀\n\t"\\' };
      const deep = { list: [1, -2.5, [], [null, true, false]], 'odd key"\\': odd };
      for (const value of [deep, [], [[]], 'text', '', 0, 1e21, 0.1, true, null]) {
        assert.deepEqual(await runScript(script, value).result, value);
      }
    });

    it('58: gives the values in order, and closes behind the last one', async () => {
      await using scripts = new Scripts();
      const source: Both = {
        js: 'for (const n of input) emit(n * 2); return "end"',
        lua: 'for _, n in ipairs(input) do emit(n * 2) end return "end"',
      };
      const { values, result } = runScript(scripts.make(language, source[language]), [1, 2, 3]);
      assert.deepEqual(await Array.fromAsync(values), [2, 4, 6]);
      assert.equal(await result, 'end');
    });

    it('58: closes with the error of the script, behind the values before it', async () => {
      await using scripts = new Scripts();
      const source: Both = {
        js: 'emit(1);\nemit(2);\nthrow new TypeError("no such item")',
        lua: 'emit(1)\nemit(2)\nerror("no such item")',
      };
      const { values, result } = runScript(scripts.make(language, source[language]), null);
      const seen: unknown[] = [];
      const reading = (async () => {
        for await (const value of values) seen.push(value);
      })();
      const error = await errorOf(reading);
      assert.equal(await errorOf(result), error);
      assert.deepEqual(seen, [1, 2]);
      assert.equal(error.code, 'script.failed');
      assert.match(error.message, new RegExp(`^script sample\\.${language}:3 threw.*no such item`));
      assert.equal(error.details.line, 3);
    });

    it('gives the last value when nothing is returned, and null for nothing at all', async () => {
      await using scripts = new Scripts();
      const some: Both = { js: 'emit(1); emit({ n: 2 });', lua: 'emit(1) emit({ n = 2 })' };
      assert.deepEqual(await scripts.once(language, some[language]), { n: 2 });
      assert.equal(await scripts.once(language, ''), null);
    });

    it('names the script by the hash of its source', async () => {
      await using scripts = new Scripts();
      const script = scripts.make(language, 'return 1');
      assert.equal(script.hash, createHash('sha256').update('return 1').digest('hex'));
    });

    it('compiles a script once for each VM', async () => {
      await using scripts = new Scripts();
      const script = scripts.make(language, 'return 1', { pool: { kind: 'inline' } });
      for (let call = 0; call < 5; call += 1) await runScript(script, null).result;
      assert.deepEqual([script.figures.created, script.figures.live], [1, 1]);
    });

    it('calls grants, and only those', async () => {
      await using scripts = new Scripts();
      const seen: unknown[] = [];
      const grants: Grants = {
        add: { run: ([a, b]) => Number(a) + Number(b), sync: true },
        later: async ([word], { tenant }) => {
          seen.push(word, tenant);
          return { word, tenant };
        },
        refuse: () => {
          throw new Error('not for you');
        },
      };
      const source: Both = {
        js: `
          const sum = grants.add(1, 2);
          const later = await grants.later('x');
          let refused = null;
          try { await grants.refuse() } catch (error) { refused = error.message }
          return { sum, later, refused, other: typeof grants.other };`,
        lua: `
          local sum = grants.add(1, 2)
          local later = grants.later('x')
          local ok, refused = pcall(grants.refuse)
          refused = string.match(refused, 'not for you')
          return { sum = sum, later = later, refused = refused, other = type(grants.other) }`,
      };
      const result = await scripts.once(language, source[language], null, { grants });
      assert.deepEqual(result, {
        ...{ sum: 3, later: { word: 'x', tenant: 'default' }, refused: 'not for you' },
        other: language === 'js' ? 'undefined' : 'nil',
      });
      assert.deepEqual(seen, ['x', 'default']);
    });

    it('bounds each grant by its own calls, time and bytes', async () => {
      await using scripts = new Scripts();
      const grants: Grants = {
        once: { run: () => 1, callsMax: 1 },
        slow: { run: () => new Promise(() => {}), timeoutMs: 20 },
        big: () => 'x'.repeat(2_000_000),
      };
      const source: Both = {
        js: `
          const told = [];
          await grants.once();
          for (const name of ['once', 'slow', 'big'])
            try { await grants[name]() } catch (error) { told.push(error.message) }
          return told`,
        lua: `
          local told = {}
          grants.once()
          for _, name in ipairs({ 'once', 'slow', 'big' }) do
            local ok, error = pcall(grants[name])
            told[#told + 1] = error
          end
          return told`,
      };
      const told = (await scripts.once(language, source[language], null, { grants })) as string[];
      const expected = [/may be called 1 times/, /longer than 20 ms/, /have 2000002 bytes/];
      assert.equal(told.length, expected.length);
      for (const [at, pattern] of expected.entries()) assert.match(told[at] ?? '', pattern);
    });

    it('is over a limit that it met, even if it caught the error', async () => {
      await using scripts = new Scripts();
      const sources: [Both, string][] = [
        [
          {
            js: 'try { for (;;) emit(1) } catch {} return "went on"',
            lua: 'pcall(function() while true do emit(1) end end) return "went on"',
          },
          'outputValues',
        ],
      ];
      if (language === 'lua') {
        const lua = 'pcall(string.rep, "x", 1000000000) return "went on"';
        sources.push([{ js: '', lua }, 'memoryBytes']);
      }
      for (const [source, limit] of sources) {
        const error = await errorOf(scripts.once(language, source[language]));
        assert.deepEqual([error.code, error.details.limit], ['script.over_limit', limit]);
      }
    });

    it('57: cancelled in a loop: it rejects with the reason, and the pool goes on', async () => {
      await using scripts = new Scripts();
      const source: Both = {
        js: 'if (input) return "fine"; emit("in"); while (true) {}',
        lua: 'if input then return "fine" end emit("in") while true do end',
      };
      const more = { pool: { kind: 'inline' }, limits: { timeMs: 60_000 } } as const;
      const script = scripts.make(language, source[language], more);
      const cancel = new AbortController();
      const { values, result } = runScript(script, null, { signal: cancel.signal });
      const first = await values[Symbol.asyncIterator]().next();
      assert.equal(first.value, 'in');
      cancel.abort(new Error('enough'));
      await assert.rejects(result, /enough/);
      assert.equal(await runScript(script, true).result, 'fine');
      assert.equal(script.figures.discarded, 1);
    });

    it('59: replaced under load: no call fails, and the old VMs go behind the last', async () => {
      await using scripts = new Scripts();
      const version = (n: number): Both => ({
        js: `await grants.pass(); return ${n}`,
        lua: `grants.pass() return ${n}`,
      });
      const grants = { pass: () => null };
      const more = { grants, pool: { workers: 2 } } as const;
      const script = scripts.make(language, version(0)[language], more);
      const results: Promise<unknown>[] = [];
      const drained: Promise<void>[] = [];
      for (let n = 1; n <= 3; n += 1) {
        for (let call = 0; call < 10; call += 1) results.push(runScript(script, null).result);
        const replaced = await script.replace(version(n)[language]);
        assert.equal(replaced.hash, script.hash);
        drained.push(replaced.drained);
        results.push(runScript(script, null).result.then((value) => assert.equal(value, n)));
      }
      await Promise.all([...results, ...drained]);
      assert.equal(script.figures.waiting, 0);
    });

    it('keeps the old source when the new one does not compile', async () => {
      await using scripts = new Scripts();
      const script = scripts.make(language, 'return 1');
      const { hash } = script;
      const error = await errorOf(script.replace('return return'));
      assert.equal(error.code, 'script.invalid');
      assert.equal(script.hash, hash);
      assert.equal(await runScript(script, null).result, 1);
    });
  });
}

describe('defineScript', () => {
  const sound = { name: 'sound', language: 'js', source: '' } as const;

  it('refuses wrong options at once', () => {
    const wrong: readonly object[] = [
      { language: 'python' },
      { source: 7 },
      { source: 'x'.repeat(1_048_577) },
      { limits: { memoryBytes: 1 } },
      { limits: { timeMs: 0 } },
      { limits: { speed: 1 } },
      { grants: { 'no word': () => 1 } },
      { grants: { word: 7 } },
      { grants: { word: { run: () => 1, callsMax: -1 } } },
      { pool: { kind: 'endless' } },
      { run: () => 1 },
      { sources: '' },
      { call: { timeout: 1 } },
      { signals: { stop: null } },
    ];
    for (const one of wrong) {
      assert.throws(
        () => defineScript({ ...sound, ...one } as never),
        { code: 'request.invalid' },
        JSON.stringify(one).slice(0, 80),
      );
    }
  });

  it('58: refuses at once to execute what is no script', () => {
    assert.throws(() => runScript({} as never, null), { code: 'request.invalid' });
    assert.throws(() => runScript('sound' as never, null), { code: 'request.invalid' });
  });
});
