import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { describe, it } from 'node:test';
import { HoldfastError } from '../core/errors.ts';
import { placeOf, type StoreOption } from './store-place.ts';

const refusalOf = (store: unknown): HoldfastError => {
  try {
    placeOf(store as StoreOption);
  } catch (error) {
    assert.ok(error instanceof HoldfastError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: 'nothing was refused' });
};

const postgresOf = (store: StoreOption) => {
  const place = placeOf(store);
  assert.ok(place.kind === 'postgres');
  const { address, ...rest } = place;
  return { ...rest, shown: address.shown };
};

describe('the place of a store', () => {
  it('is a file, by its path', () => {
    const path = resolve('./jobs.db');
    for (const store of ['./jobs.db', 'sqlite:./jobs.db', { path: './jobs.db' }]) {
      assert.deepEqual(placeOf(store), { kind: 'sqlite', path });
    }
    assert.deepEqual(placeOf('memory:'), { kind: 'memory' });
    assert.deepEqual(placeOf({ path: 'postgres:' }).kind, 'sqlite');
  });

  it('is a schema of a database, by its address', () => {
    const place = {
      ...{ kind: 'postgres', schema: 'holdfast', connectionsMax: 4, migrate: true },
      transactionsMax: 4,
      shown: 'app@db:5432/jobs',
    };
    assert.deepEqual(postgresOf('postgres://app:secret@db/jobs'), place);
    assert.deepEqual(postgresOf('PostgreSQL://app:secret@db/jobs'), place);
    const work = { ...place, schema: 'work' };
    assert.deepEqual(postgresOf('postgres://app@db/jobs?schema=work'), work);
    assert.deepEqual(postgresOf({ url: 'postgres://app@db/jobs', schema: 'work' }), work);
    const url = 'postgres://app@db/jobs?sslmode=disable';
    assert.deepEqual(postgresOf({ url, schema: 'work', connectionsMax: 9, migrate: false }), {
      ...work,
      connectionsMax: 9,
      migrate: false,
    });
  });

  it('is refused by the rule that it breaks', () => {
    assert.equal(refusalOf('').code, 'request.invalid');
    assert.equal(refusalOf({ path: '' }).code, 'request.invalid');
    assert.equal(refusalOf({ file: 'x' }).code, 'request.invalid');
    assert.match(refusalOf('mysql://root:secret@db').message, /'mysql:\.\.\.', which this version/);
    const url = 'postgres://app@db/jobs';
    const cases = [
      [{ url, scheme: 'x' }, /did you mean 'schema'\?/],
      [{ url, schema: 'Work' }, /has the schema 'Work'; it must have/],
      [{ url, schema: '' }, /store\.schema is ""; it must be a name/],
      [{ url: `${url}?schema=a`, schema: 'b' }, /the parameter 'schema' twice/],
      [{ url, connectionsMax: 1 }, /connectionsMax is 1; it must lie in 2 to 100/],
      [{ url, transactionsMax: 0 }, /transactionsMax is 0; it must lie in 1 to 100/],
      [{ url, migrate: 'no' }, /migrate is "no"; it must be a boolean/],
    ] as const;
    for (const [store, says] of cases) assert.match(refusalOf(store).message, says);
  });

  it('is never repeated where it may hold a password', () => {
    const given = [
      'postgres://app:secret@db:port/jobs',
      'postgres://app:sec/ret@db/jobs',
      'postgres:app:secret@db/jobs',
      'postgress://app:secret@db/jobs',
      'mysql://app:secret@db/jobs',
      { url: 'app:secret@db/jobs' },
      { url: ['postgres://app:secret@db/jobs'] },
      { url: 'postgres://app:secret@db/jobs', schema: 'NO' },
      { url: 'postgres://app:secret@db/jobs', colour: 'red' },
    ];
    for (const store of given) {
      const { message, details } = refusalOf(store);
      assert.doesNotMatch(message + JSON.stringify(details), /secret|sec\/ret/);
    }
  });
});
