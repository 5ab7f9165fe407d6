/** Handlers in threads: parallel, told to stop, ended when they do not, and healed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction, Holdfast, type ThreadOptions, threadHandler } from 'holdfast';
import type { Work } from './threads/work.ts';

const module = new URL('./threads/work.ts', import.meta.url);

async function open(options: ThreadOptions = {}, more: { readonly graceMs?: number } = {}) {
  const work = defineFunction({
    name: 'work',
    retry: false,
    timeouts: { graceMs: more.graceMs ?? 5_000 },
    run: threadHandler<Work, unknown>(module, options),
  });
  const hf = await Holdfast.open({ store: 'memory:', functions: [work], drainGraceMs: 0 });
  return { hf, work };
}

/** The first part that a run emits. */
async function firstPart(hf: Holdfast, id: string): Promise<unknown> {
  for await (const { data } of hf.runs.parts(id)) return data;
  return null;
}

describe('a handler in a thread', () => {
  it('executes beside others, and not in the thread of the runtime', async () => {
    const { hf, work } = await open({ pool: { workers: 2 } });
    await using _ = hf;
    const runs = await Promise.all([1, 2].map(() => hf.start(work, { do: 'meet' })));
    const threads = await Promise.all(runs.map((run) => run.result()));
    assert.equal(new Set(threads).size, 2);
    assert.ok(!threads.includes(0), 'thread 0 is the main thread');
  });

  it('is used again', async () => {
    const { hf, work } = await open({ pool: { kind: 'inline' } });
    await using _ = hf;
    const first = await (await hf.start(work, { do: 'where' })).result();
    assert.equal(await (await hf.start(work, { do: 'where' })).result(), first);
  });

  it('has the facts of its run, and tells lines, progress and parts', async () => {
    const { hf, work } = await open();
    await using _ = hf;
    const start = { tenant: 'acme', lane: 'l', tags: ['t'] };
    const run = await hf.start(work, { do: 'facts' }, start);
    assert.deepEqual(await run.result(), { attempt: 1, ...start });
    const parts = await Array.fromAsync(hf.runs.parts(run.id));
    assert.deepEqual(
      parts.map(({ data }) => data),
      ['text', new Uint8Array([1, 2])],
    );
    const kept = await hf.runs.get(run.id);
    assert.deepEqual(kept?.progress, { done: 1 });
    const lines = await hf.runs.logs(run.id);
    assert.match(JSON.stringify(lines), /hello.*a thread/);
  });

  it('tells its errors as they are', async () => {
    const { hf, work } = await open();
    await using _ = hf;
    const codes: unknown[] = [];
    for (const what of ['throw', 'never'] as const) {
      const outcome = await (await hf.start(work, { do: what })).outcome();
      assert.equal(outcome.kind, 'failed');
      codes.push('error' in outcome ? outcome.error?.code : null);
    }
    assert.deepEqual(codes, ['work.range', 'work.never']);
  });

  it('stops when it obeys its signal, and its thread goes on', async () => {
    const { hf, work } = await open({ pool: { kind: 'inline' } });
    await using _ = hf;
    const before = await (await hf.start(work, { do: 'where' })).result();
    const run = await hf.start(work, { do: 'obey' });
    assert.equal(await firstPart(hf, run.id), 'waiting');
    await run.cancel();
    assert.equal((await run.outcome()).kind, 'cancelled');
    assert.equal(await (await hf.start(work, { do: 'where' })).result(), before);
  });

  it('is ended with its thread when it does not yield, and the pool heals', async () => {
    const { hf, work } = await open({ pool: { kind: 'inline' }, stopMs: 50 });
    await using _ = hf;
    const run = await hf.start(work, { do: 'loop' });
    assert.equal(await firstPart(hf, run.id), 'in the loop');
    await run.cancel();
    assert.equal((await run.outcome()).kind, 'cancelled');
    assert.equal(typeof (await (await hf.start(work, { do: 'where' })).result()), 'number');
    assert.equal(hf.stats().stuck, 0);
    const text = await hf.metrics({ store: false });
    assert.match(text, /holdfast_vms_discarded_total\{function="work"\} 1/);
  });

  it('says so when the thread dies, and the pool heals', { timeout: 60_000 }, async () => {
    const { hf, work } = await open({ pool: { kind: 'inline' }, memoryBytes: 32 * 1_048_576 });
    await using _ = hf;
    const codes: unknown[] = [];
    for (const what of ['exit', 'fill'] as const) {
      const outcome = await (await hf.start(work, { do: what })).outcome();
      codes.push('error' in outcome ? outcome.error?.code : null);
    }
    assert.deepEqual(codes, ['script.lost', 'script.over_limit']);
    assert.equal(typeof (await (await hf.start(work, { do: 'where' })).result()), 'number');
  });

  it('refuses a module that is not there', async () => {
    const away = defineFunction({
      name: 'away',
      retry: false,
      run: threadHandler<null, null>(new URL('./threads/away.ts', import.meta.url)),
    });
    await using hf = await Holdfast.open({ store: 'memory:', functions: [away] });
    const outcome = await (await hf.start(away, null)).outcome();
    assert.equal('error' in outcome ? outcome.error?.code : null, 'script.invalid');
    assert.throws(() => threadHandler('./work.ts' as never), { code: 'request.invalid' });
  });
});
