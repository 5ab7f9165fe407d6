/** Scripts as runs: streamed, cancelled, retried, counted, and ended with their runtime. */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { defineScript, Holdfast, runScript } from 'holdfast';
import { grantsOf } from '../../src/runtime/scripts/grants.ts';
import { ScriptHost } from '../../src/runtime/scripts/script-host.ts';
import { poolTermsOf } from '../../src/sandbox/pool/terms.ts';
import { scriptLimitsOf } from '../../src/sandbox/vm/limits.ts';
import { until } from '../process/wait.ts';
import { childrenOf, isThere } from './children.ts';
import { type Both, errorOf, languages } from './scene.ts';

for (const language of languages) {
  describe(`scripts as runs: ${language}`, () => {
    it('keeps what they emit as parts, and their result', async () => {
      const source: Both = {
        js: 'emit("text"); emit({ n: input }); return "done"',
        lua: 'emit("text") emit({ n = input }) return "done"',
      };
      const script = defineScript({ name: 'talk', language, source: source[language] });
      await using hf = await Holdfast.open({ store: 'memory:', functions: [script] });
      const run = await hf.start(script, 7);
      assert.equal(await run.result(), 'done');
      const parts = await Array.fromAsync(hf.runs.parts(run.id));
      assert.deepEqual(
        parts.map(({ data }) => data),
        ['text', '{"n":7}'],
      );
    });

    it('does not try again what cannot get better', async () => {
      const sources: readonly Both[] = [
        { js: 'return return', lua: 'return return' },
        { js: 'for (;;) emit(1)', lua: 'while true do emit(1) end' },
      ];
      const codes: unknown[] = [];
      for (const source of sources) {
        const script = defineScript({ name: 'bad', language, source: source[language] });
        await using hf = await Holdfast.open({ store: 'memory:', functions: [script] });
        const run = await hf.start(script, null);
        const outcome = await run.outcome();
        codes.push('error' in outcome ? outcome.error?.code : null);
        assert.equal((await hf.runs.get(run.id))?.attempt, 1);
      }
      assert.deepEqual(codes, ['script.invalid', 'script.over_limit']);
    });

    it('is cancelled in its loop', async () => {
      const source: Both = {
        js: 'emit("in"); for (;;) {}',
        lua: 'emit("in") while true do end',
      };
      const limits = { timeMs: 60_000 };
      const script = defineScript({ name: 'loop', language, source: source[language], limits });
      await using hf = await Holdfast.open({
        ...{ store: 'memory:', functions: [script], drainGraceMs: 0 },
      });
      const run = await hf.start(script, null);
      for await (const part of hf.runs.parts(run.id)) {
        assert.equal(part.data, 'in');
        await run.cancel();
      }
      assert.equal((await run.outcome()).kind, 'cancelled');
      assert.equal(hf.stats().stuck, 0);
    });

    it('makes its VMs when it is hosted, tells of them, and ends them', async () => {
      const pool = { workers: 2 } as const;
      const script = defineScript({ name: 'two', language, source: 'return 1', pool });
      assert.equal(script.figures.live, 0);
      {
        await using hf = await Holdfast.open({ store: 'memory:', functions: [script] });
        assert.equal(await (await hf.start(script, null)).result(), 1);
        const text = await hf.metrics({ store: false });
        for (const line of ['vms_live', 'vms_busy', 'vm_waits', 'vms_created_total']) {
          assert.match(text, new RegExp(`holdfast_${line}\\{function="two"\\} \\d`));
        }
        assert.equal(script.figures.live, 2);
      }
      assert.equal(script.figures.live, 0);
    });

    it('says so when the package of the language is not there', async () => {
      const host = new ScriptHost({
        ...{ language, grants: grantsOf('x'), pool: poolTermsOf('x'), tenant: 'default' },
        setup: {
          ...{ file: 'x', source: '', limits: scriptLimitsOf('x'), grants: [] },
          engine: 'no-such-package',
        },
      });
      const job = { input: null, tenant: 'default', signal: null, onValue: () => {} };
      const error = await errorOf(host.run(job));
      assert.equal(error.code, 'sandbox.unavailable');
      assert.match(error.message, /no-such-package/);
      await host.close();
    });

    it('keeps no process alive between calls', { timeout: 60_000 }, async () => {
      const program = `
        import { defineScript, runScript } from 'holdfast';
        const script = defineScript({ name: 'x', language: '${language}', source: 'return input' });
        console.log(await runScript(script, 'it ends').result);`;
      const flags = ['--conditions=holdfast-source', '--input-type=module', '--eval', program];
      const { stdout } = await promisify(execFile)(process.execPath, flags, { timeout: 30_000 });
      assert.equal(stdout, 'it ends\n');
    });
  });
}

