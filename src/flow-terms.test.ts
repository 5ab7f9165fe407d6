/** Terms of flow control in definitions, and what becomes of them at a start. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HoldfastError } from './core/errors.ts';
import { defineFunction, partsOf } from './define-function.ts';
import type { FlowTerms } from './flow-terms.ts';
import { startFlow } from './runtime/flow-item.ts';
import { partsOfTold, startTermsOf } from './runtime/start-terms.ts';

const run = () => null;
const minute = 60_000;

const refused = (says: RegExp) => (error: unknown) => {
  assert.ok(error instanceof HoldfastError, String(error));
  assert.ok(error.code === 'request.invalid' || error.code === 'key.invalid', error.code);
  assert.match(error.message, says);
  return true;
};

/** What is wrong, and what is said of it. */
const wrong: readonly (readonly [flow: object, says: RegExp])[] = [
  [{ debounc: {} }, /flow of 'f': no option "debounc"; did you mean 'debounce'/],
  [{ debounce: { quietMs: 0, maxMs: 5 } }, /flow.debounce of 'f': quietMs is 0; it must lie in 1/],
  [{ debounce: { quietMs: 9, maxMs: 5 } }, /maxMs is 5; it must be no shorter than quietMs/],
  [{ debounce: { quietMs: 9 } }, /maxMs is undefined; it must be a number/],
  [{ debounce: { quietMs: 9, maxMs: 9, max: 1 } }, /no option "max"/],
  [{ throttle: { max: 1_001, perMs: 1 } }, /flow.throttle of 'f': max is 1001; .* 1 to 1000/],
  [{ throttle: { max: 1, perMs: 0.5 } }, /perMs is 0.5/],
  [{ throttle: { max: 1, perMs: 1, tenants: 'all' } }, /tenants is "all"; .* 'each', 'together'/],
  [{ throttle: { key: '', max: 1, perMs: 1 } }, /flow.throttle of 'f': key is empty/],
  [{ rateLimit: { max: 1_001, perMs: 1 } }, /max is 1001; it must lie in 1 to 1000/],
  [{ rateLimit: { max: 1, perMs: 2_592_000_001 } }, /perMs is 2592000001/],
  [{ rateLimit: { max: 1, perMs: 1, algorithm: 'leaky' } }, /algorithm is "leaky"/],
  [{ rateLimit: { max: 2e6, perMs: 1, algorithm: 'bucket' } }, /max is 2000000; .* 1 to 1000000/],
  [{ unique: { while: 'running' } }, /while is "running"; it must be one of 'queued'/],
  [{ unique: { key: 7 } }, /flow.unique of 'f': key is 7; it must be a string/],
  [{ onConflict: 'cancel' }, /flow.onConflict of 'f' is "cancel"/],
  [{ onConflict: 'drop' }, /onConflict 'drop' is about a lane; give the function one/],
  [
    { debounce: { quietMs: 1, maxMs: 1 }, throttle: { max: 1, perMs: 1 } },
    /debounce and throttle both decide when a run is due/,
  ],
  [{ debounce: { quietMs: 1, maxMs: 1 }, unique: {} }, /unique would lose input/],
];

describe('the terms of flow control', () => {
  for (const [flow, says] of wrong) {
    it(`are refused by name and rule: ${JSON.stringify(flow)}`, () => {
      assert.throws(() => defineFunction({ name: 'f', flow, run }), refused(says));
    });
  }

  it('do not let others give way before a run is in its lane', () => {
    const flow: FlowTerms<unknown> = { throttle: { max: 1, perMs: 1 }, onConflict: 'drop' };
    const define = () => defineFunction({ name: 'f', lane: 'x', flow, run });
    assert.throws(define, refused(/acts when a run is started/));
  });

  it('are part of the digest, and leave that of other definitions as it was', () => {
    const digest = (flow?: FlowTerms<unknown>) =>
      partsOf(defineFunction({ name: 'f', run, ...(flow === undefined ? {} : { flow }) }))?.digest;
    assert.ok(!digest()?.includes('flow'));
    const one = digest({ unique: { key: 'a' } });
    assert.notEqual(one, digest({ unique: { key: 'b' } }));
    assert.equal(digest({ unique: { key: () => 'a' } }), digest({ unique: { key: () => 'b' } }));
  });
});

describe('the terms of one start', () => {
  const flow: FlowTerms<{ who: string }> = {
    rateLimit: { key: ({ who }) => who, max: 3, perMs: minute },
    unique: { key: 'all', while: 'queued' },
    throttle: { max: 1, perMs: minute, tenants: 'together' },
  };
  const terms = flow as FlowTerms<unknown>;
  const ask = (more: Partial<Parameters<typeof startFlow>[0]> = {}) =>
    startFlow({
      ...{ name: 'f', flow: terms, flowKey: undefined, timed: false },
      compute: (_what, key) => key({ who: 'ada' }),
      ...more,
    });

  it('have their keys computed, and their defaults filled in', () => {
    assert.deepEqual(ask(), {
      throttle: { key: '', max: 1, perMs: minute, tenants: 'together' },
      rateLimit: { key: 'ada', max: 3, perMs: minute, tenants: 'each', algorithm: 'sliding' },
      unique: { key: 'all', while: 'queued' },
    });
    assert.equal(ask({ flow: undefined }), undefined);
    assert.equal(ask({ flow: {} }), undefined);
    assert.equal(ask({ flow: { onConflict: 'queue' } }), undefined);
  });

  it('take the key that the caller gives for all of them', () => {
    const given = ask({ flowKey: 'mine' });
    assert.equal(given?.rateLimit?.key, 'mine');
    assert.equal(given?.unique?.key, 'mine');
    assert.throws(() => ask({ flowKey: '' }), refused(/flowKey is empty/));
    const none = () => ask({ flow: undefined, flowKey: 'x' });
    assert.throws(none, refused(/'f' has no terms of flow control; leave it out/));
  });

  it('refuse a due time where they decide that themselves, and keys that are none', () => {
    assert.throws(() => ask({ timed: true }), refused(/the throttle of 'f' decides when its runs/));
    const badKey = () => ask({ compute: () => 7 });
    assert.throws(badKey, refused(/the key of rateLimit is 7; it must be a string/));
  });

  it('are told by name without their functions, which a given key replaces', () => {
    const parts = partsOf(defineFunction({ name: 'f', flow, run }));
    assert.ok(parts !== null);
    const told = startTermsOf(parts);
    assert.deepEqual(told.flow?.rateLimit?.key, null);
    const made = partsOfTold('f', JSON.parse(JSON.stringify(told)));
    const compute = (_what: string, key: (input: unknown) => string) => key(null);
    const by = (flowKey: string | undefined) => ask({ flow: made.terms.flow, flowKey, compute });
    assert.throws(() => by(undefined), refused(/takes the definition of 'f'; .* or the flowKey/));
    assert.deepEqual(by('ada')?.rateLimit, ask()?.rateLimit);
  });
});
