/** What counts as a word of a VM, and what does not. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isVmFault, isVmWord } from './word-check.ts';

const fault = { kind: 'threw', message: 'x' };

const words: readonly unknown[] = [
  { word: 'ready' },
  { word: 'refused', fault },
  { word: 'began', call: 1 },
  { word: 'value', call: 1, text: '1' },
  { word: 'ask', call: 1, ask: 1, grant: 'g', text: '[]' },
  { word: 'done', call: 1, text: null },
  { word: 'done', call: 1, text: '1' },
  { word: 'failed', call: 1, fault: { ...fault, name: 'E', line: 3, stack: 's' }, clean: true },
];

const others: readonly unknown[] = [
  ...[null, undefined, 7, 'ready', [], {}, { word: 'stop' }, { word: 'toString', call: 1 }],
  ...[{ word: 'began' }, { word: 'began', call: '1' }, { word: 'refused' }],
  ...[
    { word: 'value', call: 1 },
    { word: 'value', call: 1, text: { length: 1 } },
  ],
  ...[
    { word: 'ask', call: 1, ask: 1, grant: 'g' },
    { word: 'done', call: 1 },
  ],
  { word: 'ask', call: 1, ask: '1', grant: 'g', text: '[]' },
  { word: 'failed', call: 1, fault },
  { word: 'failed', call: 1, fault: { kind: 'threw' }, clean: true },
  { word: 'failed', call: 1, fault: { kind: 'constructor', message: 'x' }, clean: true },
  { word: 'refused', fault: { ...fault, line: 'three' } },
  { word: 'refused', fault: { ...fault, stack: {} } },
];

describe('a word of a VM', () => {
  it('is one in every part of its form', () => {
    for (const word of words) assert.equal(isVmWord(word), true, JSON.stringify(word));
  });

  it('is nothing else', () => {
    for (const other of others) assert.equal(isVmWord(other), false, JSON.stringify(other));
    assert.equal(isVmFault(null), false);
  });
});
