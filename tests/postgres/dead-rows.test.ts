/**
 * What a store on PostgreSQL reads while somebody holds a snapshot: dead rows stay then, and no
 * verb may read the more the longer that lasts.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type StoreScene, storeScene } from './store-scene.ts';

const ROUNDS = 12;
const RUNS = 500;

/** Pages that a call reads, those of what it calls included. */
async function pagesOf(at: StoreScene, call: string): Promise<number> {
  const rows = await at.sql(`explain (analyze, buffers, format json) select ${call}`);
  const [{ Plan: plan }] = Object.values(rows[0] ?? {})[0] as [{ Plan: Record<string, number> }];
  return (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0);
}

describe('a held snapshot', () => {
  it('makes no heartbeat, claim or sweep read more', { timeout: 120_000 }, async () => {
    await using at = await storeScene();
    const node = await at.scene.join();
    await using snapshot = await at.hold();
    assert.ok(snapshot);
    // A run that goes on all the while: what is alive stands before what is dead.
    await at.scene.start({});
    await at.scene.claim(node, 1);
    const passing = async (): Promise<void> => {
      await at.scene.startMany(RUNS, {});
      const runs = await at.scene.claim(node, RUNS);
      const end = { how: 'succeeded', result: '1' } as const;
      await at.store.end(runs.map(({ seq, fence }) => ({ seq, fence, end })));
    };
    const calls = {
      heartbeat: `$s.beat(${node}, 0, 0)`,
      stops: `$s.stops(${node})`,
      sweep: '$s.to_sweep()',
      claim: `$s.claim(${node}, array['work'], array[1], 1)`,
      versions: `$s.claim(${node}, array['work', 'work' || chr(31) || '1'], array[1, 1], 1)`,
      retention: '$s.prune_runs(1, 86400000, 500)',
    };
    const look = async (): Promise<Record<string, number>> => {
      await at.sql('analyze $s.live');
      await at.sql('analyze $s.cells');
      const pages: Record<string, number> = {};
      for (const [name, call] of Object.entries(calls)) {
        // The first call of a connection reads catalogues as well.
        const looks = [await pagesOf(at, call), await pagesOf(at, call), await pagesOf(at, call)];
        pages[name] = Math.min(...looks);
      }
      return pages;
    };
    await passing();
    const early = await look();
    for (let round = 1; round < ROUNDS; round += 1) await passing();
    const late = await look();
    for (const [name, pages] of Object.entries(late)) {
      const before = early[name] ?? 0;
      assert.ok(pages <= before + 40, `${name} read ${before} pages, and ${pages} after ${ROUNDS}`);
    }
  });
});
