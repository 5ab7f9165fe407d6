/** The lock file installs on every machine: complete, and without a registry's addresses. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { type LockEntries, missingEntries } from '../../scripts/lock.ts';
import { root } from './repository.ts';

const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: LockEntries;
};

test('package-lock.json holds no address of a registry; .npmrc keeps npm from writing them', () => {
  const addressed = Object.entries(lock.packages).filter(([, entry]) => 'resolved' in entry);
  assert.deepEqual(Object.fromEntries(addressed), {});
});

test('package-lock.json has an entry for every platform; `npm run lock` adds them', () => {
  assert.deepEqual(Object.keys(missingEntries(lock.packages)), []);
});

test('a missing platform is found, and its entry says what it is for', () => {
  const optionalDependencies = { 'tool-linux-x64-musl': '1.0.0', 'tool-win32-arm64': '1.0.0' };
  const missing = missingEntries({
    'node_modules/tool': { version: '1.0.0', dev: true, optionalDependencies },
    'node_modules/tool-win32-arm64': { version: '1.0.0' },
  });
  assert.deepEqual(missing, {
    'node_modules/tool-linux-x64-musl': {
      version: '1.0.0',
      cpu: ['x64'],
      dev: true,
      libc: ['musl'],
      optional: true,
      os: ['linux'],
    },
  });
});

test('another version already in place puts the entry below the package that asks for it', () => {
  const missing = missingEntries({
    'node_modules/tool': { optionalDependencies: { 'tool-darwin-arm64': '2.0.0' } },
    'node_modules/tool-darwin-arm64': { version: '1.0.0' },
  });
  assert.deepEqual(Object.keys(missing), ['node_modules/tool/node_modules/tool-darwin-arm64']);
});
