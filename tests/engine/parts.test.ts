import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { limits } from '../../src/core/limits.ts';
import { defineFunction } from '../../src/define-function.ts';
import type { RunContext } from '../../src/engine/run-context.ts';
import type { AppendItem } from '../../src/ports/store-parts.ts';
import type { RunPart } from '../../src/runtime/parts.ts';
import { type Actor, type ActorOptions, Scene, watched } from './scene.ts';

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

/** A function whose calls the test does itself. */
function byHand() {
  const calls: { readonly ctx: RunContext; readonly end: PromiseWithResolvers<unknown> }[] = [];
  const fn = defineFunction({
    name: 'hand',
    retry: { attemptsMax: 3, delayMs: 0, jitter: 0 },
    timeouts: { graceMs: 100 },
    run: (_: unknown, ctx: RunContext) => {
      const end = Promise.withResolvers<unknown>();
      calls.push({ ctx, end });
      return end.promise;
    },
  });
  const call = (index: number) => {
    const found = calls[index];
    assert.ok(found !== undefined, `attempt ${index + 1} has not begun`);
    return found;
  };
  return { fn, call };
}

/** A runtime with one run in the hands of the test. */
async function opened(options: ActorOptions = {}) {
  const { fn, call } = byHand();
  const actor = await scene.open({ functions: [fn], ...options });
  const run = await actor.hf.start(fn, null);
  await scene.pass(1);
  return { ...actor, actor, fn, call, run };
}

/** Collects what a reader gets. */
function reading({ hf }: Pick<Actor, 'hf'>, id: string, from = 0, signal?: AbortSignal) {
  const seen: RunPart[] = [];
  const texts = (): string => seen.map(({ data }) => String(data)).join('');
  const all = (async () => {
    const options = signal === undefined ? { from } : { from, signal };
    for await (const part of hf.runs.parts(id, options)) seen.push(part);
  })();
  return Object.assign(watched(all), { seen, texts });
}

const appendsOf = ({ calls }: Pick<Actor, 'calls'>): readonly (readonly AppendItem[])[] =>
  calls.flatMap(({ verb, args }) => (verb === 'append' ? [args[0] as readonly AppendItem[]] : []));

describe('emitting', () => {
  it('shows a lone part at once, and the end behind the last', async () => {
    const at = await opened();
    const reader = reading(at, at.run.id);
    await scene.pass(100);
    assert.equal(at.call(0).ctx.emit('a'), true);
    await scene.pass(10);
    assert.equal(reader.texts(), 'a');
    at.call(0).ctx.emit('b');
    at.call(0).end.resolve(null);
    await scene.pass(30);
    assert.equal(await at.run.result(), null);
    assert.equal(reader.settled, true);
    assert.deepEqual(reader.seen, [
      { offset: 0, attempt: 1, data: 'a' },
      { offset: 1, attempt: 1, data: 'b' },
    ]);
  });

  it('makes few writes of a thousand parts in a second, seen within 50 ms each', async () => {
    const at = await opened();
    const reader = reading(at, at.run.id);
    for (let ms = 0; ms < 1_000; ms += 1) {
      at.call(0).ctx.emit(`${ms} `);
      await scene.pass(1);
      assert.ok(ms - reader.seen.length < 50, `${reader.seen.length} of ${ms} were seen`);
    }
    await scene.pass(30);
    assert.equal(reader.seen.length, 1_000);
    const writes = appendsOf(at).length;
    assert.ok(writes >= 20 && writes <= 60, `${writes} writes`);
  });

  it('sends the parts of all attempts of a node in one call', async () => {
    const at = await opened({ slots: 50 });
    for (let n = 1; n < 50; n += 1) await at.hf.start(at.fn, null);
    await scene.pass(10);
    for (let n = 0; n < 50; n += 1) at.call(n).ctx.emit('x');
    await scene.pass(1);
    assert.deepEqual(
      appendsOf(at).map((items) => items.length),
      [50],
    );
  });

  it('takes what it is given, and refuses what is none or too large', async () => {
    const at = await opened();
    const { emit } = at.call(0).ctx;
    assert.throws(() => emit(7 as never), { code: 'request.invalid' });
    assert.throws(() => emit('x'.repeat(limits.partBytesMax + 1)), { code: 'payload.too_large' });
    assert.throws(() => emit('é'.repeat(limits.partBytesMax / 2 + 1)), {
      code: 'payload.too_large',
    });
    const bytes = new Uint8Array([1, 2, 3]);
    emit(bytes);
    bytes[0] = 9;
    emit('x'.repeat(limits.partBytesMax));
    await scene.pass(30);
    const { parts } = await at.hf.runs.partPage(at.run.id);
    assert.deepEqual(parts[0]?.data, new Uint8Array([1, 2, 3]), 'as it was when it was given');
    const { parts: more } = await at.hf.runs.partPage(at.run.id, { from: 1 });
    assert.equal(more[0]?.data.length, limits.partBytesMax);
  });

  it('says when much waits, resolves when it is written, and is bounded', async () => {
    const stuck = { on: false };
    const at = await opened({
      fault: ({ verb }) => (verb === 'append' && stuck.on ? { fail: 'before' } : null),
    });
    const { emit } = at.call(0).ctx;
    stuck.on = true;
    const part = 'x'.repeat(100_000);
    assert.deepEqual([emit(part), emit(part), emit(part)], [true, true, false]);
    const drained = watched(emit.drained());
    let taken = 3;
    assert.throws(
      () => {
        for (; taken < 1_000; taken += 1) emit(part);
      },
      { code: 'parts.full' },
    );
    assert.ok(taken * part.length <= limits.partsWaitingBytesMax);
    await scene.pass(5_000);
    assert.equal(drained.settled, false);
    stuck.on = false;
    await scene.pass(2_000);
    await drained.promise;
    assert.equal(emit('and on'), true);
    await scene.pass(50);
    const reader = reading(at, at.run.id);
    await scene.pass(50);
    assert.equal(reader.seen.length, taken + 1);
    assert.equal(reader.seen.at(-1)?.data, 'and on');
  });
});

