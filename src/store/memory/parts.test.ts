import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Journal } from './journal.ts';
import { openParts } from './parts.ts';

describe('the parts of runs in memory', () => {
  it('forgets a run and nothing of the runs beside it', () => {
    const { table, forget } = openParts(new Journal());
    const sums = { kept: 2, bytes: 9, dropped: 0, fence: 1, sent: 2 };
    for (const seq of [6, 7, 8]) {
      table.putSums(seq, sums);
      for (const first of [0, 1]) {
        table.add(seq, { first, count: 1, attempt: 1, content: `["${seq} ${first}"]` });
      }
    }
    forget(7);
    assert.equal(table.sums(7), undefined);
    assert.deepEqual(table.blocks(7, 0, 9), []);
    for (const seq of [6, 8]) {
      assert.deepEqual(table.sums(seq), sums);
      assert.equal(table.blocks(seq, 0, 9).length, 2);
    }
  });
});
