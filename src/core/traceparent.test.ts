import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { traceParts, traceText } from './traceparent.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';

describe('traceparent', () => {
  it('is read and written again', () => {
    const text = `00-${traceId}-${spanId}-01`;
    const parts = traceParts(text);
    assert.deepEqual(parts, { traceId, spanId, flags: 1 });
    assert.equal(parts === null ? null : traceText(parts), text);
  });

  it('of a later version is read as far as it is known', () => {
    const parts = traceParts(`01-${traceId}-${spanId}-ff-more`);
    assert.equal(parts === null ? null : traceText(parts), `00-${traceId}-${spanId}-01`);
  });

  it('is nothing where it is not well-formed', () => {
    const wrong = [
      ...['', 7, null, undefined, {}, `00-${traceId}-${spanId}`, `00-${traceId}-${spanId}-1`],
      ...[`ff-${traceId}-${spanId}-01`, `00-${traceId}-${spanId}-01-more`],
      ...[`00-${'0'.repeat(32)}-${spanId}-01`, `00-${traceId}-${'0'.repeat(16)}-01`],
      ...[`00-${traceId.toUpperCase()}-${spanId}-01`, ` 00-${traceId}-${spanId}-01`],
      `01-${traceId}-${spanId}-01-${'x'.repeat(200)}`,
    ];
    for (const text of wrong) assert.equal(traceParts(text), null, String(text));
  });
});
