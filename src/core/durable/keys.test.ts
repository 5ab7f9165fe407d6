import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { checkStepName, Keys } from './keys.ts';

const names = fc.constantFrom('a', 'b', 'a/b', 'a#', '#2x');
const uses = fc.array(fc.tuple(fc.constantFrom('step', 'sleep'), names), { maxLength: 40 });

describe('Keys', () => {
  it('N1: marks the second use of a kind and name, and later ones', () => {
    const keys = new Keys();
    const made = ['a', 'a', 'b', 'a'].map((name) => keys.next('step', name));
    assert.deepEqual(made, ['step/a', 'step/a#2', 'step/b', 'step/a#3']);
    assert.equal(keys.next('sleep', 'a'), 'sleep/a');
  });

  it('N1 N2: the same uses have the same keys, and no two uses have one', () => {
    fc.assert(
      fc.property(uses, (list) => {
        const [one, two] = [new Keys(), new Keys()];
        const made = list.map(([kind, name]) => one.next(kind, checkStepName('it', name)));
        assert.deepEqual(
          made,
          list.map(([kind, name]) => two.next(kind, name)),
        );
        assert.equal(new Set(made).size, made.length);
      }),
    );
  });

  it('N2: refuses a name that ends like the mark of a later use', () => {
    for (const name of ['a#2', '#1', 'x/y#10']) {
      assert.throws(() => checkStepName('it', name), { code: 'key.invalid' }, name);
    }
  });

  it('refuses what is no name', () => {
    for (const name of ['', 'x'.repeat(201), 'a\nb', 7, undefined]) {
      assert.throws(() => checkStepName('it', name), { code: 'key.invalid' }, String(name));
    }
  });
});
