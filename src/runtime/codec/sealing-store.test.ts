import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction } from '../../define-function.ts';
import type { Cipher } from '../../ports/cipher.ts';
import type { Store } from '../../ports/store.ts';
import { testRuntime } from '../../testing/index.ts';
import { aesGcm } from './aes-gcm.ts';
import { Sealer } from './sealer.ts';
import { sealingStore } from './sealing-store.ts';

const secret = 'kingfisher-4711';
const keyOf = (word: string): Buffer => Buffer.alloc(32, word);
const local = aesGcm({ keys: [{ id: 'one', key: keyOf('one') }], matchKey: keyOf('match') });

/** A service that keeps the keys: it answers later. */
const remote: Cipher = {
  name: local.name,
  blind: local.blind,
  room: (max) => local.room(max),
  seal: async (...given) => local.seal(...given),
  earlier: async (...given) => local.earlier(...given),
  open: async (...given) => local.open(...given),
};

const talk = defineFunction({
  name: 'talk',
  signals: { told: null },
  retry: { attemptsMax: 2, delayMs: 1_000 },
  run: async (word: string, ctx) => {
    ctx.log.info(word, { word });
    ctx.progress(word);
    ctx.state.set('word', word);
    ctx.emit(word);
    const said = await ctx.step('say', () => word);
    if (ctx.attempt === 1) throw new Error(`no ${word}`);
    await ctx.sleep(60_000);
    const heard = await ctx.waitFor<string[]>('told', { timeoutMs: 60_000 });
    const signal = await ctx.waitForSignal<string[]>('told');
    await signal?.accept(signal.data);
    const late = await ctx.waitFor('never', { match: { word }, timeoutMs: 60_000 });
    return [said, heard?.data, late];
  },
});

/** Everything that the views of a store say of a run. */
const everything = async (store: Store, id: string): Promise<string> =>
  JSON.stringify([
    await store.get(id),
    await store.steps(id, 0, 1_000),
    await store.logs(id, null, 1_000),
    await store.ends([id]),
    await store.explain(id),
    await store.parts([{ id, from: 0, charsMax: 1_000_000 }]),
    await store.state(id),
    await store.answers([{ runId: id, id: 's' }]),
    await store.list({ filter: {}, before: null, rowsMax: 10 }),
  ]);

