/**
 * The clock by which leases are judged in a schema: what moves it, what does not, and what that
 * leaves of a lease.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction, Holdfast } from 'holdfast';
import pg from 'pg';
import { trustMarginMs } from '../../src/core/lease.ts';
import type { DeathEvidence } from '../../src/ports/store-nodes.ts';
import { judgeStepMsMax } from '../../src/store/judge-clock.ts';
import { systemClock } from '../../src/system/clock.ts';
import { type StoreScene, storeScene } from './store-scene.ts';

const clock = systemClock();
const ttlMs = 15_000;

const silent: DeathEvidence = {
  kind: 'lease-over',
  detail: { code: 'attempt.crashed', message: 'silent', details: {} },
};

interface Beaten {
  readonly judge: number;
  readonly epoch: number;
  readonly beat: object | null;
}

/** A beat as the thread of a node sends it. */
async function beat(
  { sql }: StoreScene,
  node: number,
  least: number | null = null,
  seen: number | null = null,
): Promise<Beaten> {
  const [row] = await sql('select beat, judge, epoch::float8 from $s.beat($1, $2, $3)', [
    ...[node, least, seen],
  ]);
  return row as unknown as Beaten;
}

const rowOf = async ({ store }: StoreScene, node: number) => {
  const row = (await store.nodes()).find((one) => one.node === node);
  assert.ok(row !== undefined);
  return row;
};

const isDead = async ({ store }: StoreScene, node: number): Promise<boolean> => {
  const { reply } = await store.recover(node as never, silent, 10);
  return reply.ok;
};

