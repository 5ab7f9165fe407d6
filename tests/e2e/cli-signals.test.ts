/** The command line on runs that are told something, and on log lines of some attempts only. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction, Holdfast, type RunContext } from 'holdfast';
import { serveHttp } from 'holdfast/http';
import { silentLog } from '../../src/ports/log.ts';
import { call, temporaryFolder } from './call.ts';

const desk = defineFunction({
  name: 'desk',
  signals: { book: null },
  run: async (_: unknown, ctx: RunContext) => {
    ctx.state.set('stage', { name: 'open', seats: 2 });
    await (await ctx.waitForSignal('book'))?.accept({ free: 1 });
    await (await ctx.waitForSignal('book'))?.refuse('closed\u001b[2J');
    await ctx.waitForSignal('book');
  },
});

describe('the command line on a run that is told something', () => {
  it('sends signals, waits for the answer, and shows what the run declares', async () => {
    using folder = temporaryFolder();
    const store = folder.at('signals.db');
    await using hf = await Holdfast.open({ store, functions: [desk] });
    const { id } = await hf.start(desk, null);
    const on = (...words: string[]) => call([...words, '--store', store]);
    const first = await on('signal', id, 'book', '--data', '{"seats":1}', '--wait', '30s');
    assert.deepEqual([first.exit, first.out], [0, 'accepted: {"free":1}\n']);
    const second = await on('signal', id, 'book', '--id', 'b', '--wait', '30s');
    assert.deepEqual([second.exit, second.out], [1, 'refused: closed\\u001b[2J\n']);
    const again = await on('signal', id, 'book', '--id', 'b', '--json');
    assert.deepEqual(JSON.parse(again.out), { id: 'b', created: false });
    const unknown = await on('signal', id, 'bok');
    assert.equal(unknown.exit, 4);
    assert.match(unknown.err, /takes no signal 'bok'; did you mean 'book'\?/);
    const state = await on('state', id);
    assert.match(state.out, /^NAME +ATTEMPT +SET +VALUE\nstage +\d .*\{"name":"open","seats":2\}/);
    const [line = ''] = (await on('state', id, '--json')).out.split('\n');
    assert.deepEqual(JSON.parse(line).value, { name: 'open', seats: 2 });
    assert.match((await on('show', id)).out, /^declares +stage: \{"name":"open","seats":2\}$/m);
    const steps = await on('steps', id);
    assert.match(steps.out, /answer\/b +returned/);
    const last = await on('signal', id, 'book', '--wait', '30s', '--json');
    assert.equal(last.exit, 1);
    assert.deepEqual(JSON.parse(last.out).answer, { state: 'unanswered' });
    assert.equal((await on('signal', id, 'book')).exit, 5);
  });

  it('shows log lines of one attempt, and from a level up, from a store or a server', async () => {
    using folder = temporaryFolder();
    const store = folder.at('logs.db');
    const chatty = defineFunction({
      name: 'chatty',
      retry: { attemptsMax: 2, delayMs: 1, jitter: 0 },
      run: (_: unknown, ctx) => {
        for (const level of ['debug', 'info', 'warn', 'error'] as const) {
          ctx.log[level](`${level} of ${ctx.attempt}`);
        }
        if (ctx.attempt === 1) throw new Error('again');
      },
    });
    await using hf = await Holdfast.open({ store, functions: [chatty] });
    const run = await hf.start(chatty, null);
    await using server = await serveHttp(hf, { port: 0, log: silentLog });
    const { key } = await hf.keys.create({ name: 'reader', scope: 'read' });
    const env = { HOLDFAST_KEY: key };
    const shownFrom = async (place: readonly string[], words: readonly string[]) => {
      const { out, err } = await call(['logs', run.id, '--json', ...words, ...place], { env });
      assert.equal(err, '');
      const lines = out
        .trim()
        .split('\n')
        .filter((line) => line !== '');
      return lines.map((line) => (JSON.parse(line) as { message: string }).message);
    };
    const shown = async (...words: string[]) => {
      const kept = await shownFrom(['--store', store], words);
      assert.deepEqual(await shownFrom(['--server', server.url], words), kept);
      return kept;
    };
    const followed = await shown('--follow', '--attempt', '2', '--level', 'warn');
    assert.deepEqual(followed, ['warn of 2', 'error of 2']);
    assert.deepEqual(await shown('--level', 'error'), ['error of 1', 'error of 2']);
    assert.equal((await shown('--attempt', '1')).length, 4);
    assert.equal((await shown()).length, 8);
    assert.equal((await call(['logs', run.id, '--attempt', '0', '--store', store])).exit, 2);
    const asked = ['logs', '--server', server.url];
    const closed = await call([...asked, run.id]);
    assert.deepEqual([closed.exit, /auth\.missing/.test(closed.err)], [2, true]);
    const nobody = await call([...asked, 'nobody', '--follow'], { env });
    assert.deepEqual([nobody.exit, /run\.not_found/.test(nobody.err)], [4, true]);
  });
});
