import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { HoldfastError } from '../../core/errors.ts';
import { overdueMarginMs } from '../../core/execution/deadline.ts';
import { nodeKeyOf } from '../../core/execution/run.ts';
import { limits } from '../../core/limits.ts';
import { retryDefault } from '../../core/retry.ts';
import type { Beat, NodeCard } from '../../ports/store-nodes.ts';
import type { StartItem } from '../../ports/store-runs.ts';
import { SimulatedClock, settle } from '../../testing/simulated-clock.ts';
import { start } from '../verbs/start.ts';
import { openTxn } from '../verbs/txn.ts';
import { createMemoryStore } from './memory-store.ts';
import type { RunChange } from './runs.ts';
import { openTables } from './tables.ts';

const itemOf = (id: string, over: Partial<StartItem> = {}): StartItem => ({
  id,
  idempotent: true,
  fn: 'work',
  input: 'null',
  lane: null,
  laneWidth: 1,
  tenant: 'default',
  prioritySeconds: 0,
  dueAt: null,
  deadlineAt: null,
  tags: [],
  policy: {
    retry: retryDefault,
    onCrash: 'retry',
    crashesMax: 3,
    attemptTimeoutMs: null,
    graceMs: 1_000,
  },
  ...over,
});

const card: NodeCard = {
  name: 'one',
  process: { hostId: 'host', hostName: 'host', pid: 1, startedAt: 'then' },
  ttlMs: 1_000,
  slots: 4,
  functions: [{ fn: 'work', version: '1', digest: 'd' }],
};

const hasCode = (code: string) => (error: HoldfastError) => error.code === code;

