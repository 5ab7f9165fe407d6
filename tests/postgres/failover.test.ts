/**
 * What is given out after commits were lost: never what may have been given out before. With real
 * servers that lose real commits.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import pg from 'pg';
import type { ClaimedRun } from '../../src/ports/store-runs.ts';
import { floorOf, numbersPerEpoch } from '../../src/store/epochs.ts';
import {
  openPostgresStore,
  type PostgresOptions,
  type PostgresStore,
} from '../../src/store/postgres/postgres-store.ts';
import { systemClock } from '../../src/system/clock.ts';
import { parsePostgresAddress } from '../../src/system/postgres/address.ts';
import { Scene, type Wish } from '../contract/store/scene.ts';
import { type Cluster, startCluster } from './cluster.ts';

const clock = systemClock();
const busyPatienceMs = 20_000;
const opened: PostgresStore[] = [];

async function open(url: string, over: Partial<PostgresOptions> = {}): Promise<Scene> {
  const address = parsePostgresAddress(url);
  const store = await openPostgresStore({ address, log: { log() {} }, busyPatienceMs, ...over });
  opened.push(store);
  const pass = async (): Promise<void> => {};
  const connect = async (): Promise<PostgresStore> => store;
  return new Scene({ store, connect, now: () => clock.wall(), pass, close: () => store.close() });
}

async function ask(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

async function until(url: string, condition: string): Promise<void> {
  for (;;) {
    const [row] = await ask(url, `select ${condition} as holds`);
    if (row?.holds === true) return;
  }
}

/** Opens a scene, and closes all that was opened when the test is over. */
async function closing(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } finally {
    for (const store of opened.splice(0)) await store.close();
  }
}

/** What a node got from a server, and what it will not have been. */
interface Given {
  readonly node: number;
  readonly runs: readonly ClaimedRun[];
}

async function give(scene: Scene, ...wishes: readonly Wish[]): Promise<Given> {
  const node = await scene.join();
  await scene.start(...wishes);
  return { node, runs: await scene.claim(node) };
}

/** Nothing that was lost is given again, and nothing of it is accepted. */
async function givesOthers(scene: Scene, lost: Given): Promise<Given> {
  const given = await give(scene, { id: 'new', tags: ['new'] });
  const most = (of: Given, what: 'seq' | 'fence') => Math.max(...of.runs.map((run) => run[what]));
  assert.ok(given.node > lost.node, `node ${given.node} after ${lost.node}`);
  const run = given.runs.find(({ id }) => id === 'new');
  assert.ok((run?.seq ?? 0) > most(lost, 'seq'), `run ${run?.seq} after ${most(lost, 'seq')}`);
  assert.ok(given.runs.every(({ fence }) => fence > most(lost, 'fence')));
  assert.ok(given.runs.every(({ fence, seq }) => Number.isSafeInteger(fence + seq)));
  for (const { seq, fence } of lost.runs) {
    const verdict = await scene.end({ seq, fence }, { how: 'succeeded', result: '"late"' });
    assert.equal(verdict.ok, false, `the end of ${seq}/${fence}`);
  }
  await scene.succeed(...given.runs);
  const wrong = (await scene.store.examine()).filter(({ level }) => level === 'bad');
  assert.deepEqual(
    wrong.filter(({ check }) => check !== 'vacuum'),
    [],
  );
  return given;
}

/** Whatever else writes the log to the disk now and then. */
const quiet = { autovacuum: 'off', bgwriter_lru_maxpages: '0', checkpoint_timeout: '1h' };

/** From now on the log is on the disk only as far as somebody waits for it. */
async function holdLog(cluster: Cluster): Promise<void> {
  await ask(cluster.url(), 'checkpoint');
  const writer = "select pid from pg_stat_activity where backend_type = 'walwriter'";
  for (const { pid } of await ask(cluster.url(), writer)) process.kill(Number(pid), 'SIGSTOP');
}

/** A backend dies by force: the server restarts all of its processes, but stays the same one. */
async function crashInside(cluster: Cluster): Promise<void> {
  const { pid } = cluster;
  const [victim, other] = await Promise.all([session(cluster), session(cluster)]);
  process.kill(victim.pid, 'SIGKILL');
  await other.ended;
  // It lets nobody in before all is recovered.
  while ((await ask(cluster.url(), 'select 1').catch(() => null)) === null);
  assert.equal(cluster.pid, pid);
}

async function session(cluster: Cluster) {
  const client = new pg.Client({ connectionString: cluster.url() });
  client.on('error', () => {});
  const ended = new Promise((resolve) => client.once('end', resolve));
  await client.connect();
  const { rows } = await client.query('select pg_backend_pid() as pid');
  return { pid: Number(rows[0]?.pid), ended };
}

