/** The command line on runs that start runs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction, Holdfast } from 'holdfast';
import { call, temporaryFolder } from './call.ts';

const half = defineFunction({
  name: 'half',
  retry: false,
  run: async (n: number) => {
    if (n % 2 !== 0) throw new Error(`${n} is odd`);
    return n / 2;
  },
});

const halves = defineFunction({
  name: 'halves',
  run: async (count: number, ctx) => {
    const all = await ctx.all(
      half,
      Array.from({ length: count }, (_, n) => n),
    );
    return all.failed;
  },
});

describe('the command line on runs that start runs', () => {
  it('shows the children of a run, and each child its parent', async () => {
    using folder = temporaryFolder();
    const store = folder.at('children.db');
    await using hf = await Holdfast.open({ store, functions: [halves, half] });
    const run = await hf.start(halves, 3, { id: 'top' });
    assert.equal(await run.result(), 1);
    const on = (...words: string[]) => call([...words, '--store', store]);
    const table = await on('children', 'top');
    assert.match(table.out, /succeeded +half +0 +half/);
    assert.match(table.out, /failed +half +1 +half/);
    const lines = (await on('children', 'top', '--json')).out.trim().split('\n');
    const children = lines.map((line) => JSON.parse(line) as { id: string; index: number });
    assert.deepEqual(
      children.map(({ index }) => index),
      [0, 1, 2],
    );
    assert.match((await on('show', 'top')).out, /children +3, 0 of them not ended/);
    assert.match((await on('show', children[0]?.id ?? '')).out, /parent +top/);
    assert.equal((await on('children', children[0]?.id ?? '')).out, 'no children\n');
    assert.equal((await on('children', 'nobody')).exit, 4);
  });

  it('shows a person the first of very many', async () => {
    using folder = temporaryFolder();
    const store = folder.at('children.db');
    await using hf = await Holdfast.open({ store, functions: [halves, half] });
    await (await hf.start(halves, 205, { id: 'top' })).result();
    const { out } = await call(['children', 'top', '--store', store]);
    assert.equal(out.trim().split('\n').length, 202);
    assert.match(out, /the first 200; all of them: --json\n$/);
    const all = await call(['children', 'top', '--store', store, '--json']);
    assert.equal(all.out.trim().split('\n').length, 205);
  });
});
