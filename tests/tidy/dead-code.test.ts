/** No file, export or dependency that nothing uses; knip.json names what counts as an entry. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import test from 'node:test';
import { root } from './repository.ts';

test('nothing in the repository is dead', () => {
  const knip = join(root, 'node_modules', '.bin', 'knip');
  const { status, stdout, stderr } = spawnSync(knip, ['--no-progress', '--no-config-hints'], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(status, 0, `\n${stdout}${stderr}`);
});
