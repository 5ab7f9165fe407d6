import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failureOf } from './failure.ts';
import { filterOf, parseWhere } from './where.ts';

const now = Date.parse('2026-02-01T00:00:00Z');

const failureFrom = (act: () => unknown) => {
  try {
    act();
  } catch (error) {
    return failureOf(error);
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' });
};

describe('a filter on the command line', () => {
  it('names the fields of the runs as the library does', () => {
    const words = parseWhere([
      'status=done',
      'outcome=failed',
      'function=f',
      'tag=a=b',
      'since=1h',
    ]);
    assert.deepEqual(filterOf(words, now), {
      status: 'done',
      outcome: 'failed',
      fn: 'f',
      tag: 'a=b',
      acceptedAfter: now - 3_600_000,
    });
  });

  it('without words matches all', () => {
    assert.deepEqual(filterOf({}, now), {});
  });

  it('refuses a key that it does not know, and says which it knows', () => {
    for (const pair of ['colour=red', 'status', '=x', 'lane=', '']) {
      const failure = failureFrom(() => parseWhere([pair]));
      assert.equal(failure.code, 'request.invalid');
      assert.match(failure.advice ?? '', /^keys: status, outcome, function, lane/);
    }
  });

  it('tells a status from an outcome', () => {
    const failure = failureFrom(() => filterOf({ status: 'failed' }, now));
    assert.equal(failure.message, "status: 'failed' is no status");
    assert.equal(failure.advice, "'failed' is an outcome: filter by outcome");
    assert.equal(failureFrom(() => filterOf({ outcome: 'done' }, now)).code, 'request.invalid');
  });
});
