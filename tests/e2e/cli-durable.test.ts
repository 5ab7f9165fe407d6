/** The command line on durable runs: steps, events, decisions, and code that has changed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction, Holdfast, type RunContext } from 'holdfast';
import { call, temporaryFolder } from './call.ts';

const waitsFor = (state: string) => async (hf: Holdfast, id: string) => {
  for (;;) {
    const run = await hf.runs.get(id);
    if (run?.status === state) return run;
    await new Promise((resolve) => setImmediate(resolve));
  }
};

describe('the command line on durable runs', () => {
  it('shows steps, tells events and decides', async () => {
    using folder = temporaryFolder();
    const store = folder.at('durable.db');
    const order = defineFunction({
      name: 'order',
      run: async (_input: unknown, ctx: RunContext) => {
        await ctx.step('charge', () => ({ paid: 5 }));
        const approval = await ctx.approval('ship');
        const decision = await approval.decision();
        const heard = await ctx.waitFor('picked', { match: { order: 7 } });
        return [decision.state, decision.by, heard?.data];
      },
    });
    await using hf = await Holdfast.open({ store, functions: [order] });
    const run = await hf.start(order, null);
    const on = (...words: string[]) => call([...words, '--store', store]);
    await waitsFor('parked')(hf, run.id);
    const table = await on('steps', run.id);
    assert.match(table.out, /step\/charge +returned/);
    assert.match(table.out, /approval\/ship +waiting/);
    const lines = (await on('steps', run.id, '--json')).out.trim().split('\n');
    const [, approval] = lines.map((line) => JSON.parse(line) as { token: string });
    const decided = await on('approve', approval?.token ?? '', '--by', 'ada', '--json');
    assert.deepEqual(JSON.parse(decided.out), { runId: run.id, state: 'approved' });
    assert.equal((await on('reject', approval?.token ?? '')).exit, 5);
    assert.equal((await on('emit', 'picked', '--data', '{"order":7}', '--id', 'e1')).out, 'e1\n');
    assert.equal((await on('emit', 'picked', '--data', '{"order":7}', '--id', 'e1')).exit, 0);
    assert.equal((await on('emit', 'picked', '--data', '{"order":8}', '--id', 'e1')).exit, 5);
    assert.deepEqual(await run.result(), ['approved', 'ada', { order: 7 }]);
    const fork = await on('fork', run.id, '--from', 'event/picked', '--id', 'second', '--json');
    assert.deepEqual(JSON.parse(fork.out), { id: 'second', created: true, forkOf: run.id });
    // It was accepted after that event.
    await on('emit', 'picked', '--data', '{"order":7}');
    assert.equal((await hf.runs.handle('second').outcome()).kind, 'succeeded');
    assert.equal((await on('fork', run.id, '--from', 'step/none')).exit, 4);
  });

  it('shows the difference of a run whose code has changed, and the ways on', async () => {
    using folder = temporaryFolder();
    const store = folder.at('durable.db');
    let step = 'charge';
    const order = defineFunction({
      name: 'order',
      run: async (_input: unknown, ctx: RunContext) => {
        await ctx.step(step, () => null);
        await ctx.waitFor('go');
      },
    });
    await using hf = await Holdfast.open({ store, functions: [order] });
    const run = await hf.start(order, null);
    await waitsFor('parked')(hf, run.id);
    step = 'pay';
    await hf.emit('go', null);
    await waitsFor('quarantined')(hf, run.id);
    const { out } = await call(['show', run.id, '--store', store]);
    assert.match(out, / {2}- step\/charge\n/);
    assert.match(out, / {2}\+ step\/pay\n/);
    assert.match(out, new RegExp(`holdfast fork ${run.id} --from step/charge`));
    assert.match(out, new RegExp(`holdfast repin ${run.id} --to <version>`));
    step = 'charge';
    assert.equal((await call(['retry', run.id, '--store', store])).exit, 0);
    assert.equal((await run.outcome()).kind, 'succeeded');
  });

  it('sends runs on with another version, and shows what waits for whom', async () => {
    using folder = temporaryFolder();
    const store = folder.at('durable.db');
    const order = (version: string) =>
      defineFunction({
        name: 'order',
        version,
        run: async (_input: unknown, ctx: RunContext) => {
          await ctx.step('charge', () => null);
          await ctx.waitFor('go');
          return version;
        },
      });
    const on = (...words: string[]) => call([...words, '--store', store]);
    const first = await Holdfast.open({ store, functions: [order('1')] });
    const { id } = await first.start('order', null);
    await waitsFor('parked')(first, id);
    await first.close();
    await using hf = await Holdfast.open({ store, functions: [order('2')] });
    assert.match((await on('functions')).out, /order +1? ?2 +open +1:1! /);
    assert.match((await on('explain', id)).out, /version '1' of 'order', which no live node hosts/);
    assert.match((await on('show', id)).out, /version +goes on with 1\n/);
    const doctor = await on('doctor', '--json');
    assert.match(doctor.out, /one unfinished run needs version '1' of 'order'/);
    for (const words of [
      ['repin', id],
      ['repin', id, '--to', '2', '--current'],
      ['repin', '--to'],
    ]) {
      assert.equal((await on(...words)).exit, 2, words.join(' '));
    }
    assert.equal((await on('repin', 'nobody', '--current')).exit, 4);
    const sent = await on('repin', id, '--to', '2', '--json');
    assert.deepEqual(JSON.parse(sent.out), { id, version: '2', before: '1' });
    await hf.emit('go', null);
    assert.equal(await hf.runs.result(id), '2');
    assert.equal((await on('repin', id, '--current')).exit, 5);
    const fork = await on('fork', id, '--to', '1', '--id', 'second', '--json');
    assert.equal(fork.exit, 0);
    assert.equal((await hf.runs.get('second'))?.pin, '1');
    const more = await on('repin', 'second', '--current');
    assert.match(more.out, /second goes on with any version \(before: version 1\)/);
    // Whichever version takes it up: the event came within its retention.
    assert.equal(await hf.runs.result('second'), '2');
  });
});
