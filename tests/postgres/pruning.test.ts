/**
 * What retention costs on PostgreSQL: neither rows that may not go yet nor dead entries of those
 * that went make a call read more; and nobody is forgotten where calls meet, fail, or where the
 * clock goes back.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import pg from 'pg';
import type { NodeKey } from '../../src/core/execution/run.ts';
import type { Retention } from '../../src/ports/store-reads.ts';
import type { ClaimedRun } from '../../src/ports/store-runs.ts';
import { sweepAll } from '../contract/store/family-words.ts';
import { running } from '../contract/store/step-words.ts';
import { pagesOf } from './pages.ts';
import { testServer } from './server.ts';
import { type StoreScene, storeScene } from './store-scene.ts';

const patience = { timeout: 120_000 };
const dayMs = 86_400_000;
/** How many pages more are noise: a root that was split, a page that filled up. */
const noise = 20;

const keep: Retention = {
  ...{ succeeded: null, failed: null, cancelled: null, 'timed-out': null, rejected: null },
  lost: null,
};
const aDay: Retention = { ...keep, succeeded: dayMs };
const nothing: Retention = { ...keep, succeeded: 0 };
const idle = `$s.prune_step(1, ${dayMs}, 500)`;

/** Prunes for as long as there is more; gives how many runs went. */
async function pruneAll(at: StoreScene, retention = aDay): Promise<number> {
  for (let pruned = 0; ; ) {
    const step = await at.store.prune(retention, 500);
    pruned += step.pruned;
    if (!step.more) return pruned;
  }
}

/** Makes what has ended in the last hour end so long before. */
const age = (at: StoreScene, ms: number): Promise<unknown> =>
  at.sql(
    `update $s.ended set finished_at = finished_at - ${ms}
     where finished_at > $s.wall() - 3600000`,
  );

async function succeedAll(at: StoreScene, runs: readonly ClaimedRun[]): Promise<void> {
  const end = { how: 'succeeded', result: '1' } as const;
  await at.store.end(runs.map(({ seq, fence }) => ({ seq, fence, end })));
}

/** Runs that start, are executed and succeed. */
async function pass(at: StoreScene, node: NodeKey, count: number): Promise<void> {
  await at.scene.startMany(count, {});
  await succeedAll(at, await at.scene.claim(node, count));
}

/** Children that succeed while their parent goes on. */
async function bearAndPass(at: StoreScene, run: ClaimedRun, from: number, count: number) {
  const items = Array.from({ length: count }, (_, n) => {
    const place = { group: 'g', index: from + n, close: 'abandon' } as const;
    return at.scene.item({ parent: { seq: run.seq, fence: run.fence, ...place } });
  });
  await at.store.start(items);
  await succeedAll(at, await at.scene.claim(await at.scene.join(), count));
}

const endedRows = async (at: StoreScene): Promise<unknown> =>
  (await at.sql('select count(*)::int as n from $s.ended'))[0]?.n;

describe('children whose parent is unfinished', () => {
  it('cost retention nothing, let others pass, and go when it has ended', patience, async () => {
    await using at = await storeScene();
    const run = await running(at.scene);
    await bearAndPass(at, run, 0, 1);
    await age(at, 3 * dayMs);
    assert.equal(await pruneAll(at), 0);
    const early = await pagesOf(at, idle);
    for (let from = 1; from < 1_500; from += 250) await bearAndPass(at, run, from, 250);
    await age(at, 3 * dayMs);
    const node = await at.scene.join();
    await pass(at, node, 5);
    await age(at, 2 * dayMs);
    assert.equal(await pruneAll(at), 5, 'those behind them went');
    const late = await pagesOf(at, idle);
    assert.ok(late <= early + noise, `${early} pages before, and ${late} beside 1500 children`);
    await at.scene.succeed(run);
    await sweepAll(at.scene);
    assert.equal(await pruneAll(at), 1_501);
    assert.deepEqual(await at.sql('select * from $s.set_aside'), []);
    assert.equal(await endedRows(at), 1, 'the parent is young');
    const after = await pagesOf(at, idle);
    assert.ok(after <= early + noise, `${after} pages when all are gone`);
    await at.scene.nothingIsWrong();
  });

  it('are looked at again if they were set aside before their parent ended', patience, async () => {
    await using at = await storeScene();
    const run = await running(at.scene);
    await bearAndPass(at, run, 0, 2);
    await age(at, 2 * dayMs);
    assert.equal(await pruneAll(at), 0);
    await at.scene.succeed(run);
    await sweepAll(at.scene);
    // With another retention they are too young, and come up once more.
    assert.equal(await pruneAll(at, { ...keep, succeeded: 3 * dayMs }), 0);
    assert.equal(await pruneAll(at, { ...keep, succeeded: 3 * dayMs }), 0);
    await at.sql('update $s.set_aside set n = -n');
    assert.equal(await pruneAll(at), 0, 'nobody looks behind the place');
    await at.sql('update $s.set_aside set n = null');
    const bad = (await at.store.examine()).filter(({ level }) => level === 'bad');
    assert.equal(bad.length, 2, 'it is said if a child is forgotten');
    await at.sql(`update $s.set_aside set n = nextval('$s.aside_n')`);
    assert.equal(await pruneAll(at), 2);
    await at.scene.nothingIsWrong();
  });
});

