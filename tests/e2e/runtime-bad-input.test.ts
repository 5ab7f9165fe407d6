/**
 * Everything that a caller, an author or an operator can get wrong: one clear error each, nothing
 * lost.
 */
import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import {
  type AnyFunction,
  defineFunction,
  errorTable,
  type Holdfast,
  HoldfastError,
  limits,
} from 'holdfast';
import { z } from 'zod';
import { Place } from './runtime-scene.ts';

let place: Place;
beforeEach(async () => {
  place = await Place.make();
});
afterEach(() => place.remove());

const order = defineFunction({
  name: 'shop.order',
  input: z.object({ items: z.array(z.object({ sku: z.string(), count: z.int().positive() })) }),
  run: ({ items }) => items.length,
});
const good = { items: [{ sku: 'a', count: 1 }] };

/** The error of a call, which must be one of ours, with its code. */
async function refusal(code: string, words: RegExp, call: Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error: unknown) => {
    assert.ok(error instanceof HoldfastError, `${error}`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
    assert.ok(error.code in errorTable);
    return true;
  });
}

describe('starting', () => {
  let hf: Holdfast;
  beforeEach(async () => {
    hf = await place.open({ functions: [order] });
  });
  afterEach(async () => {
    const { queued, running, done } = await hf.runs.counts();
    assert.equal(queued + running + done, 0, 'nothing was accepted');
  });

  it('a function that nobody knows is refused, with the name that was meant', async () => {
    await refusal('function.unknown', /did you mean 'shop\.order'\?/, hf.start('shop.odrer', 1));
    await refusal('function.unknown', /no node has hosted it/, hf.start('video', 1));
    await refusal(
      'request.invalid',
      /definition or the name/,
      hf.start({} as AnyFunction, 1 as never),
    );
  });

  it('input that does not fit is refused with the path of each mistake', async () => {
    const bad = {
      items: [
        { sku: 'a', count: 1 },
        { sku: 7, count: -1 },
      ],
    } as never;
    await refusal('input.invalid', /items\.1\.sku: .*; items\.1\.count: /, hf.start(order, bad));
    await refusal('input.invalid', /\(the whole\): /, hf.start(order, 'text' as never));
  });

  it('a schema that breaks by itself is named', async () => {
    const broken = (validate: () => never) =>
      defineFunction({
        name: 'broken',
        input: { '~standard': { version: 1, vendor: 'own', validate } },
        run: () => null,
      });
    const thrower = broken(() => {
      throw new TypeError('no such rule');
    });
    const words = /the schema of 'broken' failed by itself: no such rule/;
    await refusal('input.invalid', words, hf.start(thrower, 1));
    const rejecter = broken((async () => {
      throw new TypeError('no such rule');
    }) as never);
    await refusal('input.invalid', words, hf.start(rejecter, 1));
  });

  it('values that JSON cannot hold, and values that are too large, are refused', async () => {
    const free = defineFunction({ name: 'free', run: (input: unknown) => input });
    await refusal(
      'payload.not_json',
      /the input of 'free' .* \(function\)/,
      hf.start(free, () => 1),
    );
    await refusal('payload.not_json', /BigInt/, hf.start(free, { n: 1n }));
    const large = 'x'.repeat(limits.inputBytesMax);
    await refusal('payload.too_large', /takes 1048578 bytes.*1048576/, hf.start(free, large));
  });

  it('keys that are empty, long or not printable are refused', async () => {
    const long = 'k'.repeat(limits.keyCharsMax + 1);
    await refusal('key.invalid', /lane has 201/, hf.start(order, good, { lane: long }));
    await refusal('key.invalid', /lane .*control/, hf.start(order, good, { lane: 'a\nb' }));
    await refusal('key.invalid', /tenant is empty/, hf.start(order, good, { tenant: '' }));
    await refusal('key.invalid', /id is empty/, hf.start(order, good, { id: '' }));
    await refusal('key.invalid', /a tag is 7/, hf.start(order, good, { tags: [7 as never] }));
    const width = { key: 'l', width: 0 };
    await refusal('request.invalid', /lane width is 0/, hf.start(order, good, { lane: width }));
  });

  it('numbers that make no sense are refused', async () => {
    const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
    const start = (options: Parameters<Holdfast['start']>[2]) => hf.start(order, good, options);
    await refusal('request.invalid', /delayMs is NaN/, start({ delayMs: nan }));
    await refusal('request.invalid', /delayMs is -1/, start({ delayMs: -1 }));
    await refusal('request.invalid', /delayMs is Infinity/, start({ delayMs: infinity }));
    await refusal('request.invalid', /dueAt is NaN/, start({ dueAt: new Date('nonsense') }));
    await refusal('request.invalid', /not both/, start({ dueAt: 1, delayMs: 1 }));
    await refusal('request.invalid', /priority is 4000/, start({ priority: 4_000 }));
    await refusal('request.invalid', /deadlineMs is 0/, start({ deadlineMs: 0 }));
    await refusal('request.invalid', /did you mean 'delayMs'/, start({ delayMS: 1 } as never));
    await refusal('request.invalid', /start is null/, start(null as never));
  });

  it('options that the definition computes wrongly name the option', async () => {
    const odd = (options: object) =>
      hf.start(defineFunction({ name: 'odd', ...options, run: () => null }), 1);
    const throws = () => {
      throw new Error('no album');
    };
    await refusal('request.invalid', /the lane of 'odd' .*: no album/, odd({ lane: throws }));
    await refusal('request.invalid', /lane is undefined/, odd({ lane: () => undefined }));
    await refusal('key.invalid', /tenant is undefined/, odd({ tenant: () => undefined }));
    await refusal('request.invalid', /priority is NaN/, odd({ priority: () => Number.NaN }));
    await refusal(
      'request.invalid',
      /tags is "abc"; it must be an array/,
      odd({ tags: () => 'abc' }),
    );
  });

  it('too many at once are refused as a whole', async () => {
    const items = Array.from({ length: limits.batchItemsMax + 1 }, () => ({ input: good }));
    await refusal('request.invalid', /10001 were given and 10000/, hf.startMany(order, items));
    await refusal('request.invalid', /an item/, hf.startMany(order, [{} as never]));
    await refusal('request.invalid', /array/, hf.startMany(order, 'x' as never));
  });
});

