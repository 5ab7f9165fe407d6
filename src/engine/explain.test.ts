import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fenceOf } from '../core/fence.ts';
import type { Outcome } from '../core/outcome.ts';
import { wallMs } from '../core/time.ts';
import type { ExplainFacts, PauseView, RunView, TenantView } from '../ports/store-reads.ts';
import { explain } from './explain.ts';

const now = wallMs(10_000_000);
const ago = (ms: number) => wallMs(now - ms);

const run = (change: Partial<RunView> = {}): RunView => ({
  seq: 1,
  id: 'r1',
  fn: 'image.resize',
  pin: null,
  status: 'queued',
  gate: 'slot',
  lane: 'album',
  laneWidth: 1,
  tenant: 'acme',
  prioritySeconds: 0,
  tags: [],
  attempt: 0,
  failures: 0,
  crashes: 0,
  fence: fenceOf(0),
  acceptedAt: ago(60_000),
  dueAt: null,
  startedAt: null,
  finishedAt: null,
  deadlineAt: null,
  owner: null,
  stopReason: null,
  outcome: null,
  quarantine: null,
  retryOf: null,
  progress: null,
  ...change,
});

const say = (change: Partial<RunView>, facts: Partial<ExplainFacts> = {}): string =>
  explain({
    run: run(change),
    laneHolders: [],
    laneAhead: 0,
    childrenOpen: 0,
    tenant: null,
    pauses: [],
    hosts: 1,
    nodes: 1,
    slotAhead: 0,
    timed: null,
    now,
    ...facts,
  });

const paused = (kind: PauseView['kind'], reason = 'deploy'): PauseView => ({
  kind,
  key: 'k',
  reason,
  since: ago(120_000),
});

const ended = (kind: Exclude<Outcome['kind'], 'succeeded'>, message: string): Outcome => ({
  kind,
  error: { code: 'x.y', message },
});

describe('the sentence about a run that ended', () => {
  const done = (outcome: Outcome, attempt: number): string =>
    say({ status: 'done', outcome, attempt });

  it('names the outcome, the attempts and the reason', () => {
    assert.equal(done({ kind: 'succeeded', error: null }, 1), 'It succeeded after one attempt.');
    assert.equal(done(ended('failed', 'boom'), 3), 'It failed after 3 attempts: boom');
    assert.equal(
      done(ended('cancelled', 'not needed'), 0),
      'It was cancelled before its first attempt: not needed',
    );
    assert.equal(done(ended('timed-out', 'late'), 1), 'It timed out after one attempt: late');
    assert.equal(done(ended('rejected', 'no'), 0), 'It was rejected before its first attempt: no');
    assert.equal(done(ended('lost', 'crashed'), 1), 'It was lost after one attempt: crashed');
    assert.equal(say({ status: 'done' }), 'It is done.');
  });
});

describe('the sentence about a run that has an owner', () => {
  const running = {
    status: 'running',
    attempt: 2,
    owner: 'web-1',
    startedAt: ago(90_000),
  } as const;

  it('names the node and since when', () => {
    assert.equal(
      say(running),
      "It is being executed: attempt 2 has been running on node 'web-1' for 90 s.",
    );
  });

  it('says that it is asked to stop', () => {
    assert.equal(
      say({ ...running, owner: null, startedAt: null, stopReason: 'not needed' }),
      'It was asked to stop (not needed) and has not ended yet: ' +
        'attempt 2 has been running on an unknown node.',
    );
  });
});

describe('the sentence about a run that flow control keeps', () => {
  const waits = { gate: 'time', dueAt: wallMs(now + 90_000), attempt: 0 } as const;

  it('says what decides when it is due', () => {
    assert.equal(
      say(waits, { timed: 'debounce' }),
      'It is debounced: due in 90 s, or later if another start comes before that.',
    );
    assert.equal(
      say(waits, { timed: 'throttle' }),
      'Its function is throttled: others of its key go first, and it is due in 90 s.',
    );
  });

  it('says what any run says that waits for its retry', () => {
    assert.equal(
      say({ ...waits, attempt: 1, failures: 1 }, { timed: 'throttle' }),
      'Its attempt 1 did not succeed; the next one is due in 90 s.',
    );
  });
});

describe('the sentence about a run that is set aside', () => {
  it('names the difference, where its code has changed', () => {
    const quarantine = { code: 'replay.diverged', message: 'after one end that fits, ...' };
    assert.equal(
      say({ status: 'quarantined', crashes: 0, quarantine }),
      'It was set aside because its code has changed: after one end that fits, ...; ' +
        'mend the code and retry it, send it on with another version, fork it, or cancel it.',
    );
  });

  it('names the crashes and the evidence', () => {
    const quarantine = { code: 'attempt.crashed', message: "the owner 'w' is gone" };
    assert.equal(
      say({ status: 'quarantined', crashes: 3, quarantine }),
      "It was set aside after 3 crashes of its owners (last: the owner 'w' is gone); " +
        'retry it or cancel it.',
    );
    assert.equal(
      say({ status: 'quarantined', crashes: 1 }),
      'It was set aside after one crash of its owner; retry it or cancel it.',
    );
  });

  it('says when a parked run wakes', () => {
    assert.equal(say({ status: 'parked' }), 'It is parked until something wakes it.');
    const dueAt = wallMs(now + 5_000);
    assert.equal(say({ status: 'parked', dueAt }), 'It is parked and wakes in 5 s.');
  });
});

