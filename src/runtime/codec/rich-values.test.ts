import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { HoldfastError } from '../../core/errors.ts';
import { Payloads } from '../../core/payload.ts';
import { richValues } from './rich-values.ts';

const payloads = new Payloads(richValues());
const written = (value: unknown): string => payloads.text(value, 1_048_576, 'it');
const back = (value: unknown): unknown => payloads.read(written(value));

const code = (wanted: string) => (error: unknown) =>
  error instanceof HoldfastError && error.code === wanted;

const key = fc
  .string({ maxLength: 8 })
  .filter((word) => !['__proto__', 'constructor', 'prototype'].includes(word));
const { tree } = fc.letrec((tie) => ({
  leaf: fc.oneof(
    fc.constantFrom(null, true, undefined, Number.NaN, -0, 1 / 0, -1 / 0),
    fc.string(),
    fc.double(),
    fc.bigInt(),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array({ maxLength: 20 }),
    fc.webUrl().map((url) => new URL(url)),
    fc.constantFrom(/a+/giu, /[/]\n/),
    fc.string().map((words) => new RangeError(words)),
  ),
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    tie('leaf'),
    fc.array(tie('node'), { maxLength: 4 }),
    fc.dictionary(key, tie('node'), { maxKeys: 4, noNullPrototype: true }),
    fc.array(fc.tuple(tie('node'), tie('node')), { maxLength: 3 }).map((pairs) => new Map(pairs)),
    fc.array(tie('node'), { maxLength: 3 }).map((items) => new Set(items)),
  ),
  tree: tie('node'),
}));

/** As deepEqual sees it, without stacks, which are not kept. */
function comparable(value: unknown): unknown {
  if (value instanceof Error) return ['error', value.name, value.message];
  if (Array.isArray(value)) return value.map(comparable);
  if (value instanceof Map) {
    return new Map([...value].map(([a, b]) => [comparable(a), comparable(b)]));
  }
  if (value instanceof Set) return new Set([...value].map(comparable));
  if (typeof value !== 'object' || value === null) return value;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, comparable(one)]));
}

describe('values that are more than JSON', () => {
  it('come back as what they were, in any nesting', () => {
    fc.assert(
      fc.property(tree, (value) => {
        assert.deepEqual(comparable(back(value)), comparable(value));
      }),
      { numRuns: 500 },
    );
  });

  it('are plain JSON wherever that holds them, to the letter', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const plain: unknown = JSON.parse(JSON.stringify(value));
        assert.equal(written(plain), JSON.stringify(plain));
        assert.deepEqual(back(plain), plain);
      }),
    );
  });

  it('leave the JSON of an object in view, for matches and for people', () => {
    const text = written({ order: 7, at: new Date(0), deep: { big: 5n } });
    const { $hf, $t, ...seen } = JSON.parse(text) as Record<string, unknown>;
    assert.equal($hf, 'superjson');
    assert.ok($t !== undefined);
    assert.deepEqual(seen, { order: 7, at: '1970-01-01T00:00:00.000Z', deep: { big: '5' } });
  });

  it('take an object that looks like an envelope for what it is', () => {
    for (const value of [{ $hf: 'aes-256-gcm' }, { $t: 1, at: new Date(3) }, { $v: 2n }]) {
      assert.deepEqual(back(value), value);
    }
  });

  it('are bytes of any buffer, and only those that are seen', () => {
    const buffer = Buffer.from('xxsecretxx');
    assert.deepEqual(back(buffer.subarray(2, 4)), new Uint8Array([115, 101]));
    assert.ok(!written(buffer.subarray(0, 2)).includes(Buffer.from('secret').toString('base64')));
  });

  it('are refused by name when they are no data', () => {
    class Account {
      readonly balance = 1;
    }
    const ring: { self?: unknown } = {};
    ring.self = ring;
    const gaps: unknown[] = [1];
    gaps[2] = 3;
    const refused: readonly (readonly [unknown, RegExp])[] = [
      [{ a: [() => 1] }, /holds a function/],
      [new Map([[Symbol('x'), 1]]), /holds a symbol/],
      [new Account(), /an instance of Account/],
      [new Float64Array(2), /an instance of Float64Array/],
      [new Date(Number.NaN), /an invalid date/],
      [ring, /holds itself/],
      [gaps, /a list with gaps/],
      [{ at: new Date(0), ['__proto__']: 1, constructor: 2 }, /prototype pollution/],
    ];
    for (const [value, words] of refused) {
      assert.throws(() => written(value), { code: 'payload.not_json', message: words });
    }
  });
});

describe('envelopes of such values from anybody', () => {
  const envelope = (values: unknown, json: unknown): string =>
    JSON.stringify({ $hf: 'superjson', $t: { values, v: 2 }, $v: json });
  const damaged = (text: string): void => {
    assert.throws(() => payloads.read(text), code('payload.damaged'));
  };

  it('name no type but those that are written', () => {
    damaged(envelope([['class', 'Account']], {}));
    damaged(envelope([['symbol', 'x']], 'x'));
    damaged(envelope([['custom', 'other']], 'x'));
    // An array of four billion zeroes.
    damaged(envelope([['typed-array', 'Uint8Array']], 4_000_000_000));
    damaged(envelope([['custom', 'bytes']], 4_000_000_000));
    damaged(envelope(['function'], 'x'));
    damaged(envelope('Date', 'x'));
    damaged(envelope(7, 'x'));
  });

  it('reach no prototype', () => {
    const paths = ['__proto__.polluted', 'constructor.prototype.polluted', 'a.__proto__.polluted'];
    for (const path of paths) damaged(envelope({ [path]: ['Date'] }, { a: {} }));
    assert.equal(({} as { polluted?: unknown }).polluted, undefined);
    const own = payloads.read('{"$hf":"superjson","$t":{},"__proto__":{"polluted":1}}');
    assert.equal((own as { polluted?: unknown }).polluted, undefined);
  });

  it('take bounded time, however deep and large they are', () => {
    const nested = (depth: number): unknown => {
      let values: unknown = ['Date'];
      for (let at = 0; at < depth; at += 1) values = { a: values };
      return values;
    };
    damaged(envelope(nested(600), {}));
    const digits = '9'.repeat(1_000_000);
    const from = process.hrtime.bigint();
    payloads.read(envelope(['bigint'], digits));
    assert.ok(process.hrtime.bigint() - from < 2_000_000_000n);
  });

  it('are refused where nothing reads them', () => {
    assert.throws(() => new Payloads().read(written(5n)), code('payload.no_key'));
    assert.deepEqual(new Payloads().shown(written(5n)), JSON.parse(written(5n)));
  });
});