describe('asking', () => {
  it('with words that mean nothing is refused instead of finding nothing', async () => {
    const { runs, tenants, functions } = await place.open({ functions: [order] });
    await refusal(
      'request.invalid',
      /status is "waiting"/,
      runs.list({ status: 'waiting' as never }),
    );
    await refusal('request.invalid', /outcome is "done"/, runs.list({ outcome: 'done' as never }));
    await refusal('request.invalid', /limit is 0/, runs.list({ limit: 0 }));
    await refusal('request.invalid', /cursor/, runs.list({ cursor: 'x; drop' }));
    await refusal('request.invalid', /did you mean 'lane'/, runs.list({ lanes: 'a' } as never));
    await refusal('request.invalid', /did you mean 'fn'/, runs.cancelWhere({ fm: 'a' } as never));
    await refusal(
      'request.invalid',
      /timeoutMs is NaN/,
      runs.result('a', { timeoutMs: Number.NaN }),
    );
    await refusal('request.invalid', /the reason/, runs.cancel('a', 'x'.repeat(501)));
    await refusal('request.invalid', /weight is 0/, tenants.set('a', { weight: 0 }));
    await refusal('request.invalid', /runningMax is 1\.5/, tenants.set('a', { runningMax: 1.5 }));
    await refusal('key.invalid', /function is empty/, functions.pause(''));
    await refusal('run.not_found', /no run 'nobody'/, runs.retry('nobody'));
    assert.throws(() => runs.handle(''), { code: 'key.invalid' });
  });
});

describe('opening', () => {
  const open = (options: object) => place.open(options);

  it('with options that make no sense is refused before anything is touched', async () => {
    await refusal('request.invalid', /slots is 0/, open({ slots: 0 }));
    await refusal('request.invalid', /slots is 1\.5/, open({ slots: 1.5 }));
    await refusal('request.invalid', /leaseTtlMs is NaN/, open({ leaseTtlMs: Number.NaN }));
    await refusal('request.invalid', /heartbeatMs/, open({ leaseTtlMs: 900, heartbeatMs: 500 }));
    await refusal(
      'request.invalid',
      /durability .*'full', 'relaxed'/,
      open({ durability: 'fast' }),
    );
    await refusal('request.invalid', /did you mean 'slots'/, open({ slot: 1 }));
    await refusal('request.invalid', /execute/, open({ execute: true }));
    await refusal('request.invalid', /retention.failed is -1/, open({ retention: { failed: -1 } }));
    await refusal(
      'request.invalid',
      /retention: no option "done"/,
      open({ retention: { done: 1 } }),
    );
    await refusal('request.invalid', /log/, open({ log: { loud: true } as never }));
    await refusal('request.invalid', /log\.level/, open({ log: { level: 'loud' } as never }));
    await refusal('request.invalid', /logRuns/, open({ logRuns: 1 as never }));
    await refusal('key.invalid', /redact/, open({ redact: [''] }));
    await refusal('request.invalid', /redact/, open({ redact: 'ssn' as never }));
    await refusal('request.invalid', /functions/, open({ functions: order }));
    await refusal('request.invalid', /a function/, open({ functions: [{ name: 'x' }] }));
    await assert.rejects(readFile(place.path), { code: 'ENOENT' });
  });

  it('with two functions of one name and version is refused', async () => {
    const twin = defineFunction({ name: 'shop.order', run: () => null });
    const twice = open({ functions: [order, twin] });
    await refusal('function.duplicate', /two functions are called 'shop\.order'/, twice);
  });

  it('a path that can hold no store is refused with the reason', async () => {
    const store = (path: unknown) => open({ store: path });
    await refusal('store.bad_path', /is a folder/, store(place.folder));
    await refusal('store.bad_path', /does not exist/, store(join(place.folder, 'no', 'x.db')));
    await refusal('store.bad_path', /cannot open/, store('mysql://localhost/x'));
    await refusal('request.invalid', /store is ""/, store(''));
    await refusal('request.invalid', /store is undefined/, store(undefined));
    await refusal('request.invalid', /store/, store({ file: 'x' }));
  });

  it('a file that is no store is refused and not touched', async () => {
    const path = join(place.folder, 'letter.txt');
    const text = 'Dear Ada,\n'.repeat(1_000);
    await writeFile(path, text);
    await refusal('store.corrupt', /./, open({ store: path }));
    assert.equal(await readFile(path, 'utf8'), text);
  });

  it('a folder that cannot be written is refused', {
    skip: process.getuid?.() === 0 ? 'root may write everywhere' : false,
  }, async () => {
    const folder = join(place.folder, 'closed');
    await mkdir(folder);
    await chmod(folder, 0o500);
    await refusal('store.bad_path', /cannot be written/, open({ store: join(folder, 'x.db') }));
  });

  it('leaves nothing open when it is refused', async () => {
    const first = await place.open({ functions: [order] });
    const other = defineFunction({ name: 'shop.order', crashesMax: 7, run: () => null });
    await refusal('function.conflict', /definition/, open({ functions: [other] }));
    await first.close();
    // Had the refused one stayed, it would still be a live node with the other definition.
    await place.open({ functions: [other] });
  });
});
