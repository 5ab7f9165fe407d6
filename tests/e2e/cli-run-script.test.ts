/** The command line on scripts: values and result, by language, within limits. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { call, temporaryFolder } from './call.ts';

describe('holdfast run-script', () => {
  it('prints what the script emits and returns', async () => {
    using folder = temporaryFolder();
    const lua = folder.at('double.lua');
    const js = folder.at('double.js');
    writeFileSync(lua, 'emit(input.n) return { n = input.n * 2 }');
    writeFileSync(js, 'emit(input.n); return { n: input.n * 2 }');
    for (const file of [lua, js]) {
      const shown = await call(['run-script', file, '--input', '{"n":21}']);
      assert.deepEqual([shown.exit, shown.out], [0, '21\n{"n":42}\n']);
      const json = await call(['run-script', file, '--input', '{"n":1}', '--json']);
      assert.equal(json.out, '{"value":1}\n{"result":{"n":2}}\n');
    }
  });

  it('says what is wrong with script and line', async () => {
    using folder = temporaryFolder();
    const file = folder.at('bad.lua');
    writeFileSync(file, 'local a = 1\nnothing.at.all()');
    const failed = await call(['run-script', file]);
    assert.equal(failed.exit, 1);
    assert.match(failed.err, /script bad\.lua:2 threw/);
    writeFileSync(file, 'while true do end');
    const stopped = await call(['run-script', file, '--time', '100ms']);
    assert.equal(stopped.exit, 1);
    assert.match(stopped.err, /bad\.lua:1 was stopped.*timeMs, 100/);
  });

  it('bounds what the script emits', async () => {
    using folder = temporaryFolder();
    const file = folder.at('many.js');
    writeFileSync(file, 'emit(1);\nemit(2);\nemit(3);');
    const values = await call(['run-script', file, '--values', '2']);
    assert.deepEqual([values.exit, values.out], [1, '1\n2\n']);
    assert.match(values.err, /many\.js:3 was stopped.*outputValues, 2/);
    const bytes = await call(['run-script', file, '--bytes', '2']);
    assert.deepEqual([bytes.exit, bytes.out], [1, '1\n2\n']);
    assert.match(bytes.err, /outputBytes, 2/);
    assert.equal((await call(['run-script', file, '--values', '0'])).exit, 2);
  });

  it('refuses what it cannot execute', async () => {
    using folder = temporaryFolder();
    const file = folder.at('script.py');
    writeFileSync(file, 'print(1)');
    assert.equal((await call(['run-script', file])).exit, 2);
    assert.equal((await call(['run-script', file, '--language', 'py'])).exit, 2);
    assert.equal((await call(['run-script', folder.at('away.lua')])).exit, 2);
    assert.equal((await call(['run-script', file, '--memory', '1'])).exit, 2);
  });
});
