/** `holdfast dead`, and what `holdfast start` says of flow control. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction, Holdfast } from 'holdfast';
import { call, temporaryFolder } from './call.ts';

const hour = 3_600_000;

const charge = defineFunction({
  name: 'charge',
  retry: false,
  run: (): never => {
    throw new Error('the bank is closed');
  },
});
const calm = defineFunction({
  name: 'calm',
  flow: { debounce: { key: (who: string) => who, quietMs: hour, maxMs: hour } },
  run: () => null,
});

describe('dead letters on the command line', () => {
  it('are listed, redriven and discarded', async () => {
    using folder = temporaryFolder();
    const store = folder.at('dead.db');
    await using hf = await Holdfast.open({ store, functions: [charge] });
    const on = (...words: string[]) => call([...words, '--store', store]);
    assert.match((await on('dead', 'ls')).err, /there is no dead letter/);
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const run = await hf.start(charge, null);
      await run.outcome();
      ids.push(run.id);
    }
    await hf.functions.pause('charge');
    const listed = await on('dead', 'ls', '--function', 'charge', '--limit', '2', '--json');
    const page = JSON.parse(listed.out) as { runs: { id: string }[]; next: string };
    assert.deepEqual(
      page.runs.map(({ id }) => id),
      ids.slice(1).reverse(),
    );
    const rest = await on('dead', 'ls', '--cursor', page.next);
    assert.match(rest.out, new RegExp(ids[0] ?? ''));

    const redriven = await on('dead', 'redrive', ids[0] ?? '', '--json');
    assert.equal((JSON.parse(redriven.out) as { retryOf: string }).retryOf, ids[0]);
    const again = await on('dead', 'redrive', ids[0] ?? '');
    assert.deepEqual([again.exit, /dead\.not_found/.test(again.err)], [4, true]);

    const discarded = await on('dead', 'discard', ids[1] ?? '', '--reason', 'known');
    assert.equal(discarded.out, `discarded ${ids[1]}\n`);
    const bulk = await on('dead', 'redrive', '--function', 'charge', '--yes', '--json');
    assert.deepEqual(JSON.parse(bulk.out), { matched: 1, changed: 1 });
    const none = await on('dead', 'discard', '--all', '--yes');
    assert.match(none.err, /0 runs match/);
  });

  it('are not dealt with by mistake', async () => {
    using folder = temporaryFolder();
    const store = folder.at('dead.db');
    await using hf = await Holdfast.open({ store, functions: [charge] });
    await (await hf.start(charge, null)).outcome();
    const on = (...words: string[]) => call([...words, '--store', store]);
    for (const words of [[], ['an-id', '--all']]) {
      const { exit, err } = await on('dead', 'redrive', ...words);
      assert.deepEqual([exit, /either ids, or --all/.test(err)], [2, true]);
    }
    const unasked = await on('dead', 'discard', '--all');
    assert.deepEqual([unasked.exit, /--yes was not given/.test(unasked.err)], [2, true]);
    assert.equal((await hf.deadLetters.list()).runs.length, 1);
  });
});

describe('flow control on the command line', () => {
  it('takes a key, and says how a start came to its run', async () => {
    using folder = temporaryFolder();
    const store = folder.at('flow.db');
    await using hf = await Holdfast.open({ store, functions: [calm] });
    const on = (...words: string[]) => call([...words, '--store', store]);
    const keyless = await on('start', 'calm', '"ada"');
    assert.deepEqual([keyless.exit, /or the flowKey/.test(keyless.err)], [2, true]);
    const first = await on('start', 'calm', '"ada"', '--flow-key', 'ada', '--json');
    const second = await on('start', 'calm', '"bob"', '--flow-key', 'ada');
    const { id, how } = JSON.parse(first.out) as { id: string; how: string };
    assert.equal(how, 'created');
    assert.equal(second.out, `${id}\n`);
    assert.match(second.err, /merged into a run that waits for its quiet time/);
    const explained = await on('explain', id);
    assert.match(explained.out, /^It is debounced: due in 60 min, or later if another start comes/);
    assert.equal((await hf.runs.get(id))?.input, 'bob');
  });
});
