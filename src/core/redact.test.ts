import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  Redactor,
  standardRedactor,
  withoutCredentials,
  wordWithoutCredentials,
} from './redact.ts';

describe('(R2) a text', () => {
  it('has no credentials', () => {
    const key = `hf_${'a1'.repeat(8)}_${'Zz9'.repeat(14)}x`;
    const cases: Readonly<Record<string, string>> = {
      'cannot reach postgres://app:hunter2@db:5432/jobs now':
        'cannot reach postgres://app:[redacted]@db:5432/jobs now',
      'redis://:hunter2@cache and amqp://a:b@c':
        'redis://:[redacted]@cache and amqp://a:[redacted]@c',
      'https://u:p@ss/w?rd@host/path': 'https://u:[redacted]@host/path',
      'GET https://api.example.com/x?token=abc123&page=2':
        'GET https://api.example.com/x?token=[redacted]&page=2',
      'host=db user=app password=hunter2 dbname=jobs':
        'host=db user=app password=[redacted] dbname=jobs',
      'sent Authorization: Bearer eyJhbGciOi.J9.abc': 'sent Authorization: Bearer [redacted]',
      'Basic dXNlcjpwYXNzMTIz': 'Basic [redacted]',
      [`the key ${key} is unknown`]: 'the key hf_a1a1a1a1a1a1a1a1_[redacted] is unknown',
    };
    for (const [text, shown] of Object.entries(cases))
      assert.equal(withoutCredentials(text), shown);
  });

  it('is itself where there are none', () => {
    const texts = [
      'see https://example.com/a/b?page=2&size=10#top',
      'mail to ada@example.com: 12:30',
      'basic functionality, bearer of news',
      'unexpected token } in JSON at position 7',
    ];
    for (const text of texts) assert.equal(withoutCredentials(text), text);
  });

  it('takes little time, whatever it is made of', () => {
    for (const piece of ['://a:', 'a.', 'token=', 'Bearer ', '?']) {
      const from = process.cpuUsage().user;
      withoutCredentials(piece.repeat(4_096));
      assert.ok(process.cpuUsage().user - from < 1_000_000, piece);
    }
  });
});

describe('a word of the command line, as others see it', () => {
  it('has no password', () => {
    const cases = {
      'postgres://app:secret@db/jobs': 'postgres://app:[redacted]@db/jobs',
      '--store=postgresql://app:secret@db/jobs?schema=a':
        '--store=postgresql://app:[redacted]@db/jobs?schema=a',
      'postgres://app:se@cret/x?y@db/jobs': 'postgres://app:[redacted]@db/jobs',
      'postgres://:secret@db/jobs': 'postgres://:[redacted]@db/jobs',
      'postgres://app@db/jobs?password=secret&schema=a':
        'postgres://app@db/jobs?password=[redacted]&schema=a',
    };
    for (const [word, shown] of Object.entries(cases)) {
      assert.equal(wordWithoutCredentials(word), shown);
    }
  });

  it('is itself where there is none', () => {
    const words = ['ls', '--store', './a:b@c.db', 'postgres://app@db:5432/jobs', 'sqlite:./x.db'];
    for (const word of words) assert.equal(wordWithoutCredentials(word), word);
  });
});

describe('(R1) fields', () => {
  const shown = (value: unknown, own?: readonly string[]) =>
    (own === undefined ? standardRedactor : new Redactor(own)).fields(value);

  it('whose names say that they are secret are replaced, however deep and however written', () => {
    const secret = {
      password: 'a',
      dbPassword: 'b',
      API_KEY: 'c',
      'x-api-key': 'd',
      headers: { Authorization: 'e', 'Set-Cookie': ['f'], accept: 'json' },
      list: [{ refresh_token: 'g', id: 1 }],
      credentials: { user: 'h' },
    };
    const hidden = '[redacted]';
    assert.deepEqual(shown(secret), {
      password: hidden,
      dbPassword: hidden,
      API_KEY: hidden,
      'x-api-key': hidden,
      headers: { Authorization: hidden, 'Set-Cookie': hidden, accept: 'json' },
      list: [{ refresh_token: hidden, id: 1 }],
      credentials: hidden,
    });
  });

  it('of other names stay, with texts that quote no credentials', () => {
    const fields = { tokens: 512, keys: ['a'], secretary: 'Ada', at: new Date(0), none: null };
    assert.deepEqual(shown({ ...fields, url: 'amqp://a:b@c', password: null }), {
      ...fields,
      ...{ at: '1970-01-01T00:00:00.000Z', url: 'amqp://a:[redacted]@c', password: null },
    });
  });

  it('can be named: by their names, and by paths', () => {
    const person = { ssn: 'a', card: { number: 'b', kind: 'visa' }, number: 7 };
    const expected = { ssn: '[redacted]', card: { number: '[redacted]', kind: 'visa' }, number: 7 };
    assert.deepEqual(shown(person, ['SSN', 'card.number']), expected);
    const list = { people: [{ card: { number: 1 } }] };
    assert.deepEqual(shown(list, ['card.number']), {
      people: [{ card: { number: '[redacted]' } }],
    });
  });

  it('that are errors tell their words, without credentials', () => {
    const error = Object.assign(new TypeError('no postgres://a:b@c'), { code: 'E_NO' });
    assert.deepEqual(shown({ error }), {
      error: { name: 'TypeError', message: 'no postgres://a:[redacted]@c', code: 'E_NO' },
    });
  });

  it('(R3) that are no JSON are said to be none', () => {
    const round: Record<string, unknown> = {};
    round.self = round;
    const dropped = { dropped: 'fields that cannot be written as JSON' };
    assert.deepEqual(shown(round), dropped);
    assert.deepEqual(shown({ big: 1n }), dropped);
    assert.equal(shown(undefined), null);
  });
});
