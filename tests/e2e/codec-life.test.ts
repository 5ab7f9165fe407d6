/** What becomes of sealed runs when keys change or are missing, or somebody meddles with them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { aesGcm, defineFunction, type Holdfast, HoldfastError, richValues } from 'holdfast';
import pg from 'pg';
import { testServer } from '../postgres/server.ts';
import { cipherOf, keyOf, openOn, places, until } from './codec-scene.ts';

const patience = { timeout: 60_000 };
const sealed = (...ids: readonly string[]) => ({ codec: { cipher: cipherOf(...ids) } });

const echo = defineFunction({ name: 'echo', run: (input: unknown) => input });
let calls = 0;
const counted = defineFunction({
  name: 'counted',
  retry: { attemptsMax: 3, delayMs: 1, jitter: 0 },
  run: async (input: { readonly word: string }, ctx) => {
    const once = await ctx.step('once', () => ({ calls: ++calls, word: input.word }));
    const heard = await ctx.waitFor<{ word: string }>('go', { match: { word: input.word } });
    return { once, heard: heard?.data };
  },
});

const code = (wanted: string) => (error: unknown) =>
  error instanceof HoldfastError && error.code === wanted;
const parked = (hf: Holdfast, id: string) =>
  until(hf.runs.handle(id), ({ status }) => status === 'parked');

for (const [kind, open] of Object.entries(places)) {
  describe(`sealed runs on a store of the kind ${kind}`, patience, () => {
    it('are the same run when they are started again, under any key that is known', async () => {
      await using place = await open();
      const input = { a: 1, b: [2] };
      {
        await using hf = await openOn(place, [echo]);
        await hf.start(echo, input, { id: 'plain' });
      }
      {
        await using hf = await openOn(place, [echo], sealed('one'));
        assert.equal((await hf.start(echo, input, { id: 'plain' })).created, false);
        assert.equal((await hf.start(echo, input, { id: 'one' })).created, true);
        assert.equal((await hf.start(echo, input, { id: 'one' })).created, false);
        assert.equal((await hf.start(echo, { b: [2], a: 1 }, { id: 'one' })).created, false);
      }
      await using hf = await openOn(place, [echo], sealed('two', 'one'));
      const runs = await hf.startMany(echo, [
        { input, id: 'one' },
        { input: { a: 2 }, id: 'one' },
        { input, id: 'plain' },
        { input, id: 'two' },
      ]);
      const told = runs.map((run) => (run.ok ? run.run.created : run.error.code));
      assert.deepEqual(told, [false, 'run.conflict', false, true]);
      for (const id of ['plain', 'one', 'two']) {
        assert.deepEqual(await hf.runs.result(id), input);
      }
    });

    it('are the same event when it is told again, under any key that is known', async () => {
      await using place = await open();
      const tell = async (ids: readonly string[], word: string): Promise<boolean> => {
        await using hf = await openOn(place, [], sealed(...ids));
        return (await hf.emit('go', { word }, { id: 'e' })).created;
      };
      assert.equal(await tell(['one'], 'a'), true);
      assert.equal(await tell(['one'], 'a'), false);
      assert.equal(await tell(['two', 'one'], 'a'), false);
      await assert.rejects(tell(['two', 'one'], 'b'), code('event.conflict'));
    });

    it('go on under a newer key, with what they kept under the older', async () => {
      await using place = await open();
      calls = 0;
      {
        await using hf = await openOn(place, [counted], sealed('one'));
        await hf.start(counted, { word: 'a' }, { id: 'r' });
        await parked(hf, 'r');
      }
      await using hf = await openOn(place, [counted], sealed('two', 'one'));
      await hf.emit('go', { word: 'b' });
      await hf.emit('go', { word: 'a' });
      const result = { once: { calls: 1, word: 'a' }, heard: { word: 'a' } };
      assert.deepEqual(await hf.runs.result('r'), result);
      const forked = await hf.runs.fork('r', { from: 'event/go' });
      await hf.emit('go', { word: 'a' });
      assert.deepEqual(await forked.result(), result);
      assert.equal(calls, 1);
    });

    it('are set aside, once, where a key is missing, and go on when it is given', async () => {
      await using place = await open();
      calls = 0;
      {
        await using hf = await openOn(place, [counted], sealed('one'));
        await hf.start(counted, { word: 'a' }, { id: 'r' });
        await parked(hf, 'r');
      }
      {
        await using hf = await openOn(place, [counted, echo], sealed('two'));
        // Its input is what it cannot read first.
        await hf.emit('go', { word: 'a' });
        const run = await until(hf.runs.handle('r'), ({ status }) => status === 'quarantined');
        assert.equal(run.quarantine?.code, 'payload.no_key');
        assert.deepEqual(run.quarantine?.details, { codec: 'aes-256-gcm', key: 'one' });
        assert.deepEqual([run.attempt, run.failures], [2, 0]);
        assert.match((await hf.runs.explain('r')).sentence, /^It was set aside: .*'one'/);
        // The node takes no harm.
        assert.equal(await (await hf.start(echo, 1)).result(), 1);
      }
      await using hf = await openOn(place, [counted], sealed('two', 'one'));
      await hf.runs.retry('r');
      const result = { once: { calls: 1, word: 'a' }, heard: { word: 'a' } };
      assert.deepEqual(await hf.runs.result('r'), result);
    });

    it('are set aside where only what a step gave cannot be read', async () => {
      await using place = await open();
      calls = 0;
      {
        await using hf = await openOn(place, [counted], sealed('two', 'one'));
        await hf.functions.pause('counted');
        await hf.start(counted, { word: 'a' }, { id: 'r' });
      }
      {
        await using hf = await openOn(place, [counted], sealed('one', 'two'));
        await hf.functions.resume('counted');
        await parked(hf, 'r');
      }
      {
        await using hf = await openOn(place, [counted], sealed('two'));
        await hf.emit('go', { word: 'a' });
        const run = await until(hf.runs.handle('r'), ({ status }) => status === 'quarantined');
        assert.equal(run.quarantine?.code, 'payload.no_key');
        assert.deepEqual(run.input, { word: 'a' });
        assert.deepEqual(run.quarantine?.details, { codec: 'aes-256-gcm', key: 'one' });
      }
      await using hf = await openOn(place, [counted], sealed('two', 'one'));
      await hf.runs.retry('r');
      const result = { once: { calls: 1, word: 'a' }, heard: { word: 'a' } };
      assert.deepEqual(await hf.runs.result('r'), result);
    });

    it('are not given to code that has no codec at all', async () => {
      await using place = await open();
      {
        await using hf = await openOn(place, [], sealed('one'));
        await hf.functions.pause('echo');
        await hf.start(echo, { word: 'a' }, { id: 'r' });
      }
      await using hf = await openOn(place, [echo]);
      await hf.functions.resume('echo');
      const run = await until(hf.runs.handle('r'), ({ status }) => status === 'quarantined');
      assert.equal(run.quarantine?.code, 'payload.no_key');
      assert.equal(run.result, null);
    });

    it('keep values that are more than JSON, sealed or not', async () => {
      for (const cipher of [{}, { cipher: cipherOf('one') }]) {
        await using place = await open();
        const codec = { values: richValues(), ...cipher };
        await using hf = await openOn(place, [counted, echo], { codec });
        const value = new Map<string, unknown>([
          ['at', new Date(7)],
          ['n', 12n],
        ]);
        assert.deepEqual(await (await hf.start(echo, value, { id: 'v' })).result(), value);
        assert.equal((await hf.start(echo, value, { id: 'v' })).created, false);
        assert.deepEqual((await hf.runs.get('v'))?.input, value);

        await hf.start(counted, { word: 'x' }, { id: 'w' });
        await parked(hf, 'w');
        const data = { word: 'x', at: new Date(9) };
        await hf.emit('go', data);
        const { heard } = (await hf.runs.result('w')) as { readonly heard: unknown };
        assert.deepEqual(heard, data);
        const { steps } = await hf.runs.steps('w');
        const event = steps.find(({ kind }) => kind === 'event')?.value;
        assert.deepEqual((event as { readonly data: unknown }).data, data);
      }
    });

    it('refuse a match that could meet nothing', async () => {
      await using place = await open();
      const cipher = aesGcm({ keys: [{ id: 'one', key: keyOf('one') }] });
      await using hf = await openOn(place, [counted], { codec: { cipher } });
      const run = await hf.start(counted, { word: 'a' });
      const { error } = await run.outcome();
      assert.equal(error?.code, 'request.invalid');
      assert.match(error?.message ?? '', /^match: /);
    });

    it('count the sealed bytes against the limits', async () => {
      await using place = await open();
      const more = { ...sealed('one'), inputBytesMax: 2_000 };
      await using hf = await openOn(place, [echo], more);
      await assert.rejects(hf.start(echo, 'x'.repeat(1_600)), code('payload.too_large'));
      assert.equal(await (await hf.start(echo, 'x'.repeat(1_300))).result(), 'x'.repeat(1_300));
    });
  });
}

describe('sealed runs in PostgreSQL', patience, () => {
  it('are set aside when somebody meddled with them', async () => {
    const server = await testServer();
    const { url, schema, drop } = server.freshSchema();
    try {
      await using hf = await openOn({ store: url }, [echo], sealed('one'));
      await hf.functions.pause('echo');
      await hf.start(echo, { word: 'a' }, { id: 'r' });
      await hf.start(echo, { word: 'b' }, { id: 's' });
      await server.query(
        `update "${schema}".runs set input = replace(input, '"d":"', '"d":"AAAA') where id = 'r'`,
      );
      await hf.functions.resume('echo');
      assert.deepEqual(await hf.runs.result('s'), { word: 'b' });
      const run = await until(hf.runs.handle('r'), ({ status }) => status === 'quarantined');
      assert.equal(run.quarantine?.code, 'payload.damaged');
    } finally {
      await drop();
    }
  });

  it('are sealed within a transaction of the caller, and read from its SQL function', async () => {
    const server = await testServer();
    const { url, schema, drop } = server.freshSchema();
    const client = new pg.Client({ connectionString: server.url });
    await client.connect();
    try {
      await using hf = await openOn({ store: url }, [echo], sealed('one'));
      await client.query('begin');
      const run = await hf.start(echo, { word: 'kingfisher' }, { id: 't', tx: client });
      const inbox = await client.query(`select item::text as item from "${schema}".inbox`);
      assert.ok(!JSON.stringify(inbox.rows).includes('kingfisher'));
      await client.query(`select "${schema}".start('echo', '{"a": 1}', '{"id": "q"}')`);
      await client.query('commit');
      hf.wake();
      assert.deepEqual(await run.result(), { word: 'kingfisher' });
      assert.deepEqual(await hf.runs.result('q', { timeoutMs: 20_000 }), { a: 1 });
    } finally {
      await client.end();
      await drop();
    }
  });
});
