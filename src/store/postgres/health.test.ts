import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { health, healthFindings } from './health.ts';
import type { Queries } from './queries.ts';

const well = { held: null, who: null, table: 'live', dead: 10, live: 1_000, all: true };

/** What is known when the server gives this row. */
const given = (row: Partial<Record<keyof typeof well, unknown>>) => {
  const queries = { rows: async () => [{ ...well, ...row }] } as unknown as Queries;
  return health(queries, 'holdfast');
};

describe('the health of a database', () => {
  it('is well while nobody holds a snapshot for long and few rows are dead', async () => {
    for (const row of [
      {},
      { held: 299_999, who: 'psql (pid 7)' },
      { dead: 50_000, live: 0 },
      { dead: 400_000, live: 400_001 },
      { table: null, dead: null, live: null },
    ]) {
      const known = await given(row);
      assert.deepEqual(known.alarms, [], JSON.stringify(row));
      assert.deepEqual(
        healthFindings(known).map(({ check, level }) => [check, level]),
        [
          ['held snapshot', 'ok'],
          ['dead rows', 'ok'],
        ],
      );
    }
  });

  it('raises an alarm about a transaction of five minutes, and names it', async () => {
    const known = await given({ held: 300_000, who: 'psql (pid 7)' });
    assert.deepEqual(
      known.alarms.map(({ name }) => name),
      ['held-snapshot'],
    );
    const [held] = healthFindings(known);
    assert.equal(held?.level, 'warn');
    assert.match(held?.message ?? '', /^psql \(pid 7\) has held .* for 300 s: .*; end it$/);
  });

  it('raises an alarm about a table with more dead rows than live ones', async () => {
    const known = await given({ dead: 50_001, live: 50_000 });
    assert.deepEqual(
      known.alarms.map(({ name }) => name),
      ['dead-rows'],
    );
    const [, dead] = healthFindings(known);
    assert.match(dead?.message ?? '', /^table 'live' has 50001 dead rows beside 50000 live ones/);
  });

  it('says what this role cannot see', async () => {
    const [held] = healthFindings(await given({ all: false }));
    assert.match(held?.message ?? '', /of this role; grant it pg_read_all_stats/);
  });
});
