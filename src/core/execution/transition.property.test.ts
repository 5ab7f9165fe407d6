/**
 * The invariants of the state machine over random lives: any events in any order, from owners that
 * are current, late or mistaken.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Fence } from '../fence.ts';
import { fenceOf } from '../fence.ts';
import type { ErrorDetail } from '../outcome.ts';
import type { WallMs } from '../time.ts';
import { wallMs } from '../time.ts';
import type { RunEffect, RunEvent, RunStep } from './event.ts';
import type { NodeKey, Run, RunTerms } from './run.ts';
import { acceptedRun, nodeKeyOf } from './run.ts';
import { transition } from './transition.ts';

const error: ErrorDetail = { code: 'attempt.failed', message: 'no' };
const chance = 0.5;
const nodes = [nodeKeyOf(1), nodeKeyOf(2)] as const;

/** An event whose fence and owner are still to be chosen from the run that it meets. */
type Move = (run: Run, fence: Fence) => RunEvent;

const ownMoves: Readonly<Record<string, Move>> = {
  succeed: (_run, fence) => ({ type: 'succeed', fence }),
  fail: (_run, fence) => ({ type: 'fail', fence, error, chance }),
  'fail for good': (_run, fence) => {
    return { type: 'fail', fence, error, chance, advice: { kind: 'never' } };
  },
  'time out': (_run, fence) => {
    return { type: 'time-out', fence, error, chance, scope: 'attempt', settled: true };
  },
  'time out, lingering': (_run, fence) => {
    return { type: 'time-out', fence, error, chance, scope: 'attempt', settled: false };
  },
  'time out in all': (_run, fence) => {
    return { type: 'time-out', fence, error, chance, scope: 'total', settled: false };
  },
  stopped: (_run, fence) => ({ type: 'stopped', fence, settled: true }),
  'stopped, lingering': (_run, fence) => ({ type: 'stopped', fence, settled: false }),
  'hand back': (_run, fence) => ({ type: 'hand-back', fence }),
  park: (_run, fence) => ({ type: 'park', fence, wakeAt: null }),
  'park for a time': (_run, fence) => ({ type: 'park', fence, wakeAt: wallMs(0) }),
  'owner died': (_run, fence) => ({ type: 'owner-died', fence, evidence: error }),
};

const otherMoves: Readonly<Record<string, Move>> = {
  'withdraw to lane': () => ({ type: 'withdraw', to: 'lane' }),
  'withdraw to tenant': () => ({ type: 'withdraw', to: 'tenant' }),
  cancel: () => ({ type: 'cancel', reason: 'why' }),
  'deadline passed': () => ({ type: 'deadline-passed' }),
  'overdue, stop': () => ({ type: 'overdue', cause: 'stop', chance }),
  'overdue, deadline': () => ({ type: 'overdue', cause: 'deadline', chance }),
  'overdue, attempt': () => ({ type: 'overdue', cause: 'attempt', chance }),
  'came due': () => ({ type: 'came-due' }),
  'grant lane': () => ({ type: 'grant-lane' }),
  'grant tenant': () => ({ type: 'grant-tenant', counted: true }),
  claim: () => ({ type: 'claim', owner: nodes[0] }),
  wake: () => ({ type: 'wake' }),
  release: () => ({ type: 'release' }),
  'settled by 1': ({ attempt }) => ({ type: 'settled', owner: nodes[0], attempt }),
  'settled by 2': ({ attempt }) => ({ type: 'settled', owner: nodes[1], attempt }),
  'settled late by 1': ({ attempt }) => ({
    ...{ type: 'settled', owner: nodes[0], attempt: attempt - 1 },
  }),
};

/** Leads a run that waits to its next attempt, and one that is running away from it by `leave`. */
const onward =
  (owner: NodeKey, counted: boolean, leave: Move): Move =>
  (run, fence) => {
    if (run.status === 'quarantined') return { type: 'release' };
    if (run.status === 'parked') return { type: 'wake' };
    if (run.status === 'done') return { type: 'settled', owner, attempt: run.attempt };
    if (run.status === 'running') return leave(run, fence);
    switch (run.gate) {
      case 'time':
        return { type: 'came-due' };
      case 'lane':
        return { type: 'grant-lane' };
      case 'tenant':
        return { type: 'grant-tenant', counted };
      case 'slot':
        return { type: 'claim', owner };
    }
  };

