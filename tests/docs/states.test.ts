import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { rewriteCommand, walk, withGenerated } from '../../scripts/states-table.ts';
import { runStatuses } from '../../src/core/execution/run.ts';
import { firstColumn } from './tables.ts';

const document = readFileSync(new URL('../../docs/reference/states.md', import.meta.url), 'utf8');
const rows = walk();
const taken = rows.flatMap(({ answer }) => ('refusal' in answer ? [] : [answer]));

describe('docs/reference/states.md', () => {
  it('shows what the state machine does with every event in every state', () => {
    const advice = `the page and the code differ; look at both, then run: ${rewriteCommand}`;
    assert.equal(document, withGenerated(document), advice);
  });

  it('says what every event means, and names no other', () => {
    const names = new Set(rows.map((row) => row.event));
    assert.deepEqual(firstColumn(document, 'event', 'who says so, and when'), [...names]);
  });

  it('says what every effect does, and names no other', () => {
    const names = taken.flatMap((answer) => answer.effects.split(', '));
    const effects = new Set(names.map((name) => name.replace(/ \(.*/, '')).filter(Boolean));
    assert.deepEqual(
      firstColumn(document, 'effect', 'what is done').toSorted(),
      [...effects].toSorted(),
    );
  });

  it('says what every refusal means, and names no other', () => {
    const refusals = new Set(
      rows.flatMap(({ answer }) => ('refusal' in answer ? [answer.refusal] : [])),
    );
    assert.deepEqual(
      firstColumn(document, 'refusal', 'meaning').toSorted(),
      [...refusals].toSorted(),
    );
  });

  it('says what every status means', () => {
    assert.deepEqual(firstColumn(document, 'status', 'meaning'), runStatuses);
  });
});

describe('the walk over the state machine', () => {
  it('starts from every state that a step can lead to', () => {
    const named = new Set(rows.map((row) => row.state));
    for (const { next } of taken) {
      const state = next.replace(/ \((succeeded|failed|cancelled|timed-out|lost)\)$/, '');
      assert.ok(state === 'unchanged' || named.has(state), `nothing starts from '${state}'`);
    }
  });
});