describe('the sentence about a run that waits for its time', () => {
  it('says when it is due, and after which attempt', () => {
    const dueAt = wallMs(now + 700);
    assert.equal(say({ gate: 'time', dueAt }), 'It is due in 700 ms.');
    assert.equal(say({ gate: 'time', dueAt: ago(1) }), 'It is due now.');
    assert.equal(
      say({ gate: 'time', dueAt, failures: 1, attempt: 1 }),
      'Its attempt 1 did not succeed; the next one is due in 700 ms.',
    );
  });

  it('uses the unit that reads best', () => {
    const due = (ms: number): string => say({ gate: 'time', dueAt: wallMs(now + ms) });
    assert.equal(due(99_000), 'It is due in 99 s.');
    assert.equal(due(100_000), 'It is due in 2 min.');
    assert.equal(due(100 * 60_000), 'It is due in 2 h.');
    assert.equal(due(100 * 3_600_000), 'It is due in 4 days.');
  });
});

describe('the sentence about a run that waits for its lane', () => {
  const inLane = (holder: Partial<RunView>, facts: Partial<ExplainFacts> = {}): string =>
    say({ gate: 'lane' }, { laneHolders: [run({ id: 'r0', ...holder })], ...facts });

  it('names who holds it and since when', () => {
    assert.equal(
      inLane({ status: 'running', startedAt: ago(4_000) }, { laneAhead: 2 }),
      "Its lane 'album' is held by run 'r0', which has been running for 4 s, " +
        'and 2 runs of the lane before it.',
    );
  });

  it('tells a holder that waits for its retry, is set aside, lingers, or waits itself', () => {
    const dueAt = wallMs(now + 9_000);
    assert.match(inLane({ gate: 'time', dueAt }), /which is tried again in 9 s\.$/);
    assert.match(inLane({ status: 'quarantined' }), /which is quarantined\.$/);
    assert.match(inLane({ status: 'done' }), /has ended but whose code has not stopped yet\.$/);
    assert.match(inLane({}), /which was accepted 60 s ago and has not ended\.$/);
  });

  it('counts the holders of a wide lane', () => {
    const laneHolders = [run({ id: 'a' }), run({ id: 'b' })];
    assert.match(
      say({ gate: 'lane', laneWidth: 2 }, { laneHolders, laneAhead: 1 }),
      /^Its lane 'album' is full \(2 of 2\), first by run 'a', .*, and 1 run of the lane before/,
    );
  });

  it('says that the lane is paused, since when and why', () => {
    assert.equal(
      say({ gate: 'lane' }, { pauses: [paused('lane')] }),
      "Its lane 'album' is paused since 2 min (deploy).",
    );
    assert.match(say({ gate: 'lane' }, { pauses: [paused('lane', '')] }), /since 2 min\.$/);
  });

  it('says that it is about to enter', () => {
    assert.equal(
      say({ gate: 'lane' }, { laneAhead: 1 }),
      "It waits to enter its lane 'album', and 1 run of the lane before it.",
    );
  });
});

describe('the sentence about a run that waits for its tenant', () => {
  it('names the limit and how much of it is used', () => {
    const tenant: TenantView = {
      tenant: 'acme',
      weight: 1,
      runningMax: 5,
      waitingMax: null,
      holding: 5,
    };
    assert.equal(
      say({ gate: 'tenant' }, { tenant }),
      "Its tenant 'acme' is at its limit: 5 of 5 runs.",
    );
    assert.equal(say({ gate: 'tenant' }), "It waits for a place of its tenant 'acme'.");
  });
});

describe('the sentence about a run that waits for a slot', () => {
  it('says that its function is paused', () => {
    assert.equal(
      say({}, { pauses: [paused('function')] }),
      "Its function 'image.resize' is paused since 2 min (deploy).",
    );
  });

  it('says that nobody could execute it', () => {
    assert.equal(say({}, { nodes: 0, hosts: 0 }), 'No node is up.');
    assert.equal(
      say({}, { nodes: 3, hosts: 0 }),
      "No live node hosts its function 'image.resize': none of the 3 nodes does.",
    );
    assert.match(say({}, { nodes: 1, hosts: 0 }), /: the one node that is up does not\.$/);
  });

  it('says which version nobody could execute', () => {
    const alone = { nodes: 3, hosts: 0 };
    const what = "version '1' of 'image.resize', which no live node hosts";
    assert.equal(say({ pin: '1' }, alone), `It waits for ${what}.`);
    assert.equal(say({ pin: '1' }, { nodes: 0, hosts: 0 }), 'No node is up.');
    assert.equal(
      say({ pin: '1', status: 'parked', dueAt: wallMs(now + 5_000) }, alone),
      `It is parked and wakes in 5 s; then it waits for ${what}.`,
    );
    assert.equal(
      say({ pin: '1', status: 'parked' }, alone),
      `It is parked until something wakes it; then it waits for ${what}.`,
    );
    assert.equal(say({ pin: '1' }), 'It is next for a free slot on the one node that hosts it.');
  });

  it('tells nobody how many go first who may not know it', () => {
    const known = { run: run({ gate: 'slot' }), laneHolders: [], tenant: null, pauses: [], now };
    const family = { timed: null, childrenOpen: 0 };
    const hidden = { ...known, ...family, hosts: 2, nodes: 2, laneAhead: null, slotAhead: null };
    assert.equal(explain(hidden), 'It waits for a free slot on one of 2 nodes.');
    assert.equal(
      explain({ ...hidden, run: run({ gate: 'lane' }) }),
      "It waits to enter its lane 'album'.",
    );
  });

  it('says how many go first', () => {
    assert.equal(say({}), 'It is next for a free slot on the one node that hosts it.');
    assert.equal(
      say({ gate: null }, { hosts: 2, nodes: 2, slotAhead: 7 }),
      'It waits for a free slot on one of 2 nodes, behind 7 runs of its function.',
    );
  });
});
