import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { testServer } from '../../../tests/postgres/server.ts';
import { int8Array, textArray } from './array-params.ts';

describe('array parameters', () => {
  it('(A1) arrive as they were', async () => {
    const server = await testServer();
    const one = fc.record({
      text: fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0')),
      n: fc.maxSafeInteger(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(one, { maxLength: 20 }), async (items) => {
        const [row] = await server.query(
          `select coalesce(json_agg(json_build_array(n, text)), '[]'::json) as items
           from unnest($1::bigint[], $2::text[]) as x(n, text)`,
          [int8Array(items.map(({ n }) => n)), textArray(items.map(({ text }) => text))],
        );
        assert.deepEqual(
          row?.items,
          items.map(({ n, text }) => [n, text]),
        );
      }),
      { numRuns: 100 },
    );
  });
});