describe('parts and the store', () => {
  it('keeps each part once, in order, whatever answers are lost', async () => {
    for (const fail of ['before', 'after', 'late'] as const) {
      let calls = 0;
      const at = await opened({
        fault: ({ verb }) => {
          if (verb !== 'append') return null;
          calls += 1;
          return calls % 3 === 0 ? null : { fail, delayMs: 7 };
        },
      });
      for (let n = 0; n < 40; n += 1) {
        at.call(0).ctx.emit(`${n} `);
        await scene.pass(5);
      }
      at.call(0).end.resolve(null);
      await scene.pass(5_000);
      assert.equal((await at.run.get())?.outcome?.kind, 'succeeded');
      const { parts, ended } = await at.hf.runs.partPage(at.run.id);
      assert.deepEqual(
        parts.map(({ data }) => data),
        Array.from({ length: 40 }, (_, n) => `${n} `),
        fail,
      );
      assert.equal(ended, true);
    }
  });

  it('lets the end of an attempt wait for its parts, but not for ever', async () => {
    const at = await opened({
      fault: ({ verb }) => (verb === 'append' ? { fail: 'before' } : null),
    });
    at.call(0).ctx.emit('lost');
    const drained = at
      .call(0)
      .ctx.emit.drained()
      .catch((error: { code: string }) => error.code);
    at.call(0).end.resolve('done');
    await scene.pass(5_000);
    assert.equal((await at.run.get())?.status, 'running');
    await scene.pass(10_000);
    assert.equal((await at.run.get())?.outcome?.kind, 'succeeded');
    assert.equal(await drained, 'attempt.over');
    assert.equal(at.hf.stats().partsLost, 1);
  });

  it('keeps nothing of an owner that was taken from, and goes on behind what is kept', async () => {
    const at = await opened();
    at.call(0).ctx.emit('kept ');
    await scene.pass(30);
    const other = await scene.open({ functions: [at.fn] });
    const reader = reading(other, at.run.id);
    scene.freeze(at.actor);
    await scene.pass(120_000);
    const next = at.call(1);
    at.call(0).ctx.emit('stale ');
    next.ctx.emit('fresh ');
    await scene.pass(100);
    scene.unfreeze(at.actor);
    await scene.pass(1_000);
    at.call(0).ctx.emit('late');
    next.end.resolve(null);
    await scene.pass(1_000);
    assert.equal(reader.settled, true);
    assert.deepEqual(
      reader.seen.map(({ offset, attempt, data }) => [offset, attempt, data]),
      [
        [0, 1, 'kept '],
        [1, 2, 'fresh '],
      ],
    );
    at.call(0).end.resolve(null);
    await scene.pass(1_000);
  });

  it('hears from the store that the run is not its own any more, and sends no more', async () => {
    const at = await opened();
    const { emit } = at.call(0).ctx;
    const [row] = await scene.store.nodes();
    assert.ok(row !== undefined);
    const detail = { code: 'attempt.crashed', message: 'it is gone' };
    await scene.store.recover(row.node, { kind: 'process-gone', detail }, 10);
    emit('stale');
    const drained = emit.drained();
    await assert.rejects(
      scene.pass(1).then(() => drained),
      { code: 'attempt.over' },
    );
    assert.equal(emit('stale'), false);
    await scene.pass(100);
    assert.equal(appendsOf(at).length, 1);
    assert.deepEqual((await at.hf.runs.partPage(at.run.id)).parts, []);
  });

  it('takes nothing more once the attempt has ended', async () => {
    const at = await opened();
    const { emit } = at.call(0).ctx;
    at.call(0).end.resolve(null);
    await scene.pass(10);
    assert.equal(emit('late'), false);
    await emit.drained();
    assert.deepEqual((await at.hf.runs.partPage(at.run.id)).parts, []);
  });

  it('drops what is over the bound of the run, counts it, and marks it once', async () => {
    const at = await opened();
    const { emit } = at.call(0).ctx;
    const part = 'x'.repeat(limits.partBytesMax - 100);
    const most = Math.floor(limits.partsBytesMax / limits.partBytesMax);
    for (let n = 0; n < most + 5; n += 1) {
      emit(part);
      await scene.pass(30);
    }
    for (let n = 0; n < 20; n += 1) emit('small');
    await scene.pass(100);
    at.call(0).end.resolve(null);
    await scene.pass(100);
    const reader = reading(at, at.run.id);
    await scene.pass(1_000);
    assert.equal(reader.settled, true);
    const marks = reader.seen.filter(({ truncated }) => truncated !== undefined);
    const kept = reader.seen.length - 1;
    assert.ok(kept >= most && kept <= most + 1, `${kept} were kept`);
    const dropped = most + 25 - kept;
    assert.deepEqual(marks, [{ offset: kept, attempt: 1, data: '', truncated: dropped }]);
    assert.equal(reader.seen.at(-1), marks[0]);
    const { partsKept, partsDropped } = at.hf.stats();
    assert.deepEqual([partsKept, partsDropped], [kept, dropped]);
    const resumed = reading(at, at.run.id, kept + 1);
    await scene.pass(1_000);
    assert.deepEqual([resumed.settled, resumed.seen], [true, []], 'the mark comes once');
  });
});