describe('a memory store', () => {
  it('takes effect after the call and before the answer, in the order of the calls', async () => {
    const store = createMemoryStore({ clock: new SimulatedClock() });
    const other = store.viewFor(new SimulatedClock());
    const started = store.start([itemOf('a')]);
    assert.equal(store.rows().length, 0, 'nothing happens within the call');
    const seen = other.get('a');
    const later = other.start([itemOf('b')]);
    await Promise.all([started, later]);
    assert.equal((await seen)?.id, 'a', 'a read sees what was asked for before it');
    assert.deepEqual(
      store.rows().map((row) => row.id),
      ['a', 'b'],
    );
  });

  it('tells an observer what each commit changed, one entry a row', async () => {
    const commits: (readonly RunChange[])[] = [];
    const store = createMemoryStore({
      clock: new SimulatedClock(),
      onCommit: (changes) => commits.push(changes),
    });
    await store.start([itemOf('a', { lane: 'x' }), itemOf('b', { lane: 'x' })]);
    await store.cancel([{ id: 'a', reason: 'enough' }]);
    await store.counts();
    const told = commits.map((changes) =>
      changes.map(({ before, after }) => [after?.id, before?.stage, after?.stage]),
    );
    const [first, second] = [
      [
        ['a', undefined, 'slot'],
        ['b', undefined, 'lane'],
      ],
      [
        ['a', 'slot', 'done'],
        ['b', 'lane', 'slot'],
      ],
    ];
    assert.deepEqual(told, [first, second]);
  });

  it('changes nothing when a verb throws, and tells nobody', async () => {
    let commits = 0;
    const store = createMemoryStore({
      clock: new SimulatedClock(),
      onCommit: () => {
        commits += 1;
      },
    });
    await store.start([itemOf('a', { tenant: 't' })]);
    const tenants = await store.tenants(10);
    const broken = [itemOf('b', { tenant: 't' }), null as unknown as StartItem];
    await assert.rejects(store.start(broken), TypeError);
    assert.deepEqual(await store.tenants(10), tenants);
    assert.equal(await store.get('b'), null);
    await store.start([itemOf('c')]);
    assert.deepEqual(
      store.rows().map((row) => [row.seq, row.id]),
      [
        [1, 'a'],
        [2, 'c'],
      ],
    );
    assert.equal(commits, 2);
    assert.ok((await store.examine()).every((finding) => finding.level === 'ok'));
  });

  it('goes back to a snapshot as often as asked, and fails what was under way', async () => {
    const store = createMemoryStore({ clock: new SimulatedClock() });
    await store.start([itemOf('kept', { lane: 'x' })]);
    const snapshot = store.snapshot();
    for (const id of ['lost', 'lost again']) {
      await store.start([itemOf(id, { lane: 'x' })]);
      await store.pause('lane', 'x', 'for a test');
      const underWay = store.start([itemOf('too late')]);
      store.restore(snapshot);
      await assert.rejects(underWay, hasCode('store.unavailable'));
      assert.deepEqual(
        store.rows().map((row) => [row.id, row.stage]),
        [['kept', 'slot']],
      );
      assert.deepEqual(await store.pauses(), []);
      assert.ok((await store.examine()).every((finding) => finding.level === 'ok'));
    }
  });

  it('refuses a run when it holds as many unfinished ones as it may', () => {
    const tables = openTables();
    const full = { ...tables, runs: { ...tables.runs, live: () => limits.liveRunsMax - 1 } };
    const txn = openTxn(full, { wall: new SimulatedClock().wall(), judge: 0, boot: 'b' });
    const { reply } = start(txn, [itemOf('last'), itemOf('too many'), itemOf('last')]);
    assert.deepEqual(
      reply.map((verdict) => (verdict.ok ? verdict.id : verdict.code)),
      ['last', 'store.full', 'last'],
    );
  });

  it('says which index is wrong when one is', () => {
    const tables = openTables();
    const txn = openTxn(tables, { wall: new SimulatedClock().wall(), judge: 0, boot: 'b' });
    start(txn, [itemOf('a')]);
    const row = tables.runs.bySeq(1);
    assert.ok(row !== undefined);
    assert.deepEqual(tables.runs.faults(), []);
    // Changed in place, which no verb does: the indexes cannot follow.
    Object.assign(row, { stage: 'lane', lane: 'x' });
    const faults = tables.runs.faults().join('\n');
    assert.match(faults, /index 'laneWaits' lacks run 'a'/);
    assert.match(faults, /index 'ready' has 1 places for 0 rows/);
    assert.match(faults, /the tally says 1 'slot', the rows say 0/);
  });

  it('keeps copies, so that nobody changes it from outside', async () => {
    const store = createMemoryStore({ clock: new SimulatedClock() });
    const tags = ['one'];
    await store.start([itemOf('a', { tags })]);
    tags.push('two');
    const kept = (await store.get('a'))?.tags as string[];
    assert.deepEqual(kept, ['one']);
    assert.throws(() => kept.push('three'), TypeError);
  });
});

describe('the judge of a memory store', () => {
  const opened = async () => {
    const clock = new SimulatedClock();
    let boot = 'first';
    const store = createMemoryStore({ clock, boot: () => boot });
    const joined = await store.join(card);
    assert.ok(joined.ok);
    const { node } = joined;
    const bury = async () => {
      const detail = { code: 'attempt.crashed', message: 'its lease is over' };
      const { reply } = await store.recover(node, { kind: 'lease-over', detail }, 10);
      return reply.ok ? 'buried' : reply.code;
    };
    return { clock, store, bury, reboot: () => (boot = 'second') };
  };

  it('(G7) goes by the monotonic clock, whatever is done to the wall clock', async () => {
    const { clock, bury } = await opened();
    clock.stepWall(86_400_000);
    assert.equal(await bury(), 'node.alive');
    clock.stepWall(-172_800_000);
    await clock.advance(card.ttlMs);
    assert.equal(await bury(), 'node.alive');
    await clock.advance(1);
    assert.equal(await bury(), 'buried');
  });

  it('(G7) holds every lease for over when the host was started anew', async () => {
    const { store, bury, reboot } = await opened();
    reboot();
    const [row] = await store.nodes();
    assert.deepEqual([row?.leaseOver, row?.bootOver], [true, true]);
    assert.equal(await bury(), 'buried');
  });

  it('does not take a run from its owner because the wall clock was stepped', async () => {
    const { clock, store } = await opened();
    const [{ node } = { node: nodeKeyOf(0) }] = await store.nodes();
    const policy = { ...itemOf('x').policy, attemptTimeoutMs: 5_000 };
    await store.start([itemOf('a', { policy })]);
    await store.claim({ node, functions: [{ fn: 'work', runsMax: 1 }], runsMax: 1 });
    clock.stepWall(3_600_000);
    assert.equal((await store.sweep(10)).reply.ended, 0);
    await clock.advance(5_000 + policy.graceMs + overdueMarginMs);
    await store.sweep(10);
    assert.equal(store.rows()[0]?.stage, 'time', 'it waits for its retry');
  });
});

