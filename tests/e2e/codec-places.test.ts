/**
 * Sealed texts stand where they were sealed for: whoever writes to the store can take them away,
 * but cannot put one in the place of another. What the store itself copies goes on being read.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction, type Holdfast, HoldfastError, NonRetryableError } from 'holdfast';
import { testServer } from '../postgres/server.ts';
import { cipherOf, openOn, places, until } from './codec-scene.ts';

const patience = { timeout: 60_000 };
const codec = { cipher: cipherOf('one') };
const code = (wanted: string) => (error: unknown) =>
  error instanceof HoldfastError && error.code === wanted;

const echo = defineFunction({ name: 'echo', run: (input: unknown) => input });
const other = defineFunction({ name: 'other', run: (input: unknown) => input });
const waits = defineFunction({
  name: 'waits',
  run: async (word: string, ctx) => {
    const first = await ctx.step('first', () => `first ${word}`);
    const second = await ctx.step('second', () => `second ${word}`);
    const caught = await ctx
      .step('fails', () => Promise.reject(new NonRetryableError(`no ${word}`)))
      .catch((error: Error) => error.message);
    const { token, decision } = await ctx.approval();
    await ctx.step('ask', () => token);
    const { data } = await decision();
    const event = await ctx.waitFor('go', { timeoutMs: 60_000 });
    return [first, second, caught, data, event?.data];
  },
});
let fails = true;
const shaky = defineFunction({
  name: 'shaky',
  retry: false,
  run: (word: string) => {
    if (fails) throw new Error('not yet');
    return word;
  },
});

const setAside = async (hf: Holdfast, id: string): Promise<unknown> => {
  const run = await until(hf.runs.handle(id), ({ status }) => status === 'quarantined');
  return run.quarantine?.code;
};
const parked = (hf: Holdfast, id: string) =>
  until(hf.runs.handle(id), ({ status }) => status === 'parked');

/** Brings a run to where it waits for the event. */
async function toTheEvent(hf: Holdfast, id: string, word: string): Promise<void> {
  await hf.start(waits, word, { id });
  await parked(hf, id);
  const { steps } = await hf.runs.steps(id);
  const token = steps.find(({ kind }) => kind === 'approval')?.token ?? '';
  await hf.approvals.approve(token, { data: `decided ${word}` });
  for (;;) {
    const { steps: now } = await hf.runs.steps(id);
    if (now.some(({ kind }) => kind === 'event')) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A store in a schema of its own, with SQL behind its back; `$s` stands for the schema. */
async function behind(work: (hf: Holdfast, sql: (text: string) => Promise<unknown>) => unknown) {
  const server = await testServer();
  const { url, schema, drop } = server.freshSchema();
  try {
    await using hf = await openOn({ store: url }, [echo, other, waits], { codec });
    await work(hf, (text) => server.query(text.replaceAll('$s', `"${schema}"`)));
  } finally {
    await drop();
  }
}

/** Gives two rows each the text of the other. */
const swap = (table: string, column: string, key: string, a: string, b: string): string => `
  update $s.${table} t set ${column} = o.${column} from $s.${table} o
  where (t.${key} = ${a} and o.${key} = ${b}) or (t.${key} = ${b} and o.${key} = ${a})`;

const seqOf = (id: string): string => `(select seq from $s.runs where id = '${id}')`;

describe('a sealed text in the place of another', patience, () => {
  it('is refused as the input of another run, of the same function or of another', async () => {
    await behind(async (hf, sql) => {
      for (const fn of ['echo', 'other']) await hf.functions.pause(fn);
      await hf.start(echo, 'a', { id: 'a' });
      await hf.start(echo, 'b', { id: 'b' });
      await hf.start(echo, 'c', { id: 'c' });
      await hf.start(other, 'd', { id: 'd' });
      await hf.start(echo, 'e', { id: 'e' });
      await sql(swap('runs', 'input', 'id', `'a'`, `'b'`));
      await sql(`update $s.runs set input = (select input from $s.runs where id = 'c')
        where id = 'd'`);
      for (const fn of ['echo', 'other']) await hf.functions.resume(fn);
      for (const id of ['a', 'b', 'd']) {
        assert.equal(await setAside(hf, id), 'payload.damaged', id);
      }
      assert.equal(await hf.runs.result('e'), 'e');
    });
  });

  it('is refused where the run is said to be a copy, but of another function', async () => {
    await behind(async (hf, sql) => {
      for (const fn of ['echo', 'other']) await hf.functions.pause(fn);
      await hf.start(echo, 'c', { id: 'c' });
      await hf.start(other, 'd', { id: 'd' });
      await sql(`update $s.runs set retry_of = 'c',
        input = (select input from $s.runs where id = 'c') where id = 'd'`);
      for (const fn of ['echo', 'other']) await hf.functions.resume(fn);
      assert.equal(await setAside(hf, 'd'), 'payload.damaged');
    });
  });

  it('is refused as the result of another run', async () => {
    await behind(async (hf, sql) => {
      for (const id of ['a', 'b']) {
        await hf.start(echo, id, { id });
        await hf.runs.result(id);
      }
      await sql(swap('ended', 'result', 'seq', seqOf('a'), seqOf('b')));
      await assert.rejects(hf.runs.result('a'), code('payload.damaged'));
    });
  });

  for (const [what, run, key] of [
    ['another run', 'b', 'step/first'],
    ['another step', 'a', 'step/second'],
  ] as const) {
    it(`is refused as what a step gave, from ${what}`, async () => {
      await behind(async (hf, sql) => {
        await toTheEvent(hf, 'a', 'a');
        await toTheEvent(hf, 'b', 'b');
        await sql(`update $s.steps set value = (
          select value from $s.steps where seq = ${seqOf(run)} and key = '${key}'
        ) where seq = ${seqOf('a')} and key = 'step/first'`);
        await hf.emit('go', 'now');
        assert.equal(await setAside(hf, 'a'), 'payload.damaged');
        assert.deepEqual(((await hf.runs.result('b')) as unknown[])[0], 'first b');
      });
    });
  }

  it('is refused as a decision that somebody else was asked for', async () => {
    await behind(async (hf, sql) => {
      await toTheEvent(hf, 'a', 'a');
      await toTheEvent(hf, 'b', 'b');
      await sql(`update $s.steps set value = (
        select value from $s.steps where seq = ${seqOf('b')} and kind = 'approval'
      ) where seq = ${seqOf('a')} and kind = 'approval'`);
      await hf.emit('go', 'now');
      assert.equal(await setAside(hf, 'a'), 'payload.damaged');
    });
  });
});

for (const [kind, open] of Object.entries(places)) {
  describe(`what a store of the kind ${kind} copies`, patience, () => {
    it('is read in a fork, and in a fork of that', async () => {
      await using place = await open();
      await using hf = await openOn(place, [waits], { codec });
      await toTheEvent(hf, 'a', 'a');
      const second = await hf.runs.fork('a', { from: 'event/go' });
      await parked(hf, second.id);
      const third = await hf.runs.fork(second.id, { from: 'event/go' });
      await parked(hf, third.id);
      await hf.emit('go', 'now');
      const result = ['first a', 'second a', 'no a', 'decided a', 'now'];
      for (const id of ['a', second.id, third.id]) {
        assert.deepEqual(await hf.runs.result(id), result);
        const { steps } = await hf.runs.steps(id);
        assert.equal(steps[0]?.value, 'first a');
      }
      assert.equal((await hf.runs.get(third.id))?.input, 'a');
    });

    it('is read where a run has taken over the input of a later start', async () => {
      await using place = await open();
      const calm = defineFunction({
        name: 'calm',
        flow: { debounce: { quietMs: 300, maxMs: 5_000 } },
        run: (word: string) => word,
      });
      await using hf = await openOn(place, [calm], { codec });
      const first = await hf.start(calm, 'a');
      const second = await hf.start(calm, 'b');
      assert.equal(second.id, first.id);
      assert.equal(await first.result({ timeoutMs: 20_000 }), 'b');
    });

    it('is read in a retry, and in a retry of that, also where no key is at hand', async () => {
      await using place = await open();
      fails = true;
      await using hf = await openOn(place, [shaky], { codec });
      await (await hf.start(shaky, 'a', { id: 'a' })).outcome();
      await using operator = await openOn(place, []);
      const second = await operator.runs.retry('a');
      await hf.runs.handle(second.id).outcome();
      fails = false;
      const third = await operator.runs.retry(second.id);
      assert.equal(await hf.runs.result(third.id), 'a');
    });
  });
}
