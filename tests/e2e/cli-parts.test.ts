/** The command line on parts: what is there, what comes, and what a terminal must not get. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction, Holdfast } from 'holdfast';
import { call, temporaryFolder } from './call.ts';

describe('the command line on parts', () => {
  it('shows them from an offset, harmless, and as JSON as they are', async () => {
    using folder = temporaryFolder();
    const store = folder.at('parts.db');
    const talk = defineFunction({
      name: 'talk',
      run: (_: null, ctx) => {
        for (const part of ['one ', 'two\n', '\u001b[2J', new Uint8Array([1, 255])]) ctx.emit(part);
      },
    });
    await using hf = await Holdfast.open({ store, functions: [talk] });
    const run = await hf.start(talk, null);
    await run.result();
    const on = (...words: string[]) => call(['parts', run.id, ...words, '--store', store]);
    assert.equal((await on()).out, 'one two\n\\u001b[2J[2 bytes]\n');
    assert.equal((await on('--follow')).out, (await on()).out);
    assert.equal((await on('--from', '1')).out, 'two\n\\u001b[2J[2 bytes]\n');
    const lines = (await on('--json', '--from', '2')).out.trim().split('\n');
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as object),
      [
        { offset: 2, attempt: 1, text: '\u001b[2J' },
        { offset: 3, attempt: 1, base64: 'Af8=' },
      ],
    );
    assert.equal((await on('--from', '99')).out, '');
    assert.equal((await on('--from', '-1')).exit, 2);
    assert.equal((await call(['parts', 'nobody', '--store', store])).exit, 4);
    assert.equal((await call(['parts', 'nobody', '-f', '--store', store])).exit, 4);
  });

  it('follows a run to its end', async () => {
    using folder = temporaryFolder();
    const store = folder.at('parts.db');
    const begun = Promise.withResolvers<void>();
    const on = Promise.withResolvers<void>();
    const talk = defineFunction({
      name: 'talk',
      run: async (_: null, ctx) => {
        ctx.emit('first ');
        await ctx.emit.drained();
        begun.resolve();
        await on.promise;
        ctx.emit('last');
      },
    });
    await using hf = await Holdfast.open({ store, functions: [talk] });
    const { id } = await hf.start(talk, null);
    await begun.promise;
    assert.equal((await call(['parts', id, '--store', store])).out, 'first \n');
    const following = call(['parts', id, '--follow', '--store', store]);
    on.resolve();
    assert.equal((await following).out, 'first last\n');
  });
});
