import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HoldfastError } from './core/errors.ts';
import { retryDefault } from './core/retry.ts';
import { defineFunction, isFunctionDefinition, partsOf } from './define-function.ts';

type Options = Parameters<typeof defineFunction>[0];
const define = (options: object) =>
  defineFunction({ name: 'f', run: () => null, ...options } as Options);

describe('a definition', () => {
  it('fills in what was not said', () => {
    const fn = define({});
    const parts = partsOf(fn);
    assert.deepEqual([fn.name, fn.version, parts?.laneWidth, parts?.totalMs], ['f', '1', 1, null]);
    assert.deepEqual(parts?.policy, {
      retry: retryDefault,
      onCrash: 'retry',
      crashesMax: 3,
      attemptTimeoutMs: null,
      graceMs: 5_000,
    });
  });

  it('takes retry as a change of the default, or not at all', () => {
    assert.deepEqual(partsOf(define({ retry: { delayMs: 5 } }))?.policy.retry, {
      ...retryDefault,
      delayMs: 5,
    });
    assert.equal(partsOf(define({ retry: false }))?.policy.retry.attemptsMax, 1);
    const long = partsOf(define({ retry: { delayMs: 120_000 } }));
    assert.equal(long?.policy.retry.delayMsMax, 120_000, 'the cap is never below the delay');
  });

  it('is told from other values, also across copies of the package', () => {
    assert.equal(isFunctionDefinition(define({})), true);
    for (const value of [null, undefined, 'f', { name: 'f', run: () => null }, () => null]) {
      assert.equal(isFunctionDefinition(value), false);
    }
  });

  it('has a digest that changes with every option but code', () => {
    const digest = (options: object): string => partsOf(define(options))?.digest ?? '';
    const plain = digest({});
    assert.equal(digest({ run: () => 7 }), plain);
    assert.equal(digest({ version: '2' }), plain, 'the version is compared beside the digest');
    const others = [
      { lane: 'l' },
      { lane: () => 'l' },
      { laneWidth: 2 },
      { tenant: 't' },
      { priority: 5 },
      { tags: ['a'] },
      { retry: false },
      { onCrash: 'lose' },
      { crashesMax: 5 },
      { timeouts: { attemptMs: 5 } },
      { timeouts: { totalMs: 5 } },
      { timeouts: { graceMs: 5 } },
      { concurrency: 2 },
      { input: { '~standard': { version: 1, vendor: 'x', validate: () => ({ value: 1 }) } } },
    ].map(digest);
    assert.equal(new Set([plain, ...others]).size, others.length + 1);
  });
});

describe('a wrong definition', () => {
  const wrong: readonly [object, string, RegExp][] = [
    [{ name: '' }, 'key.invalid', /the function name is empty/],
    [{ name: 'a\tb' }, 'key.invalid', /control characters/],
    [{ name: 'x'.repeat(201) }, 'key.invalid', /201 characters/],
    [{ version: '' }, 'key.invalid', /version of 'f'/],
    [{ run: undefined }, 'request.invalid', /run of 'f' is undefined; it must be a function/],
    [{ input: {} }, 'request.invalid', /Standard Schema/],
    [{ lane: 7 }, 'request.invalid', /lane of 'f' is 7/],
    [{ lane: '' }, 'key.invalid', /lane of 'f' is empty/],
    [{ laneWidth: 0 }, 'request.invalid', /laneWidth of 'f' is 0; it must lie in 1 to 1000/],
    [{ tenant: null }, 'request.invalid', /tenant of 'f'/],
    [{ priority: Number.NaN }, 'request.invalid', /priority of 'f' is NaN/],
    [{ priority: 3_601 }, 'request.invalid', /-3600 to 3600/],
    [{ tags: ['a', ''] }, 'key.invalid', /a tag is empty/],
    [{ retry: { attemptsMax: 0 } }, 'request.invalid', /retry\.attemptsMax of 'f' is 0/],
    [
      { retry: { delay: 5 } },
      'request.invalid',
      /retry of 'f': no option .*; did you mean 'delayMs'/,
    ],
    [{ retry: { backoff: 'linear' } }, 'request.invalid', /'fixed', 'exponential'/],
    [{ retry: { jitter: 2 } }, 'request.invalid', /retry\.jitter of 'f' is 2; .* 0 to 1/],
    [{ retry: { delayMs: 10, delayMsMax: 5 } }, 'request.invalid', /delayMsMax of 'f' is 5/],
    [{ onCrash: 'forget' }, 'request.invalid', /onCrash of 'f' is "forget"/],
    [{ crashesMax: 0 }, 'request.invalid', /crashesMax of 'f'/],
    [{ timeouts: { attemptMs: 0 } }, 'request.invalid', /timeouts\.attemptMs of 'f' is 0/],
    [{ timeouts: { attempt: 5 } }, 'request.invalid', /did you mean 'attemptMs'/],
    [{ timeouts: { graceMs: -1 } }, 'request.invalid', /timeouts\.graceMs of 'f' is -1/],
    [{ concurrency: 1.5 }, 'request.invalid', /concurrency of 'f' is 1\.5; .* whole number/],
    [{ timeout: 5 }, 'request.invalid', /did you mean 'timeouts'/],
  ];

  for (const [options, code, words] of wrong) {
    it(`is refused at once: ${JSON.stringify(options).slice(0, 60)}`, () => {
      assert.throws(
        () => define(options),
        (error: unknown) => {
          assert.ok(error instanceof HoldfastError);
          assert.equal(error.code, code, error.message);
          assert.match(error.message, words);
          return true;
        },
      );
    });
  }
});
