import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import pg from 'pg';
import type { ClaimedRun } from '../../src/ports/store-runs.ts';
import type { PostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { storeScene } from './store-scene.ts';

const stores = 4;
const runs = 400;

describe('several nodes at once on one schema', () => {
  it('(G1, G4) hand every run out once, and never over a width or a limit', async () => {
    await using at = await storeScene();
    await at.store.setTenant({ tenant: 'limited', runningMax: 5 });
    for (let n = 0; n < runs; n += 40) {
      await at.scene.startMany(10, {});
      await at.scene.startMany(10, { lane: `lane-${n % 3}`, laneWidth: 2 });
      await at.scene.startMany(10, { tenant: 'limited' });
      await at.scene.startMany(10, { tenant: 'limited', lane: 'both' });
    }
    const held = new Map<string, number>();
    const owners = new Map<string, number>();
    const hold = (key: string, by: number, max: number): void => {
      const now = (held.get(key) ?? 0) + by;
      held.set(key, now);
      assert.ok(now <= max, `${key}: ${now} of ${max}`);
    };
    /** A place counts from when it is known to be held until it is given back. */
    const places = (run: ClaimedRun, by: number): void => {
      if (run.lane !== null) hold(run.lane, by, run.lane === 'both' ? 1 : 2);
      if (run.tenant === 'limited') hold('limited', by, 5);
    };
    let left = runs;
    const work = async (store: PostgresStore): Promise<void> => {
      const verdict = await store.join(at.scene.card());
      assert.ok(verdict.ok);
      const functions = [{ fn: 'work', runsMax: 7 }];
      while (left > 0) {
        const reply = await store.claim({ node: verdict.node, functions, runsMax: 7 });
        assert.ok(reply.ok);
        for (const run of reply.runs) {
          owners.set(run.id, (owners.get(run.id) ?? 0) + 1);
          places(run, 1);
        }
        for (const run of reply.runs) places(run, -1);
        const end = { how: 'succeeded', result: '1' } as const;
        const { reply: ends } = await store.end(
          reply.runs.map(({ seq, fence }) => ({ seq, fence, end })),
        );
        for (const one of ends) assert.ok(one.ok && !one.repeated, JSON.stringify(one));
        left -= ends.length;
      }
    };
    const opened = await Promise.all(Array.from({ length: stores }, () => at.connect()));
    await Promise.all(opened.map(work));
    assert.equal(owners.size, runs);
    assert.ok([...owners.values()].every((times) => times === 1));
    await at.scene.nothingIsWrong();
  });

  it('accept one run under an id that all of them start at once', async () => {
    await using at = await storeScene();
    const opened = await Promise.all(Array.from({ length: stores }, () => at.connect()));
    for (let round = 0; round < 20; round += 1) {
      const item = at.scene.item(round % 2 === 0 ? {} : { lane: 'l' });
      const replies = await Promise.all(opened.map((store) => store.start([item])));
      const created = replies.filter(({ reply: [one] }) => one?.ok === true && one.created);
      assert.equal(created.length, 1);
    }
    assert.equal((await at.store.counts()).queued, 20);
  });

  it('are given one secret, also by one who looked before another had committed his', async () => {
    await using at = await storeScene();
    const url = new URL(at.url);
    url.searchParams.delete('schema');
    const first = new pg.Client({ connectionString: url.href });
    await first.connect();
    const keep = `insert into "${at.schema}".meta (key, value) values ('secret of cursors', 'one')`;
    await first.query(`begin; ${keep}`);
    const second = at.store.secret('cursors', 'two');
    const waits = `select 1 from pg_stat_activity
      where wait_event_type = 'Lock' and query ~ 'insert into "${at.schema}".meta'`;
    while ((await at.sql(waits)).length === 0) await new Promise(setImmediate);
    await first.query('commit');
    await first.end();
    assert.equal(await second, 'one');
    assert.equal(await at.store.secret('cursors', 'three'), 'one');
  });
});