describe('after commits were lost', { timeout: 300_000 }, () => {
  it('in a failover to a standby that lags behind', () =>
    closing(async () => {
      await using primary = await startCluster();
      const before = await open(primary.url());
      const node = await before.join();
      await before.start({ id: 'kept' }, { id: 'owned' });
      const [held] = await before.claim(node, 1);
      assert.ok(held !== undefined);
      await primary.stop();
      const conninfo = `host=${primary.host} port=${primary.port} user=postgres`;
      const standby = await startCluster({
        copyOf: primary,
        files: { 'standby.signal': '' },
      });
      await using _ = standby;
      await primary.start();
      await ask(standby.url(), `alter system set primary_conninfo = '${conninfo}'`);
      await ask(standby.url(), 'select pg_reload_conf()');
      await until(standby.url(), 'exists (select 1 from pg_stat_wal_receiver)');
      // It follows: what is given now arrives there.
      await give(before, { id: 'arrived' });
      await ask(primary.url(), 'select pg_switch_wal()');
      const [at] = await ask(primary.url(), 'select pg_current_wal_flush_lsn()::text as lsn');
      await until(standby.url(), `pg_last_wal_replay_lsn() >= '${at?.lsn}'::pg_lsn`);
      await ask(standby.url(), "alter system set primary_conninfo = ''");
      await ask(standby.url(), 'select pg_reload_conf()');
      await until(standby.url(), 'not exists (select 1 from pg_stat_wal_receiver)');
      const lost = await give(before, { id: 'lost' }, { id: 'lost, too' });
      await ask(standby.url(), 'select pg_promote()');
      const after = await open(standby.url());
      assert.equal(await after.store.get('lost'), null);
      // An owner from before, whose claim is not lost, is one still (N2).
      await after.succeed(held);
      await givesOthers(after, lost);
    }));

  it('in the restoring of a backup that was made before', () =>
    closing(async () => {
      await using primary = await startCluster();
      const before = await open(primary.url());
      await give(before, { id: 'kept' });
      await primary.stop();
      await using backup = await startCluster({ copyOf: primary });
      await primary.start();
      const lost = await give(before, { id: 'lost' });
      // The name of the epoch was lost with the rest: the next one needs another second.
      const name = Math.floor((lost.runs[0]?.fence ?? 0) / numbersPerEpoch);
      await until(backup.url(), `extract(epoch from clock_timestamp()) > ${name + 1}`);
      await givesOthers(await open(backup.url()), lost);
    }));

  it('in a crash that the server survived, with what nobody waited for', () =>
    closing(async () => {
      await using cluster = await startCluster({ settings: quiet });
      const scene = await open(cluster.url(), { durability: 'relaxed' });
      await give(scene, { id: 'kept' });
      await holdLog(cluster);
      const odd = { policy: { graceMs: 12_345 } };
      const lost = await give(scene, { id: 'lost', ...odd });
      await crashInside(cluster);
      // By the same store, which remembers the policy that was lost.
      await scene.start({ id: 'plain', ...odd }, { id: 'other', ...odd });
      assert.equal(await scene.store.get('lost'), null, 'nothing was lost: the test tests nothing');
      await scene.start({ id: 'decided', lane: 'x', ...odd });
      const { runs } = await givesOthers(scene, lost);
      assert.deepEqual(runs.map(({ id, policy }) => [id, policy.graceMs]).sort(), [
        ['decided', 12_345],
        ['new', 60_000],
        ['other', 12_345],
        ['plain', 12_345],
      ]);
    }));

  it('in a crash, with a lost policy that only decided starts have', () =>
    closing(async () => {
      await using cluster = await startCluster({ settings: quiet });
      const scene = await open(cluster.url(), { durability: 'relaxed' });
      await holdLog(cluster);
      const odd = { policy: { graceMs: 12_345 }, lane: 'x' };
      const lost = await give(scene, { id: 'lost', ...odd });
      await crashInside(cluster);
      await scene.start({ id: 'again', ...odd });
      assert.equal(await scene.store.get('lost'), null, 'nothing was lost: the test tests nothing');
      await givesOthers(scene, lost);
    }));

  it('in the restoring of a database on a server that went on', () =>
    closing(async () => {
      await using cluster = await startCluster();
      const url = await cluster.createDatabase('jobs');
      const before = await open(url);
      await give(before, { id: 'kept' });
      await before.store.close();
      await ask(cluster.url(), 'create database backup template jobs');
      const again = await open(url);
      const lost = await give(again, { id: 'lost' });
      await again.store.close();
      await ask(cluster.url(), 'drop database jobs with (force)');
      await ask(cluster.url(), 'create database jobs template backup');
      await givesOthers(await open(url), lost);
    }));
});

