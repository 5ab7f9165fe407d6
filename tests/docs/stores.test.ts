/** The page on stores lists what the code takes. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { HoldfastError } from 'holdfast';
import { placeOf } from '../../src/runtime/store-place.ts';
import { firstColumn } from './tables.ts';

const document = readFileSync(new URL('../../docs/reference/stores.md', import.meta.url), 'utf8');
const url = 'postgres://h/db';

/** The names that a refusal of `option` says are known. */
function knownBy(store: Parameters<typeof placeOf>[0], says: RegExp): readonly string[] {
  try {
    placeOf(store);
  } catch (error) {
    assert.ok(error instanceof HoldfastError);
    const [, names = ''] = says.exec(error.message) ?? [];
    return names.split(', ');
  }
  assert.fail('it was not refused');
}

describe('docs/reference/stores.md', () => {
  it('lists every parameter of an address, and no other', () => {
    const known = knownBy(`${url}?nope=1`, /only these are known: (.*)$/);
    assert.deepEqual(firstColumn(document, 'parameter', 'meaning'), known);
  });

  it('lists every option of a store in PostgreSQL, and no other', () => {
    const listed = firstColumn(document, 'option', 'default', 'meaning');
    const known = knownBy({ url, somethingElse: 1 } as never, /known are (.*)$/);
    assert.deepEqual(listed, known);
  });

  it('says the defaults that are', () => {
    const { kind, ...place } = placeOf({ url });
    assert.equal(kind, 'postgres');
    const shown = { schema: 'holdfast', connectionsMax: 4, transactionsMax: 4, migrate: true };
    assert.deepEqual({ ...place, ...shown }, place);
    for (const value of Object.values(shown)) assert.match(document, new RegExp(`${value}`));
  });
});
