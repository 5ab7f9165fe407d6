/** Keys: what is kept of them, and what is recognised. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Holdfast } from '../holdfast.ts';
import { recognised } from './keys.ts';

async function scene() {
  const hf = await Holdfast.open({ store: 'memory:' });
  const rows = async () => new Map((await hf.keys.rows()).map((row) => [row.id, row]));
  return { hf, rows, [Symbol.asyncDispose]: () => hf.close() };
}

describe('an access key', () => {
  it('is shown once, kept as a digest, and recognised', async () => {
    await using at = await scene();
    const { id, key } = await at.hf.keys.create({ name: 'shop', scope: 'read', tenant: 'acme' });
    assert.match(key, /^hf_[0-9a-f]{16}_[\w-]{43}$/);
    const rows = await at.rows();
    assert.doesNotMatch(JSON.stringify([...rows.values()]), new RegExp(key.slice(20)));
    const { name, scope, tenant } = recognised(key, rows) ?? assert.fail('not recognised');
    assert.deepEqual({ name, scope, tenant }, { name: 'shop', scope: 'read', tenant: 'acme' });
    const [view] = await at.hf.keys.list();
    assert.deepEqual(Object.keys(view ?? {}).includes('hash'), false);
    assert.equal(view?.id, id);
  });

  it('is not recognised when anything of it is changed, or it was revoked', async () => {
    await using at = await scene();
    const { id, key } = await at.hf.keys.create({ name: 'shop' });
    const other = await at.hf.keys.create({ name: 'other' });
    const rows = await at.rows();
    const swapped = `hf_${other.id}_${key.slice(20)}`;
    const wrong = [`${key}a`, key.slice(0, -1), `${key.slice(0, -1)}!`, swapped, `hf_${id}_`, ''];
    for (const one of wrong) assert.equal(recognised(one, rows), null, one);
    await at.hf.keys.revoke(id);
    assert.equal(recognised(key, await at.rows()), null);
    await assert.rejects(at.hf.keys.revoke(id), { code: 'auth.unknown_key' });
  });

  it('is refused with an unknown scope, without a name, or for an empty tenant', async () => {
    await using at = await scene();
    const scope = 'root' as 'admin';
    await assert.rejects(at.hf.keys.create({ name: 'a', scope }), { code: 'request.invalid' });
    await assert.rejects(at.hf.keys.create({ name: '' }), { code: 'key.invalid' });
    await assert.rejects(at.hf.keys.create({ name: 'a', tenant: '' }), { code: 'key.invalid' });
  });
});