describe('a keeper on a memory store', () => {
  const opened = async () => {
    const clock = new SimulatedClock();
    const store = createMemoryStore({ clock });
    const nodeClock = clock.view();
    const view = store.viewFor(nodeClock);
    const joined = await view.join(card);
    assert.ok(joined.ok);
    const heard: (Beat | 'fenced')[] = [];
    const keeper = view.keepAlive({
      node: joined.node,
      everyMs: 200,
      ttlMs: 1_000,
      onBeat: (beat) => heard.push(beat),
      onFenced: () => heard.push('fenced'),
    });
    const leaseOver = async () => (await store.nodes())[0]?.leaseOver;
    return { clock, store, nodeClock, view, node: joined.node, keeper, heard, leaseOver };
  };

  it('beats by the clock of its node: a frozen node loses its lease and has it again', async () => {
    const { clock, nodeClock, keeper, heard, leaseOver } = await opened();
    await clock.advance(2_000);
    assert.equal(heard.length, 11, 'at once and every 200 ms');
    assert.equal(keeper.lastRenewalStarted(), clock.mono());
    nodeClock.freeze();
    const frozenAt = clock.mono();
    await clock.advance(1_000);
    assert.equal(await leaseOver(), false);
    await clock.advance(1);
    assert.equal(await leaseOver(), true);
    assert.equal(keeper.lastRenewalStarted(), frozenAt);
    nodeClock.unfreeze();
    await clock.advance(0);
    assert.equal(await leaseOver(), false);
  });

  it('is told once that its node was declared dead, and beats no more', async () => {
    const { clock, store, node, heard } = await opened();
    await clock.advance(0);
    const detail = { code: 'attempt.crashed', message: 'gone' };
    await store.recover(node, { kind: 'process-gone', detail }, 10);
    await clock.advance(5_000);
    assert.deepEqual(heard.map((beat) => (beat === 'fenced' ? beat : 'beat')).slice(-2), [
      'beat',
      'fenced',
    ]);
    assert.equal(heard.length, 2);
  });

  it('tries again soon after a beat that failed', async () => {
    const { clock, store, heard } = await opened();
    await clock.advance(0);
    const snapshot = store.snapshot();
    clock.jump(200);
    clock.fireNext();
    store.restore(snapshot);
    await settle();
    assert.equal(heard.length, 1, 'that beat was lost');
    await clock.advance(200);
    assert.equal(heard.length, 2);
  });

  it('beats no more after it was stopped, or its view closed', async () => {
    const { clock, store, view, keeper, heard, leaseOver } = await opened();
    await clock.advance(400);
    await keeper.stop();
    const beats = heard.length;
    await clock.advance(5_000);
    assert.equal(heard.length, beats);
    assert.equal(await leaseOver(), true);
    await view.close();
    await assert.rejects(view.nodes(), hasCode('store.closed'));
    assert.equal((await store.nodes()).length, 1, 'the store itself is still open');
    await store.close();
    await assert.rejects(store.nodes(), hasCode('store.closed'));
  });
});