describe('the process of scripts', () => {
  it('ends with the process that started it, however that ends', { timeout: 60_000 }, async () => {
    const program = `
      import { defineScript, runScript } from 'holdfast';
      const more = { language: 'js', limits: { timeMs: 600_000 } };
      const script = defineScript({ name: 'x', source: 'emit(1); for (;;) {}', ...more });
      for await (const value of runScript(script, null).values) console.log(value);`;
    const flags = ['--conditions=holdfast-source', '--input-type=module', '--eval', program];
    const parent = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(parent.stdout, 'data');
    const [child] = childrenOf(parent.pid ?? 0);
    assert.ok(child !== undefined, 'it has started a process');
    parent.kill('SIGKILL');
    await until('the process of scripts is gone', () => !isThere(child));
  });

  it('is one of a few, however many tenants there were', { timeout: 60_000 }, async () => {
    const script = defineScript({
      ...{ name: 'many', language: 'js', source: 'return input', pool: { kind: 'inline' } },
    });
    for (let tenant = 0; tenant < 14; tenant += 1) {
      await runScript(script, tenant, { tenant: `tenant ${tenant}` }).result;
    }
    // One with a VM in it and four without, of each language.
    const few = (): boolean => childrenOf(process.pid).filter(isThere).length <= 10;
    await until('the others have ended', few, 10_000);
    await script.close();
  });

  it('knows nothing of the environment', async () => {
    process.env.HOLDFAST_TEST_SECRET = 'a secret';
    const environments = (): string =>
      childrenOf(process.pid)
        .map((pid) => readFileSync(`/proc/${pid}/environ`, 'utf8'))
        .join('');
    const source = 'return await grants.look()';
    const grants = { look: () => `there: ${environments()}` };
    // For a tenant of its own, so that the process is started now.
    const script = defineScript({ name: 'env', language: 'js', source, grants });
    const seen = String(await runScript(script, null, { tenant: 'fresh' }).result);
    assert.doesNotMatch(seen, /a secret/);
    const entries = seen.replace('there: ', '').split('\0');
    const names = new Set(entries.map((one) => one.split('=')[0]).filter((one) => one !== ''));
    assert.deepEqual([...names], ['NODE_CHANNEL_FD', 'NODE_CHANNEL_SERIALIZATION_MODE']);
    delete process.env.HOLDFAST_TEST_SECRET;
    await script.close();
  });
});

describe('the main entry', () => {
  it('loads no engine of any language', async () => {
    const program = `
      import { createRequire } from 'node:module';
      await import('holdfast');
      const loaded = [
        ...Object.keys(createRequire(process.execPath).cache),
        ...process.report.getReport().sharedObjects,
      ];
      console.log(loaded.filter((one) => /isolated-vm|wasmoon/.test(one)).length);`;
    const flags = ['--conditions=holdfast-source', '--input-type=module', '--eval', program];
    const { stdout } = await promisify(execFile)(process.execPath, flags);
    assert.equal(stdout, '0\n');
  });
});
