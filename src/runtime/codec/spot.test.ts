import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isEnvelope, utf8Bytes } from '../../core/payload.ts';
import type { Purpose } from '../../ports/cipher.ts';
import type { EventItem } from '../../ports/store-steps.ts';
import { aesGcm } from './aes-gcm.ts';
import { Sealer } from './sealer.ts';
import { markRoom, type Spot } from './spot.ts';

const cipher = aesGcm({ keys: [{ id: 'one', key: Buffer.alloc(32, 'one') }] });
const sealer = new Sealer(cipher);
const at: Spot = { of: 'run-1', what: 'step/a' };

const sealed = (text: string, spot = at, purpose: Purpose = 'step'): string => {
  const made = sealer.seal(text, purpose, spot);
  assert.ok(typeof made === 'string');
  return made;
};
/** What is read at a place: the text, or why it cannot be read. */
function read(text: string, spot: Spot, purpose: Purpose = 'step'): unknown {
  const opened = sealer.open(text, purpose, spot);
  assert.ok(typeof opened === 'string');
  const value: unknown = JSON.parse(opened);
  return isEnvelope(value) ? value.why : value;
}

describe('a sealed text at its place', () => {
  it('opens there, and neither in another run nor for something else', () => {
    const text = sealed('"x"');
    assert.equal(read(text, at), 'x');
    assert.equal(read(text, { ...at, of: 'run-2' }), 'payload.damaged');
    assert.equal(read(text, { ...at, what: 'step/b' }), 'payload.damaged');
    assert.equal(read(text, { of: 'run-1' }), 'payload.damaged');
    assert.equal(read(text, { ...at, of: null }), 'payload.damaged');
  });

  it('opens in a run that was made from its own, for the same only', () => {
    const text = sealed('"x"');
    const copy = { of: 'run-2', what: 'step/a', copied: true };
    assert.equal(read(text, copy), 'x');
    assert.equal(read(text, { ...copy, of: null }), 'x');
    assert.equal(read(text, { ...copy, what: 'step/b' }), 'payload.damaged');
  });

  it('does not take the mark of another', () => {
    const [one, two] = [sealed('"x"'), sealed('"y"', { ...at, of: 'run-2' })];
    const markOf = (text: string): string => (JSON.parse(text) as { readonly r: string }).r;
    const forged = one.replace(markOf(one), markOf(two));
    for (const copied of [false, true]) {
      assert.equal(read(forged, { ...at, of: 'run-2', copied }), 'payload.damaged');
    }
    const bare = one.replace(`,"r":"${markOf(one)}"`, '');
    assert.equal(read(bare, { ...at, of: 'run-2', copied: true }), 'payload.damaged');
  });

  it('opens in every run of those that it was sealed for together', () => {
    const shared = 'all of a function';
    const text = sealed('"x"', { ...at, of: shared });
    assert.equal(read(text, { ...at, shared }), 'x');
    assert.equal(read(text, { ...at, shared: 'others' }), 'payload.damaged');
    assert.equal(read(text, { ...at, shared, what: 'step/b' }), 'payload.damaged');
    assert.equal(read(text, at), 'payload.damaged');
  });

  it('takes the room that is left for it', () => {
    const max = 1_000;
    const text = 'x'.repeat(cipher.room(max - markRoom));
    assert.ok(utf8Bytes(sealed(text)) <= max);
    assert.ok(utf8Bytes(sealed(`${text}${'x'.repeat(12)}`)) > max);
  });
});

describe('a text that was sealed before there were places', () => {
  const before = (text: string, purpose: Purpose): string => {
    const earlier = cipher.earlier(text, purpose, 'same', 'anywhere');
    assert.ok(!(earlier instanceof Promise));
    return earlier.find(({ placed }) => !placed)?.sealed ?? assert.fail('there is none');
  };

  it('opens wherever it stands, as what it was', () => {
    const text = before('"x"', 'input');
    assert.equal(read(text, { of: 'run-9', what: 'any' }, 'input'), 'x');
    assert.equal(read(text, { of: 'run-9' }, 'result'), 'payload.damaged');
  });

  it('is found again as the same event', async () => {
    const item: EventItem = { id: 'e', name: 'paid', tenant: 't', data: '{"n":1}' };
    const same = JSON.stringify(['t', 'paid', 'e']);
    const earlier = cipher.earlier(item.data, 'event', same, 'anywhere');
    assert.ok(!(earlier instanceof Promise));
    const kept = earlier.find(({ placed }) => !placed)?.sealed;
    const asked = (await sealer.earlierEvents(item)).map(({ data }) => data);
    assert.ok(kept !== undefined && asked.includes(kept));
  });
});
