/** Scripts and threads that are called: no store, no parts, the same limits. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  type BatchItem,
  defineBatchFunction,
  defineFunction,
  defineScript,
  Holdfast,
  threadHandler,
} from 'holdfast';
import { type Both, errorOf, languages } from './scene.ts';

for (const language of languages) {
  describe(`a script that is called (${language})`, { timeout: 60_000 }, () => {
    it('gives its result, and what it emits as its progress', async () => {
      const source: Both = {
        js: 'for (const n of input) emit({ n }); return input.length',
        lua: 'for _, n in ipairs(input) do emit({ n = n }) end return #input',
      };
      const script = defineScript({ name: 'counts', language, source: source[language] });
      await using hf = await Holdfast.open({ store: 'memory:', functions: [script] });
      const heard: unknown[] = [];
      const onProgress = (value: unknown): void => void heard.push(value);
      assert.equal(await hf.call(script, [1, 2, 3], { onProgress }), 3);
      assert.deepEqual(heard, [{ n: 1 }, { n: 2 }, { n: 3 }]);
      assert.equal(await hf.call(script, [1]), 1, 'where nobody hears it, too');
      assert.deepEqual([script.figures.created, script.figures.live], [1, 1]);
    });

    it('has terms for its calls, is stopped at its deadline, and serves on', async () => {
      const source: Both = {
        js: 'while (input > 0) {} return "done"',
        lua: 'while input > 0 do end return "done"',
      };
      const script = defineScript({
        ...{ name: 'loops', language, source: source[language] },
        ...{ limits: { timeMs: 60_000 }, call: { help: 'goes round', timeoutMs: 60_000 } },
      });
      await using hf = await Holdfast.open({ store: 'memory:', functions: [script] });
      assert.deepEqual(
        hf.calls.targets().map(({ help, terms }) => [help, terms.timeoutMs]),
        [['goes round', 60_000]],
      );
      assert.equal(await hf.call(script, 0), 'done', 'it has a VM');
      const late = errorOf(hf.call(script, 1, { timeoutMs: 300 }));
      assert.equal((await late).code, 'call.timed_out');
      assert.equal(await hf.call(script, 0), 'done');
      const { poisoned, created } = script.figures;
      assert.deepEqual([poisoned, created, hf.calls.stats().stuck], [1, 2, 0]);
    });
  });
}

describe('code that cannot wait for a signal', () => {
  it('is refused with signals when it is defined, with what to do', () => {
    const name = 'deaf';
    const signals = { stop: null };
    const refused = { code: 'request.invalid', message: /signals of 'deaf'.*ctx\.start/ };
    const script = { name, language: 'lua', source: '', signals } as const;
    assert.throws(() => defineScript(script as never), refused);
    const run = threadHandler<null, null>(new URL('./threads/work.ts', import.meta.url));
    assert.throws(() => defineFunction({ name, signals, run }), refused);
    const batch = {
      ...{ name, signals, batch: { max: 2, waitMs: 1 } },
      run: (items: readonly BatchItem[]) => void items,
    };
    assert.throws(() => defineBatchFunction(batch as never), refused);
    assert.equal(defineFunction({ name, signals: {}, run }).name, name);
  });
});
