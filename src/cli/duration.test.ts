import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HoldfastError } from '../core/errors.ts';
import { formatDuration, formatSince, parseDuration, parseMoment } from './duration.ts';

const invalid = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof HoldfastError);
  assert.equal(error.code, 'request.invalid');
  assert.match(error.message, pattern);
  return true;
};

describe('a duration on the command line', () => {
  it('is the sum of its parts, each with a unit', () => {
    const cases = {
      '250ms': 250,
      '5s': 5_000,
      '1h30m': 5_400_000,
      '1.5s': 1_500,
      '7d': 604_800_000,
    };
    for (const [text, ms] of Object.entries(cases))
      assert.equal(parseDuration('--delay', text), ms);
    assert.equal(parseDuration('--delay', '0'), 0);
  });

  it('is refused without a unit, negative, empty or with anything else in it', () => {
    for (const text of ['5', '-5s', '', ' 5s', '5 s', '5x', 'NaN', 'Infinity', '1e3s', 's']) {
      assert.throws(
        () => parseDuration('--delay', text),
        invalid(/^--delay: '.*' is not a duration/),
      );
    }
  });

  it('is written with no more than two units', () => {
    const cases = [
      [0, '0ms'],
      [340, '340ms'],
      [999.7, '1s'],
      [4_200, '4.2s'],
      [59_980, '1m'],
      [200_000, '3m 20s'],
      [3_600_000, '1h'],
      [2 * 86_400_000 + 5 * 3_600_000 + 999_000, '2d 5h'],
      [-1_500, '-1.5s'],
    ] as const;
    for (const [ms, text] of cases) assert.equal(formatDuration(ms), text);
  });
});

describe('a moment on the command line', () => {
  const now = Date.parse('2026-02-01T00:00:00Z');

  it('is a date, or a duration that reaches back from now', () => {
    assert.equal(parseMoment('since', '2026-01-31', now), Date.parse('2026-01-31T00:00:00Z'));
    assert.equal(parseMoment('since', '2026-01-31T10:00:00+02:00', now), now - 16 * 3_600_000);
    assert.equal(parseMoment('since', '2h', now), now - 7_200_000);
  });

  it('is refused when it is neither', () => {
    for (const text of ['yesterday', '5', '2026-13-01', '']) {
      assert.throws(() => parseMoment('since', text, now), invalid(/is not a date/));
    }
  });

  it('is shown as seen from now', () => {
    assert.equal(formatSince(now - 5_000, now), '5s ago');
    assert.equal(formatSince(now + 60_000, now), 'in 1m');
    assert.equal(formatSince(now, now), 'now');
  });
});
