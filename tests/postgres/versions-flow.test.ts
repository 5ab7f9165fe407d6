/** A schema of the version before flow control: it gets it, with the dead letters that it had. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { migrationText } from '../../src/store/postgres/schema/migrations.ts';
import { storeScene } from './store-scene.ts';

const FAILED = 2;

it('finds the dead letters of runs that ended under the version before', async () => {
  await using at = await storeScene();
  const { scene } = at;
  await at.sql('drop schema $s cascade');
  await at.sql(migrationText(at.schema, 0, 2));
  for (const [seq, id, retryOf] of [
    [1, 'kept', null],
    [2, 'retried', null],
    [3, 'again', 'retried'],
  ]) {
    await at.sql(
      `insert into $s.runs (seq, id, fn, lane_width, tenant, priority_seconds, tags, policy,
         accepted_at, input, retry_of)
       values ($1, $2, 'work', 1, 'default', 0, '[]', 1, 0, '1', $3)`,
      [seq, id, retryOf],
    );
  }
  for (const [seq, outcome] of [
    [1, FAILED],
    [2, FAILED],
    [3, 1],
  ]) {
    await at.sql(
      `insert into $s.ended (seq, outcome, finished_at, attempt, fence, failures, crashes)
       values ($1, $2, 1, 1, 1, 1, 0)`,
      [seq, outcome],
    );
  }
  await at.sql(`select setval('$s.run_seq', 3)`);
  const newer = await at.connect();
  const { runs } = await newer.dead({ filter: {}, before: null, rowsMax: 10 });
  assert.deepEqual(
    runs.map(({ id }) => id),
    ['kept'],
  );
  const flow = { unique: { key: 'k', while: 'unfinished' } } as const;
  const { reply } = await newer.start([scene.item({ flow }), scene.item({ flow })]);
  assert.deepEqual(
    reply.map((verdict) => verdict.ok && verdict.created),
    [true, false],
  );
});