describe('an epoch', { timeout: 300_000 }, () => {
  const epoch = 'select holdfast.epoch() as epoch, holdfast.epoch_known() as known';
  const named = async (url: string): Promise<number> => Number((await ask(url, epoch))[0]?.epoch);

  it('is the first for as long as the server runs, and another after each restart', () =>
    closing(async () => {
      await using cluster = await startCluster();
      const scene = await open(cluster.url());
      const first = await give(scene, {});
      assert.deepEqual([first.node, first.runs[0]?.seq, first.runs[0]?.fence], [1, 1, 1]);
      const seen = [await named(cluster.url())];
      for (const mode of ['fast', 'immediate', 'immediate'] as const) {
        await cluster.stop(mode);
        await cluster.start();
        // Many at once find out together.
        const all = await Promise.all(Array.from({ length: 8 }, () => named(cluster.url())));
        assert.equal(new Set(all).size, 1);
        assert.ok((all[0] ?? 0) > (seen.at(-1) ?? 0));
        seen.push(all[0] ?? 0);
      }
      assert.equal(seen[0], 0);
      assert.ok(Math.abs((seen[1] ?? 0) - clock.wall() / 1_000) < 60, `${seen[1]} is a second`);
      const { runs } = await give(scene, {});
      assert.equal(runs[0]?.fence, floorOf(seen.at(-1) ?? 0) + 1);
    }));

  it('is greater than the one before though the clock went back, and above all numbers', () =>
    closing(async () => {
      await using cluster = await startCluster();
      const url = cluster.url();
      await open(url);
      const lies = (second: number): Promise<unknown> =>
        ask(
          url,
          `create or replace function holdfast.wall() returns double precision
           language sql volatile as 'select ${second * 1_000}::double precision'`,
        );
      const anew = async (): Promise<number> => {
        await ask(url, 'truncate holdfast.server');
        return named(url);
      };
      await lies(5_000);
      assert.equal(await anew(), 5_000);
      await lies(100);
      assert.equal(await anew(), 5_002, 'sequences stand at the floor of the one before');
      await ask(url, `select setval('holdfast.node_seq', ${floorOf(7_000) + 5})`);
      assert.equal(await anew(), 7_002);
      await ask(
        url,
        `select setval('holdfast.run_seq', 1), setval('holdfast.node_seq', 1),
        setval('holdfast.policy_seq', 1)`,
      );
      assert.equal(await anew(), 7_003, 'its own name is kept');
      await lies(2 ** 40);
      assert.ok(Number.isSafeInteger(floorOf(await anew())));
    }));

  it('begins with whoever comes first, and with what changes nothing else', () =>
    closing(async () => {
      await using cluster = await startCluster();
      const url = cluster.url();
      const scene = await open(url);
      const policy = { graceMs: 12_345 };
      const [node] = [await scene.join(), await scene.start({ policy }, { policy })];
      const firsts: Readonly<Record<string, () => Promise<unknown>>> = {
        claim: () => scene.claimOne(node),
        start: () => scene.start({}),
        'decided start': () => scene.start({ lane: 'x' }),
        'start with a new policy': () => scene.start({ policy: { graceMs: 12_346 } }),
        join: () => scene.join(),
        beat: () => ask(url, `select holdfast.beat(${node}, null, null)`),
        'cancel of nothing': () => scene.store.cancel([{ id: 'nobody', reason: '' }]),
      };
      for (const [what, first] of Object.entries(firsts)) {
        await ask(url, 'truncate holdfast.server');
        await first();
        const [row] = await ask(url, 'select holdfast.epoch_known() as epoch');
        assert.ok(Number(row?.epoch) > 0, what);
      }
    }));

  it('has greater fences for whoever takes a run, an owner or nobody', () =>
    closing(async () => {
      await using cluster = await startCluster();
      const url = cluster.url();
      const scene = await open(url);
      const node = await scene.join();
      const [id] = await scene.start({});
      assert.equal((await scene.claimOne(node)).fence, 1);
      for (const takes of ['nobody', 'an owner'] as const) {
        await ask(url, 'truncate holdfast.server');
        const floor = floorOf(await named(url));
        if (takes === 'nobody') await scene.bury(node);
        else await scene.claimOne(await scene.join());
        assert.equal((await scene.get(id)).fence, floor + 1, takes);
      }
    }));

  it('is on the disk before a number of it is given out', () =>
    closing(async () => {
      await using cluster = await startCluster({ settings: quiet });
      const scene = await open(cluster.url(), { durability: 'relaxed' });
      await ask(cluster.url(), 'truncate holdfast.server');
      await holdLog(cluster);
      const [{ fence = 0 } = {}] = (await give(scene, {})).runs;
      const name = Math.floor(fence / numbersPerEpoch);
      await crashInside(cluster);
      const kept = "select a from holdfast.cells where kind = 'epoch'";
      assert.deepEqual(await ask(cluster.url(), kept), [{ a: name }]);
    }));
});
