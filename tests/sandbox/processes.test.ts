/**
 * Processes and threads of scripts that die, hang or are struck by signals: what was under way in
 * them ends once, the next call finds another one, and nothing is left behind.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { runScript, type ScriptDefinition } from 'holdfast';
import { until } from '../process/wait.ts';
import { childrenOf, isThere } from './children.ts';
import { errorOf, Scripts } from './scene.ts';

const flags = ['--conditions=holdfast-source', '--input-type=module', '--eval'];

/** A call under way that waits for `open`, and the process that it waits in. */
async function waiting(script: ScriptDefinition, tenant: string) {
  const before = childrenOf(process.pid);
  const { values, result } = runScript(script, null, { tenant });
  result.catch(() => {});
  await values[Symbol.asyncIterator]().next();
  const [pid] = childrenOf(process.pid).filter((one) => !before.includes(one));
  return { result, pid };
}

const waits = 'emit("in"); return await grants.open()';

describe('the process of scripts', () => {
  it('is killed: its calls are lost, once each, and nobody else', { timeout: 60_000 }, async () => {
    await using scripts = new Scripts();
    const open = Promise.withResolvers<string>();
    const more = { grants: { open: () => open.promise }, limits: { timeMs: 60_000 } };
    const script = scripts.make('js', waits, more);
    const first = await waiting(script, 'killed');
    const second = await waiting(script, 'killed');
    const other = await waiting(script, 'spared');
    assert.ok(first.pid !== undefined && other.pid !== undefined);
    assert.equal(second.pid, undefined, 'one process a tenant');
    process.kill(first.pid, 'SIGKILL');
    for (const { result } of [first, second]) {
      const error = await errorOf(result);
      assert.equal(error.code, 'script.lost');
      assert.match(error.message, /^script sample\.js lost its VM: its process ended with SIGKILL/);
    }
    open.resolve('opened');
    assert.equal(await other.result, 'opened');
    assert.equal(await runScript(script, null, { tenant: 'killed' }).result, 'opened');
  });

  it('is ended when a script does not go, and replaced', { timeout: 60_000 }, async () => {
    await using scripts = new Scripts();
    const tenant = 'stuck';
    const open = Promise.withResolvers<string>();
    const idle = scripts.make('js', 'return "idle"', { pool: { kind: 'inline' } });
    const waiter = scripts.make('js', waits, { grants: { open: () => open.promise } });
    const { pid } = await waiting(waiter, tenant);
    assert.ok(pid !== undefined);
    open.resolve('opened');
    assert.equal(await runScript(idle, null, { tenant }).result, 'idle');
    const source = 'emit(1); return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)';
    const stuck = scripts.make('js', source, { limits: { timeMs: 60_000 } });
    const cancel = new AbortController();
    const { values, result } = runScript(stuck, null, { tenant, signal: cancel.signal });
    await values[Symbol.asyncIterator]().next();
    cancel.abort(new Error('enough'));
    await assert.rejects(result, /enough/);
    await until('the process that hangs is gone', () => !isThere(pid));
    assert.equal(await runScript(idle, null, { tenant }).result, 'idle');
    assert.equal(await runScript(waiter, null, { tenant }).result, 'opened');
  });

  it('lives through signals that are for all', { timeout: 60_000 }, async () => {
    const program = `
      import { defineScript, runScript } from 'holdfast';
      const struck = Promise.withResolvers();
      for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => struck.resolve(signal));
      const grants = { struck: () => struck.promise };
      const source = 'emit("in"); return await grants.struck()';
      const more = { grants, limits: { timeMs: 60_000 } };
      const script = defineScript({ name: 'x', language: 'js', source, ...more });
      const { values, result } = runScript(script, null);
      for await (const value of values) console.log(value);
      console.log('drained ' + await result);
      await script.close();`;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const stdio = ['ignore', 'pipe', 'inherit'] as const;
      const parent = spawn(process.execPath, [...flags, program], {
        ...{ detached: true, stdio: [...stdio] },
      });
      const { stdout, pid } = parent;
      assert.ok(stdout !== null && pid !== undefined);
      const [begun] = await once(stdout, 'data');
      assert.equal(String(begun), 'in\n');
      process.kill(-pid, signal);
      assert.equal(await text(stdout), `drained ${signal}\n`);
    }
  });
});

describe('what scripts leave behind', () => {
  it('is no thread of ours, and no process that hangs', { timeout: 60_000 }, async () => {
    const threads = (): number => readdirSync('/proc/self/task').length;
    const scripts = new Scripts();
    const tenant = 'left';
    const before = { threads: threads(), children: childrenOf(process.pid) };
    const lua = scripts.make('lua', 'return 1', { pool: { workers: 2 } });
    await runScript(lua, null, { tenant }).result;
    assert.equal(threads(), before.threads, 'Lua has its threads elsewhere');
    const [luaPid] = childrenOf(process.pid).filter((one) => !before.children.includes(one));
    assert.ok(luaPid !== undefined);
    const source = 'return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)';
    const stuck = scripts.make('js', source, { limits: { timeMs: 100 } });
    const others = childrenOf(process.pid);
    await errorOf(runScript(stuck, null, { tenant }).result);
    const [jsPid] = childrenOf(process.pid).filter((one) => !others.includes(one));
    await scripts[Symbol.asyncDispose]();
    assert.ok(jsPid === undefined || !isThere(jsPid), 'closed means gone');
    process.kill(luaPid, 'SIGSEGV');
    await until('it is gone', () => !childrenOf(process.pid).includes(luaPid));
    assert.equal(await runScript(lua, null, { tenant }).result, 1);
    await lua.close();
  });

  it('is nothing when the host is killed', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'holdfast-scripts-'));
    const program = `
      import { defineScript, runScript } from 'holdfast';
      const stuck = 'emit("in"); return Array.prototype.indexOf.call({ length: 2 ** 53 - 1 }, 1)';
      const more = { limits: { timeMs: 60_000 } };
      const js = defineScript({ name: 'x', language: 'js', source: stuck, ...more });
      const source = 'emit("in") while true do end';
      const lua = defineScript({ name: 'y', language: 'lua', source, ...more });
      const first = ({ values }) => values[Symbol.asyncIterator]().next();
      await Promise.all([js, lua].map((script) => first(runScript(script, null))));
      console.log('in');
      setInterval(() => {}, 1_000);`;
    try {
      const parent = spawn(process.execPath, [...flags, program], {
        ...{ stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, TMPDIR: folder } },
      });
      await once(parent.stdout, 'data');
      const children = childrenOf(parent.pid ?? 0);
      assert.equal(children.length, 2, 'it has started processes');
      parent.kill('SIGKILL');
      await until('the processes of scripts are gone', () => !children.some(isThere));
      assert.deepEqual(readdirSync(folder), []);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