describe('a sealing store', () => {
  for (const [name, cipher] of Object.entries({ local, remote })) {
    it(`holds nothing in the open, with a cipher that is ${name}`, async () => {
      let bare: Store | undefined;
      const wrap = (store: Store): Store => {
        bare = store;
        return store;
      };
      await using runtime = await testRuntime({ functions: [talk], codec: { cipher }, wrap });
      const run = await runtime.start(talk, secret, { id: 'r' });
      await runtime.holdfast.emit('told', [secret]);
      const { runs } = runtime.holdfast;
      const sent = await runs.signal('r', 'told', [secret], { id: 's' });
      assert.equal((await runs.signal('r', 'told', [secret], { id: 's' })).created, false);
      await runtime.runToIdle();
      assert.deepEqual(await run.result(), [secret, [secret], null]);
      assert.deepEqual(await sent.answer(), { state: 'accepted', value: [secret] });
      assert.equal((await runs.state('r'))[0]?.value, secret);
      assert.ok(bare !== undefined);
      const kept = await everything(bare, 'r');
      assert.ok(!kept.includes(secret), kept);
      assert.ok(kept.includes('aes-256-gcm'));
      const opened = await everything(sealingStore(bare, new Sealer(cipher)), 'r');
      assert.ok(!opened.includes('aes-256-gcm'), opened);
      assert.ok(opened.includes(`no ${secret}`));
      const parts = await Array.fromAsync(runtime.holdfast.runs.parts('r'));
      assert.ok(parts.length >= 2 && parts.every(({ data }) => data === secret));
    });
  }

  it('reads what was kept in the open as it is, whatever it looks like', async () => {
    const lines = ['{"$hf" oops', '{"$hf":"other"}', '{"$hf":"aes-256-gcm","k":"one"}', '"$hf"'];
    const logs = defineFunction({
      name: 'logs',
      run: (input: unknown, ctx) => {
        for (const line of lines) ctx.log.info(line);
        return input;
      },
    });
    let bare: Store | undefined;
    const wrap = (store: Store): Store => {
      bare = store;
      return store;
    };
    await using runtime = await testRuntime({ functions: [logs], wrap });
    await (await runtime.start(logs, ['"$hf"'], { id: 'r' })).result();
    assert.ok(bare !== undefined);
    const opened = sealingStore(bare, new Sealer(local));
    const page = await opened.logs('r', null, 100);
    const [first, second, forged, last] = page?.lines.map(({ message }) => message) ?? [];
    assert.deepEqual([first, second, last], [lines[0], lines[1], lines[3]]);
    assert.match(forged ?? '', /"why":"payload.damaged"/);
    assert.equal((await opened.get('r'))?.input, JSON.stringify(['"$hf"']));
  });

  it('tells those who wait for a failed run what it said', async () => {
    const fail = defineFunction({
      name: 'fail',
      retry: false,
      run: (word: string) => Promise.reject(new RangeError(word)),
    });
    await using runtime = await testRuntime({ functions: [fail], codec: { cipher: local } });
    const run = await runtime.start(fail, secret);
    const live = await run.outcome();
    assert.deepEqual([live.error?.name, live.error?.message], ['RangeError', secret]);
    assert.deepEqual((await run.get())?.outcome, live);
  });

  it('is called in the same turn where its cipher answers at once', () => {
    const calls: string[] = [];
    const deaf = {
      start: () => {
        calls.push('start');
        return new Promise<never>(() => {});
      },
    } as unknown as Store;
    void sealingStore(deaf, new Sealer(local)).start([]);
    assert.deepEqual(calls, ['start']);
  });

  it('waits out a cipher that fails, and says nothing of what it said', async () => {
    let faults = 0;
    const failing: Cipher = {
      ...remote,
      seal: async (text, purpose, same, place) => {
        if (purpose === 'result' && faults < 3) {
          faults += 1;
          throw new Error(`cannot seal ${text}`);
        }
        return local.seal(text, purpose, same, place);
      },
    };
    const said: string[] = [];
    const log = { log: (...words: unknown[]) => said.push(JSON.stringify(words)) };
    const echo = defineFunction({ name: 'echo', run: (word: string) => word });
    const codec = { cipher: failing };
    await using runtime = await testRuntime({ functions: [echo], codec, log });
    assert.equal(await runtime.run(echo, secret), secret);
    assert.equal(faults, 3);
    assert.ok(said.length > 0 && !said.join().includes(secret), said.join('\n'));
  });

  it('refuses a start where its cipher fails', async () => {
    const broken: Cipher = {
      ...local,
      room: (max) => max,
      seal: () => {
        throw new Error('no service');
      },
    };
    const echo = defineFunction({ name: 'echo', run: (word: string) => word });
    await using runtime = await testRuntime({ functions: [echo], codec: { cipher: broken } });
    await assert.rejects(runtime.start(echo, secret), { code: 'store.unavailable' });
  });
});

describe('matches with sealed events', () => {
  const asks = defineFunction({
    name: 'asks',
    run: async (match: Record<string, string | number | boolean | null>, ctx) =>
      (await ctx.waitFor('it', { match, timeoutMs: 1_000 }))?.id ?? null,
  });

  it('meet what matches with events in the open meet', async () => {
    const data = { order: 7, who: { name: 'Ada', 'a.b': 1 }, yes: true, none: null, text: '7' };
    const matches = [
      { order: 7 },
      { order: '7' },
      { text: '7' },
      { 'who.name': 'Ada', order: 7 },
      { 'who.name': 'Ada', order: 8 },
      { yes: true, none: null },
      { who: null },
      { other: 7 },
      { 'who.name': 7 },
      {},
    ];
    const met: unknown[] = [];
    for (const codec of [{}, { cipher: local }]) {
      await using runtime = await testRuntime({ functions: [asks], codec });
      const runs = await Promise.all(matches.map((match) => runtime.start(asks, match)));
      await runtime.advance(10);
      await runtime.holdfast.emit('it', data, { id: 'e' });
      met.push(await Promise.all(runs.map((run) => run.result())));
    }
    assert.deepEqual(met[1], met[0]);
    assert.ok((met[0] as unknown[]).includes('e') && (met[0] as unknown[]).includes(null));
  });
});
