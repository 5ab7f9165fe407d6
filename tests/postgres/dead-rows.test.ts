/**
 * What a store on PostgreSQL reads while somebody holds a snapshot: dead rows stay then, and no
 * verb may read the more the longer that lasts.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { WallMs } from '../../src/core/time.ts';
import { pagesOf } from './pages.ts';
import { storeScene } from './store-scene.ts';

const ROUNDS = 12;
const RUNS = 500;

describe('a held snapshot', () => {
  it('makes no heartbeat, claim or sweep read more', { timeout: 120_000 }, async () => {
    await using at = await storeScene();
    const node = await at.scene.join();
    await using snapshot = await at.hold();
    assert.ok(snapshot);
    // A run that goes on all the while: what is alive stands before what is dead.
    await at.scene.start({});
    await at.scene.claim(node, 1);
    const pass = async (): Promise<void> => {
      const runs = await at.scene.claim(node, RUNS);
      assert.equal(runs.length, RUNS);
      const end = { how: 'succeeded', result: '1' } as const;
      await at.store.end(runs.map(({ seq, fence }) => ({ seq, fence, end })));
    };
    let families = 0;
    const passing = async (): Promise<void> => {
      const minute = (at.scene.world.now() + 60_000) as WallMs;
      const timed = { deadlineAt: minute, policy: { attemptTimeoutMs: 30_000 } };
      await at.scene.startMany(RUNS, timed);
      await pass();
      await at.sql(`select $s.start('work', '1') from generate_series(1, ${RUNS})`);
      await at.store.sweep(RUNS);
      await pass();
      // As so many families leave something to be done, and as it is done.
      families += RUNS;
      await at.sql(`insert into $s.closings
        select n, 'end', 0, null from generate_series(${families + 1}, ${families + RUNS}) n`);
      await at.sql('delete from $s.closings');
    };
    const calls = {
      heartbeat: `$s.beat(${node}, 0, 0)`,
      stops: `$s.stops(${node})`,
      sweep: '$s.to_sweep()',
      closings: '$s.closings_left()',
      claim: `$s.claim(${node}, array['work'], array[1], 1)`,
      versions: `$s.claim(${node}, array['work', 'work' || chr(31) || '1'], array[1, 1], 1)`,
      retention: '$s.prune_runs(1, 86400000, 500)',
    };
    const look = async (): Promise<Record<string, number>> => {
      await at.sql('analyze $s.live');
      await at.sql('analyze $s.cells');
      const pages: Record<string, number> = {};
      for (const [name, call] of Object.entries(calls)) {
        pages[name] = await pagesOf(at, call);
      }
      return pages;
    };
    await passing();
    const early = await look();
    for (let round = 1; round < ROUNDS; round += 1) await passing();
    const late = await look();
    for (const [name, pages] of Object.entries(late)) {
      const before = early[name] ?? 0;
      assert.ok(pages <= before + 60, `${name} read ${before} pages, and ${pages} after ${ROUNDS}`);
    }
  });
});
