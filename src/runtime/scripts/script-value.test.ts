/** Texts of VMs as values of the host. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scriptLimitsOf } from '../../sandbox/vm/limits.ts';
import { scriptValueOf } from './script-value.ts';

const setup = { file: 'x.js', source: '', limits: scriptLimitsOf('x'), grants: [], engine: 'none' };
const read = (text: string): unknown => scriptValueOf(setup, text);

describe('a value of a script', () => {
  it('is what its JSON says', () => {
    const value = { 'a"[[': ['\\', '{"', { b: [1, null] }] };
    assert.deepEqual(read(JSON.stringify(value)), value);
  });

  it('may nest a thousand levels, and no more', () => {
    const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
    assert.ok(Array.isArray(read(nested(1_000))));
    const deep = {
      code: 'script.failed',
      message: /x\.js threw: its values nest deeper than 1000/,
    };
    assert.throws(() => read(nested(1_001)), deep);
    assert.throws(() => read(`{"a":${'{"a":'.repeat(1_000)}1${'}'.repeat(1_001)}`), deep);
  });

  it('does not count what stands in texts, or beside each other', () => {
    assert.equal(read(JSON.stringify('[{"\\'.repeat(2_000))), '[{"\\'.repeat(2_000));
    assert.ok(Array.isArray(read(`[${Array(2_000).fill('[{}]').join(',')}]`)));
  });

  it('is an error when it is no JSON', () => {
    assert.throws(() => read('{'), { code: 'script.failed', message: /gave no JSON/ });
    assert.throws(() => read(`"${'['.repeat(3_000)}`), { code: 'script.failed' });
  });
});