describe("the judge's clock of a schema", { timeout: 120_000 }, () => {
  it('stands while nobody beats, and whatever the clock of the server does', async () => {
    await using world = await storeScene();
    const { scene, sql, store } = world;
    const [far, near] = [await scene.join({ ttlMs }), await scene.join({ ttlMs })];
    const beats: unknown[] = [];
    const onBeat = (one: unknown) => void beats.push(one);
    const keeper = store.keepAlive({ node: near, everyMs: 20, ttlMs, onBeat, onFenced: () => {} });
    await scene.until('it beat', async () => beats.length > 0);
    const from = clock.mono();
    // Years ahead, then back again.
    for (const stepMs of [1e11, -1e11, 2e11]) {
      await sql(`create or replace function $s.wall() returns double precision
        language sql volatile as
        $$ select extract(epoch from clock_timestamp()) * 1000 + ${stepMs} $$`);
      const before = beats.length;
      await scene.until('it beat on', async () => beats.length >= before + 3);
      assert.deepEqual((await rowOf(world, far)).leaseOver, false);
    }
    await keeper.stop();
    const [row] = await sql('select $s.judge() as judge');
    const ranMs = clock.mono() - from + 1_000;
    assert.ok(Number(row?.judge) > 0 && Number(row?.judge) < ranMs, `${row?.judge} of ${ranMs}`);
    const again = await sql('select $s.judge() as judge, $s.judge() as anew');
    assert.deepEqual(again, [{ judge: row?.judge, anew: row?.judge }]);
  });

  it('is moved by whoever knows most, never back, and only by what is of this epoch', async () => {
    await using world = await storeScene();
    const node = await world.scene.join({ ttlMs });
    const { judge, epoch } = await beat(world, node);
    assert.deepEqual([judge, epoch], [0, 0]);
    assert.equal((await beat(world, node, 3_000, 0)).judge, 3_000);
    assert.equal((await beat(world, node, 2_900, 0)).judge, 3_000);
    assert.equal((await beat(world, node, 9_000, 1)).judge, 3_000);
    assert.equal((await beat(world, node, 9_000)).judge, 3_000);
    // A server that lost commits knows less than its nodes have seen.
    await world.sql("truncate $s.server; update $s.cells set a = 100 where kind = 'judge'");
    const later = await beat(world, node, 6_000, 0);
    assert.equal(later.judge, 100);
    assert.ok(later.epoch > 0);
    assert.equal((await beat(world, node, 3_100, later.epoch)).judge, 3_100);
  });

  it('is moved by the second of two beats at once, if that knows more', async () => {
    await using world = await storeScene();
    const { url, sql } = world;
    const first = new pg.Client({ connectionString: url });
    await first.connect();
    await first.query(`begin; select "${world.schema}".judge_on(100)`);
    const second = sql('select $s.judge_on(3000)');
    const waits =
      "select 1 from pg_stat_activity where wait_event_type = 'Lock' and query ~ 'judge_on'";
    while ((await sql(waits)).length === 0);
    await first.query('commit');
    await first.end();
    await second;
    const [row] = await sql('select $s.judge() as judge');
    assert.equal(row?.judge, 3_000);
    const cells = await sql("select count(*)::int as times from $s.cells where kind = 'judge'");
    assert.deepEqual(cells, [{ times: 1 }]);
  });

  for (const ttl of [15_000, 2_000, 40_000]) {
    it(`(G1) a step leaves a node the time for which it trusts itself, of ${ttl} ms`, async () => {
      await using world = await storeScene();
      const { scene } = world;
      const other = await scene.join({ ttlMs: 600_000 });
      const trustMs = ttl - trustMarginMs(ttl);
      for (const renews of ['joins', 'beats'] as const) {
        const { judge: from, epoch } = await beat(world, other);
        const node = await scene.join({ ttlMs: ttl });
        if (renews === 'beats') {
          assert.equal((await beat(world, other, from + 50, epoch)).judge, from + 50);
          assert.notEqual((await beat(world, node)).beat, null);
        }
        const renewedAt = from + (renews === 'beats' ? 50 : 0);
        // Right after the renewal somebody moves the clock by all that it stood, then by the time.
        const over = renewedAt + judgeStepMsMax + trustMs;
        await beat(world, other, over, epoch);
        assert.equal((await rowOf(world, node)).leaseOver, false);
        assert.equal(await isDead(world, node), false);
        await beat(world, other, over + 1, epoch);
        assert.equal((await rowOf(world, node)).leaseOver, true);
        assert.equal(await isDead(world, node), true);
        assert.equal((await beat(world, node)).beat, null);
      }
    });
  }

  it('(G1) nobody is declared dead who has renewed its lease since that was decided', async () => {
    await using world = await storeScene();
    const { scene, sql } = world;
    const node = await scene.join({ ttlMs });
    const [row] = await sql('select renewed_at from $s.nodes');
    await sql('select $s.judge_on(5000)');
    const dies = { node, state: 'dead', ended_at: 1, renewed_at: row?.renewed_at };
    await beat(world, node);
    const apply = () => sql('select $s.apply($1)', [JSON.stringify({ nodes_up: [dies] })]);
    await assert.rejects(apply, { code: '40001' });
    assert.equal((await rowOf(world, node)).state, 'live');
    const [now] = await sql('select renewed_at from $s.nodes');
    const drains = { node, state: 'draining', ended_at: null, renewed_at: 0 };
    await sql('select $s.apply($1)', [JSON.stringify({ nodes_up: [drains] })]);
    await sql('select $s.apply($1)', [
      JSON.stringify({ nodes_up: [{ ...dies, renewed_at: now?.renewed_at }] }),
    ]);
    assert.equal((await rowOf(world, node)).state, 'dead');
  });

  it('(G7) is moved by a node that is alone, so that it finds another one dead', async () => {
    await using world = await storeScene();
    const { scene, url } = world;
    const process = { hostId: 'elsewhere', hostName: 'far', pid: 1, startedAt: '1' };
    const dead = await scene.join({ ttlMs: 1_000, process, functions: [] });
    const [id = ''] = await scene.start({ input: '"far"' });
    await scene.claimOne(dead);
    const from = clock.mono();
    const work = defineFunction({ name: 'work', run: (_: string, ctx) => ctx.attempt });
    const hf = await Holdfast.open({ store: url, functions: [work], leaseTtlMs: 1_000 });
    try {
      assert.equal(await hf.runs.result(id, { timeoutMs: 30_000 }), 2);
      const tookMs = clock.mono() - from;
      assert.ok(tookMs > 1_000 - trustMarginMs(1_000), `${tookMs} ms`);
      assert.ok(tookMs < 1_000 + judgeStepMsMax + 3_000, `${tookMs} ms`);
    } finally {
      await hf.close();
    }
  });

  it('leaves an owner a step more than its patience, however it claimed', async () => {
    await using world = await storeScene();
    const { scene, sql, store } = world;
    const policy = { attemptTimeoutMs: 1_000, graceMs: 500 };
    const node = await scene.join();
    await scene.start({ policy });
    const run = await scene.claimOne(node);
    const patient = async () =>
      Number((await sql('select overdue_at from $s.live'))[0]?.overdue_at);
    assert.equal(await patient(), 1_000 + 500 + 2_000 + judgeStepMsMax);
    await sql('select $s.judge_on(100)');
    await store.cancel([{ id: run.id, reason: '' }]);
    assert.equal(await patient(), 100 + 500 + 2_000 + judgeStepMsMax);
    const overdue = async () => (await store.sweep(10)).reply;
    // Looked for again soon, but not at once: the clock stands between two beats.
    await sql(`select $s.judge_on(${(await patient()) - 1})`);
    const asked = scene.world.now();
    const { ended, nextDueAt } = await overdue();
    assert.equal(ended, 0);
    const inMs = (nextDueAt ?? 0) - asked;
    assert.ok(inMs >= 250 && inMs < 2_000, `${inMs} ms`);
    const claim = await store.claim({ node, functions: [], runsMax: 1 });
    assert.ok(claim.ok && (claim.nextDueAt ?? 0) - asked >= 250);
    await sql(`select $s.judge_on(${await patient()})`);
    assert.equal((await overdue()).ended, 1);
  });
});