const onwardMoves: Readonly<Record<string, Move>> = {
  'on to 1, or hand back': onward(nodes[0], true, (_run, fence) => ({ type: 'hand-back', fence })),
  'on to 2, or crash': onward(nodes[1], true, (_run, fence) => {
    return { type: 'owner-died', fence, evidence: error };
  }),
  'on without limit, or fail': onward(nodes[0], false, (_run, fence) => {
    return { type: 'fail', fence, error, chance };
  }),
  'on to 2, or be asked to stop': onward(nodes[1], true, () => {
    return { type: 'cancel', reason: 'why' };
  }),
};

const moves: Readonly<Record<string, Move>> = { ...ownMoves, ...otherMoves, ...onwardMoves };

interface Scripted {
  readonly move: string;
  /** Distance of the fence that an owner names from the current one. */
  readonly off: number;
}

/** Lives get somewhere: most moves lead onward, and most owners name the current fence. */
const scripted: fc.Arbitrary<Scripted> = fc.record({
  move: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...Object.keys(onwardMoves)) },
    { weight: 1, arbitrary: fc.constantFrom(...Object.keys(ownMoves)) },
    { weight: 1, arbitrary: fc.constantFrom(...Object.keys(otherMoves)) },
  ),
  off: fc.oneof(
    { weight: 4, arbitrary: fc.constant(0) },
    { weight: 1, arbitrary: fc.integer({ min: -1, max: 3 }) },
  ),
});

const terms: fc.Arbitrary<RunTerms> = fc.record({
  hasLane: fc.boolean(),
  hasSteps: fc.boolean(),
  deadlineAt: fc.constantFrom(null, wallMs(50), wallMs(5_000)),
  retry: fc.record({
    attemptsMax: fc.integer({ min: 1, max: 4 }),
    backoff: fc.constant('fixed'),
    delayMs: fc.constant(3),
    factor: fc.constant(1),
    delayMsMax: fc.constant(3),
    jitter: fc.constant(1),
  }),
  onCrash: fc.constantFrom('retry', 'retry', 'lose'),
  crashesMax: fc.integer({ min: 1, max: 3 }),
  attemptTimeoutMs: fc.constantFrom(null, 100),
  graceMs: fc.constant(5),
});

/** One step of a life, as the invariants see it. */
interface Moment {
  readonly terms: RunTerms;
  readonly before: Run;
  readonly event: RunEvent;
  readonly step: RunStep;
  /** The state afterwards: unchanged after a refusal. */
  readonly after: Run;
  readonly effects: readonly RunEffect[];
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freeze);
  }
  return value;
}

function live(policy: RunTerms, script: readonly Scripted[]): Moment[] {
  const moments: Moment[] = [];
  let run: Run = freeze(acceptedRun(wallMs(0)));
  script.forEach(({ move, off }, at) => {
    const make = moves[move];
    assert.ok(make !== undefined);
    const event = freeze(make(run, fenceOf(run.fence - off)));
    const now: WallMs = wallMs(at);
    const step = freeze(transition(run, policy, event, now));
    assert.deepEqual(
      transition(run, policy, event, now),
      step,
      'the same arguments, another answer',
    );
    const after: Run = step.ok ? step.next : run;
    const effects = step.ok ? step.effects : [];
    moments.push({ terms: policy, before: run, event, step, after, effects });
    run = after;
  });
  return moments;
}

const runsMax = { numRuns: 1_000 };
const script = fc.array(scripted, { minLength: 1, maxLength: 60, size: 'max' });

/** Checks every moment of many lives. */
function always(check: (moment: Moment) => void): void {
  fc.assert(
    fc.property(terms, script, (policy, list) => live(policy, list).forEach(check)),
    runsMax,
  );
}

/** Checks many whole lives. */
function inEachLife(check: (moments: readonly Moment[]) => void): void {
  fc.assert(
    fc.property(terms, script, (policy, list) => check(live(policy, list))),
    runsMax,
  );
}

const ownerOf = (run: Run): NodeKey | null => (run.status === 'running' ? run.owner : null);
const count = (effects: readonly RunEffect[], name: RunEffect['do']): number =>
  effects.filter((effect) => effect.do === name).length;

