import assert from 'node:assert/strict';
import test from 'node:test';
import { findHolder } from './lock-holder.ts';

const locks = `1: POSIX  ADVISORY  READ  10 fd:01:77 124 124
2: POSIX  ADVISORY  WRITE 11 fd:01:78 120 120
3: FLOCK  ADVISORY  WRITE 12 fd:01:77 0 EOF
4: POSIX  ADVISORY  WRITE 13 fd:01:77 121 123
5: POSIX  ADVISORY  WRITE 14 fd:01:77 120 120
5: -> POSIX  ADVISORY  WRITE 15 fd:01:77 120 120
`;

test('the holder is the process with the lock on the one byte of the one file', () => {
  assert.equal(findHolder(locks, 77), 14);
  assert.equal(findHolder(locks, 78), 11);
});

test('locks of other files, of other bytes, and of those who wait do not count', () => {
  const without = locks
    .split('\n')
    .filter((line) => !line.includes(' 14 '))
    .join('\n');
  assert.equal(findHolder(without, 77), null);
  assert.equal(findHolder('', 77), null);
});