/** What goes in one round: runs, events, keys of flow control; and turns that change. */
async function spend(at: StoreScene, node: NodeKey, round: number): Promise<void> {
  await pass(at, node, 250);
  await age(at, 2 * dayMs);
  await at.store.emit(
    Array.from({ length: 250 }, (_, n) => {
      return { id: `e-${round}-${n}`, name: 'paid', tenant: 'default', data: '1' };
    }),
  );
  await at.sql(`update $s.events set at = at - ${2 * dayMs} where at > $s.wall() - 3600000`);
  await at.sql(
    `insert into $s.flows select 'f', '', 'k-${round}-' || g, 'rate', 1, '{}', null,
       $s.wall() - ${dayMs} + ${round} * 1000 + g from generate_series(1, 250) g`,
  );
  await at.sql(
    `select $s.put_cell('turn', 'tenant-' || t, ${round} * 1000000 + g, 0, 0, 0)
     from generate_series(1, 5) t, generate_series(1, 100) g`,
  );
  assert.equal(await pruneAll(at, { ...aDay, event: dayMs }), 500);
}

describe('retention under a held snapshot', () => {
  it('steps over no dead entries of what it has deleted', patience, async () => {
    await using at = await storeScene();
    const node = await at.scene.join();
    await using snapshot = await at.hold();
    assert.ok(snapshot);
    const calls = {
      runs: idle,
      'by the version before': `$s.prune_runs(1, ${dayMs}, 500)`,
      events: `$s.prune_events(${dayMs}, 500)`,
      flows: '$s.prune_flows(500)',
      rest: '$s.prune_rest(500)',
    };
    const look = async (): Promise<Record<string, number>> => {
      const pages: Record<string, number> = {};
      for (const [name, call] of Object.entries(calls)) pages[name] = await pagesOf(at, call);
      return pages;
    };
    await spend(at, node, 1);
    const early = await look();
    for (let round = 2; round <= 8; round += 1) await spend(at, node, round);
    const late = await look();
    for (const [name, pages] of Object.entries(late)) {
      const before = early[name] ?? 0;
      assert.ok(pages <= before + noise, `${name}: ${before} pages, and then ${pages}`);
    }
    const flows = await at.sql('select * from $s.flows');
    assert.deepEqual(flows, []);
  });
});

describe('calls that prune', () => {
  it('leave nothing behind where one of two that meet is rolled back', patience, async () => {
    await using at = await storeScene();
    await pass(at, await at.scene.join(), 30);
    await age(at, 2 * dayMs);
    const client = new pg.Client({ connectionString: (await testServer()).url });
    await client.connect();
    try {
      await client.query('begin');
      await client.query(`select "${at.schema}".prune_step(1, ${dayMs}, 10)`);
      const second = at.store.prune(aDay, 10);
      const waiting = `select 1 from pg_stat_activity where wait_event_type = 'Lock'
        and application_name like 'holdfast ' || $1 || '%'`;
      while ((await at.sql(waiting, [at.schema])).length === 0) await turn();
      await client.query('rollback');
      assert.equal((await second).pruned, 10);
    } finally {
      await client.end();
    }
    assert.equal(await pruneAll(at), 20);
    assert.equal(await endedRows(at), 0);
  });

  it('delete each run once, however many call at once', patience, async () => {
    await using at = await storeScene();
    const other = await at.connect();
    await pass(at, await at.scene.join(), 300);
    await age(at, 2 * dayMs);
    const stores = [at.store, other, at.store, other, at.store, other];
    const steps = await Promise.all(stores.map((store) => store.prune(aDay, 50)));
    assert.deepEqual(
      steps.map(({ pruned }) => pruned),
      stores.map(() => 50),
    );
    assert.equal(await endedRows(at), 0);
  });

  it('find what ends after the clock of the server went back', patience, async () => {
    await using at = await storeScene();
    const node = await at.scene.join();
    await pass(at, node, 3);
    await age(at, 1_200_000);
    assert.equal(await pruneAll(at, nothing), 3);
    const wall = (minusMs: number): string =>
      `create or replace function $s.wall() returns double precision language sql volatile as
       $f$ select floor(extract(epoch from clock_timestamp()) * 1000)::double precision
         - ${minusMs} $f$`;
    for (const [behindMs, count] of [
      [3_600_000, 4],
      [0, 2],
    ] as const) {
      await at.sql(wall(behindMs));
      await pass(at, node, count);
      const from = performance.now();
      while (performance.now() - from < 5) await turn();
      assert.equal(await pruneAll(at, nothing), count, 'by then all of them are older than now');
      assert.equal(await endedRows(at), 0);
    }
  });
});