describe('in every life of a run', () => {
  it('F1: the fence never decreases, and grows with each new owner', () => {
    always(({ before, after, event }) => {
      assert.ok(after.fence >= before.fence);
      if (before.status !== 'running' && after.status === 'running') {
        assert.equal(event.type, 'claim');
        assert.ok(after.fence > before.fence);
      }
    });
  });

  it('F1: whoever takes a run from its owner takes the fence too', () => {
    always(({ before, after, event, step }) => {
      if (!step.ok || before.status !== 'running' || ownerOf(after) !== null) return;
      const outside = event.type === 'owner-died' || event.type === 'overdue';
      assert.equal(after.fence > before.fence, outside, event.type);
    });
  });

  it('F2: an event under any other fence than the current one is refused', () => {
    always(({ before, event, step }) => {
      if (!('fence' in event) || event.fence === before.fence) return;
      assert.deepEqual(step, { ok: false, refusal: 'fence.stale' });
    });
  });

  it('X2: an owner is heard only while the run is running', () => {
    always(({ before, event, step }) => {
      if ('fence' in event && before.status !== 'running') assert.equal(step.ok, false);
    });
  });

  it('X1: done never changes again, but for the places of its lingering code', () => {
    always(({ before, after, event, step }) => {
      if (before.status !== 'done' || !step.ok) return;
      assert.equal(event.type, 'settled');
      const places = { lane: false, tenant: false };
      assert.deepEqual(after, { ...before, lingering: null, places });
    });
  });

  it('O1: the outcome is recorded once, by the step into done, and is the one that is kept', () => {
    inEachLife((moments) => {
      const effects = moments.flatMap((moment) => moment.effects);
      const last = moments.at(-1)?.after;
      assert.equal(count(effects, 'record-outcome'), last?.status === 'done' ? 1 : 0);
      for (const { before, after, effects: now } of moments) {
        const recorded = now.find((effect) => effect.do === 'record-outcome');
        assert.equal(recorded !== undefined, before.status !== 'done' && after.status === 'done');
        if (recorded !== undefined && after.status === 'done') {
          assert.deepEqual(recorded.outcome, after.outcome);
        }
      }
    });
  });

  it('S2: places are held only where a run may hold them', () => {
    always(({ terms: policy, after }) => {
      const { lane, tenant } = after.places;
      if (!policy.hasLane) assert.equal(lane, false);
      if (after.status === 'queued') {
        if (tenant) assert.equal(after.gate, 'slot');
        if (after.gate === 'lane') assert.equal(lane, false);
        if (after.gate === 'tenant' || after.gate === 'slot') assert.equal(lane, policy.hasLane);
      }
      if (after.status === 'running' || after.status === 'parked') {
        assert.equal(lane, policy.hasLane);
      }
      if (after.status === 'parked' && after.lingering === null) assert.equal(tenant, false);
      if (after.status === 'quarantined') assert.deepEqual([lane, tenant], [false, false]);
      if (after.status === 'done') assert.equal(lane || tenant, after.lingering !== null);
    });
  });

  it('X3: every place that was taken is freed exactly once, by the step that leaves it', () => {
    always(({ before, after, effects }) => {
      const left = (place: 'lane' | 'tenant'): number =>
        before.places[place] && !after.places[place] ? 1 : 0;
      assert.equal(count(effects, 'free-lane'), left('lane'));
      assert.equal(count(effects, 'free-tenant'), left('tenant'));
    });
  });

  it('W4: code that lingers keeps the places of its run until it has settled', () => {
    always(({ before, after, event, step }) => {
      if (!step.ok || !('lingering' in before) || before.lingering === null) return;
      if (event.type === 'settled') {
        assert.deepEqual([event.owner, event.attempt], [before.lingering, before.attempt]);
        return;
      }
      assert.ok('lingering' in after && after.lingering === before.lingering, event.type);
      assert.deepEqual(after.places, before.places);
    });
  });

  it('W4: a run with a lane waits for the code of an attempt that ended before it', () => {
    always(({ before, after, event, step }) => {
      if (!step.ok || before.status !== 'running' || after.status === 'running') return;
      const unsettled = 'settled' in event ? !event.settled : event.type === 'overdue';
      if (!unsettled || !before.places.lane) return;
      assert.ok('lingering' in after && after.lingering === before.owner, after.status);
      assert.equal(after.places.lane, true);
    });
  });

  it('X3: nothing but a grant takes a place', () => {
    always(({ before, after, event }) => {
      if (!before.places.lane && after.places.lane) assert.equal(event.type, 'grant-lane');
      if (!before.places.tenant && after.places.tenant) {
        assert.deepEqual(event, { type: 'grant-tenant', counted: true });
      }
    });
  });

  it('attempts are counted from 1, one for each claim, and each is closed once', () => {
    inEachLife((moments) => {
      let claims = 0;
      let closed = 0;
      for (const { before, after, event, step, effects } of moments) {
        if (step.ok && event.type === 'claim') claims += 1;
        closed += count(effects, 'close-attempt');
        assert.equal(after.attempt, claims);
        assert.equal(closed, after.status === 'running' ? claims - 1 : claims);
        assert.ok(count(effects, 'close-attempt') === 0 || before.status === 'running');
      }
    });
  });

  it('R1: failures stay within their budget, and only failures and timeouts spend it', () => {
    always(({ terms: policy, before, after, event }) => {
      assert.ok(after.failures <= policy.retry.attemptsMax);
      if (after.failures === before.failures) return;
      assert.equal(after.failures, before.failures + 1);
      assert.ok(['fail', 'time-out', 'overdue'].includes(event.type));
    });
  });

  it('crashes end in quarantine at their bound, unless the run is done by then', () => {
    always(({ terms: policy, after }) => {
      assert.ok(after.crashes <= policy.crashesMax);
      if (after.status === 'done' || policy.onCrash === 'lose') return;
      assert.equal(after.crashes === policy.crashesMax, after.status === 'quarantined');
    });
  });

  it('X5: a run that was asked to stop ends, or is handed out again to clean up', () => {
    always(({ terms: policy, before, after, event, step }) => {
      if (!step.ok || before.status !== 'running' || before.stop === null) return;
      if (after === before || after.status === 'done') return;
      assert.equal(after.status, 'queued');
      assert.ok(event.type === 'hand-back' || event.type === 'owner-died', event.type);
      assert.deepEqual([before.stop.cause, policy.hasSteps], ['cancel', true]);
    });
  });

  it('X5: what was asked to stop stays so, until it is done', () => {
    const stopOf = (run: Run) => ('stop' in run ? run.stop : null);
    always(({ before, after }) => {
      if (stopOf(before) === null || after.status === 'done') return;
      assert.deepEqual(stopOf(after), stopOf(before));
    });
  });

  it('X5: a cancel lets code clean up only in the middle of its work, and tells the family', () => {
    always(({ terms: policy, before, after, event, step, effects }) => {
      const told = event.type === 'cancel' && step.ok && after.status === 'queued';
      const first = told && before !== after;
      assert.equal(count(effects, 'stop-family'), first ? 1 : 0);
      if (!first) return;
      assert.ok(before.attempt > 0);
      assert.ok(before.status === 'parked' ? before.lingering === null : policy.hasSteps);
    });
  });

  it('a stop is ordered once, from the owner, by the step that asks for it', () => {
    always(({ before, after, effects }) => {
      const asked =
        before.status === 'running' &&
        before.stop === null &&
        after.status === 'running' &&
        after.stop !== null;
      assert.equal(count(effects, 'stop-owner'), asked ? 1 : 0);
    });
  });

  it('a rank is fixed exactly when the last gate is reached', () => {
    always(({ before, after, effects }) => {
      const atSlot = (run: Run): boolean => run.status === 'queued' && run.gate === 'slot';
      assert.equal(count(effects, 'fix-rank'), !atSlot(before) && atSlot(after) ? 1 : 0);
    });
  });

  it('lives reach every status and end in every way that the machine knows', () => {
    const seen = new Set<string>();
    inEachLife((moments) => {
      for (const { after } of moments) {
        seen.add(after.status === 'done' ? `done ${after.outcome.kind}` : after.status);
      }
    });
    const ends = ['succeeded', 'failed', 'cancelled', 'timed-out', 'lost'];
    for (const word of ['queued', 'running', 'parked', 'quarantined']) assert.ok(seen.has(word));
    for (const word of ends) assert.ok(seen.has(`done ${word}`), word);
  });
});