describe('readers', () => {
  it('go on at every offset, each part once', async () => {
    const at = await opened();
    const { emit } = at.call(0).ctx;
    const readers = Array.from({ length: 12 }, (_, from) => reading(at, at.run.id, from));
    for (let n = 0; n < 10; n += 1) {
      emit(String(n));
      await scene.pass(n % 3 === 0 ? 40 : 1);
    }
    at.call(0).end.resolve(null);
    await scene.pass(1_000);
    for (const [from, { seen, settled }] of readers.entries()) {
      assert.equal(settled, true);
      const offsets = seen.map(({ offset }) => offset);
      assert.deepEqual(
        offsets,
        Array.from({ length: Math.max(0, 10 - from) }, (_, n) => from + n),
      );
    }
  });

  it('are asked for together, and cost nothing while nothing happens to them', async () => {
    const at = await opened();
    const far = await scene.open({ execute: false });
    const readers = Array.from({ length: 200 }, () => reading(far, at.run.id));
    await scene.pass(10_000);
    const asked = () => far.calls.filter(({ verb }) => verb === 'parts').length;
    const before = asked();
    assert.ok(before <= 30, `${before} questions in 10 s`);
    at.call(0).ctx.emit('a');
    await scene.pass(20);
    assert.ok(readers.every(({ seen }) => seen.length === 1));
    assert.ok(asked() - before <= 4, `${asked() - before} questions for 200 readers`);
    at.call(0).end.resolve(null);
    await scene.pass(1_000);
    assert.ok(readers.every(({ settled }) => settled));
  });

  it('find parts by asking where no wake-up reaches them', async () => {
    const at = await opened();
    const deaf = await scene.open({ execute: false, deaf: true });
    const reader = reading(deaf, at.run.id);
    await scene.pass(5_000);
    at.call(0).ctx.emit('a');
    await scene.pass(1_000);
    assert.equal(reader.texts(), 'a');
    at.call(0).end.resolve(null);
    await scene.pass(2_000);
    assert.equal(reader.settled, true);
  });

  it('that are slow hold up nobody, and nothing piles up for them', async () => {
    const at = await opened();
    const slow = at.hf.runs.parts(at.run.id);
    const first = slow.next();
    const reader = reading(at, at.run.id);
    for (let n = 0; n < 100; n += 1) {
      at.call(0).ctx.emit(String(n));
      await scene.pass(25);
    }
    assert.equal(reader.seen.length, 100);
    assert.equal((await first).value?.data, '0');
    at.call(0).end.resolve(null);
    await scene.pass(100);
    assert.equal(reader.settled, true);
    const rest = watched(Array.fromAsync(slow, ({ offset }) => offset));
    await scene.pass(1_000);
    assert.deepEqual(
      await rest.promise,
      Array.from({ length: 99 }, (_, n) => n + 1),
    );
  });

  it('end with the reason of their signal, with the runtime, and for no run', async () => {
    const at = await opened();
    const far = await scene.open({ execute: false });
    const stop = new AbortController();
    const stopped = reading(far, at.run.id, 0, stop.signal);
    const closed = reading(far, at.run.id);
    const nobody = reading(far, 'nobody');
    await scene.pass(100);
    stop.abort(new Error('enough'));
    await assert.rejects(stopped.promise, /enough/);
    await assert.rejects(nobody.promise, { code: 'run.not_found' });
    const closing = far.hf.close();
    await scene.pass(100);
    await assert.rejects(closed.promise, { code: 'store.closed' });
    await closing;
    const at0 = at.hf.runs.parts(at.run.id, { from: -1 });
    await assert.rejects(at0.next(), { code: 'request.invalid' });
    at.call(0).end.resolve(null);
    await scene.pass(100);
  });
});
