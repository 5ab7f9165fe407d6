/**
 * Owns the samples of the walk over the state machine: a run in every state, every event in every
 * shape that matters, and the words in which the reference names them.
 */
import type { RunEvent } from '../src/core/execution/event.ts';
import type { NodeKey, Places, Run, RunTerms } from '../src/core/execution/run.ts';
import { nodeKeyOf } from '../src/core/execution/run.ts';
import type { Fence } from '../src/core/fence.ts';
import { fenceOf } from '../src/core/fence.ts';
import { succeeded } from '../src/core/outcome.ts';
import { retryDefault } from '../src/core/retry.ts';
import { wallMs } from '../src/core/time.ts';

/** The moment of the walk, and times before and after it. */
export const now = wallMs(1_000_000);
const earlier = wallMs(now - 1);
const later = wallMs(now + 1);

/** The fence of every sample. */
export const fence: Fence = fenceOf(7);
const owner: NodeKey = nodeKeyOf(1);
const stranger: NodeKey = nodeKeyOf(2);
const error = { code: 'sample.error', message: 'a sample' } as const;
const chance = 0;

/** Terms under which everything is allowed once more. */
export const termsGenerous: RunTerms = {
  hasLane: true,
  hasSteps: true,
  deadlineAt: null,
  retry: retryDefault,
  onCrash: 'retry',
  crashesMax: 3,
  attemptTimeoutMs: 60_000,
  graceMs: 5_000,
};

const attempt = 1;
const spine = (places: Places) => ({ attempt, fence, failures: 0, crashes: 1, places });
const none: Places = { lane: false, tenant: false };
const inLane: Places = { lane: true, tenant: false };
const both: Places = { lane: true, tenant: true };
const running = { ...spine(both), status: 'running', owner, startedAt: earlier } as const;
const parked = { ...spine(inLane), status: 'parked' } as const;
const done = { status: 'done', outcome: succeeded, finishedAt: earlier } as const;
const stop = { reason: 'a sample', since: earlier };
const toCleanUp = { stop: { ...stop, cause: 'cancel' } } as const;

/** The states of the reference, each with the runs that stand for it. All of them must agree. */
export const states: Readonly<Record<string, readonly Run[]>> = {
  'queued: time': [{ ...spine(none), status: 'queued', gate: 'time', dueAt: now, stop: null }],
  'queued: time, keeping its lane': [
    { ...spine(inLane), status: 'queued', gate: 'time', dueAt: now, stop: null },
  ],
  'queued: lane': [{ ...spine(none), status: 'queued', gate: 'lane', dueAt: now, stop: null }],
  'queued: tenant': [
    { ...spine(inLane), status: 'queued', gate: 'tenant', dueAt: now, stop: null },
  ],
  'queued: slot': [{ ...spine(both), status: 'queued', gate: 'slot', dueAt: now, stop: null }],
  'queued: time, to clean up': [
    { ...spine(none), ...toCleanUp, status: 'queued', gate: 'time', dueAt: now },
  ],
  'queued: time, keeping its lane, to clean up': [
    { ...spine(inLane), ...toCleanUp, status: 'queued', gate: 'time', dueAt: now },
  ],
  'queued: lane, to clean up': [
    { ...spine(none), ...toCleanUp, status: 'queued', gate: 'lane', dueAt: now },
  ],
  'queued: tenant, to clean up': [
    { ...spine(inLane), ...toCleanUp, status: 'queued', gate: 'tenant', dueAt: now },
  ],
  'queued: slot, to clean up': [
    { ...spine(both), ...toCleanUp, status: 'queued', gate: 'slot', dueAt: now },
  ],
  running: [{ ...running, stop: null }],
  'running: asked to stop by a cancel': [{ ...running, stop: { ...stop, cause: 'cancel' } }],
  'running: asked to stop by the deadline': [{ ...running, stop: { ...stop, cause: 'deadline' } }],
  parked: [
    { ...parked, wakeAt: earlier, lingering: null },
    { ...parked, wakeAt: later, lingering: null },
    { ...parked, wakeAt: null, lingering: null },
  ],
  'parked: lingering': [
    { ...parked, places: both, wakeAt: earlier, lingering: owner },
    { ...parked, places: both, wakeAt: later, lingering: owner },
    { ...parked, places: both, wakeAt: null, lingering: owner },
  ],
  quarantined: [{ ...spine(none), status: 'quarantined', since: earlier, cause: error }],
  done: [{ ...spine(none), ...done, lingering: null }],
  'done: lingering': [{ ...spine(both), ...done, lingering: owner }],
};

/** One shape of an event: under which condition, made how, meeting which runs under which terms. */
export interface Shape {
  readonly when: string;
  readonly event: RunEvent;
  readonly terms?: Partial<RunTerms>;
  /** Only runs for which the condition can hold. */
  readonly meets?: (run: Run) => boolean;
  /** What the run has to be like for the condition to hold. */
  readonly alter?: (run: Run) => Run;
}

const once = { ...retryDefault, attemptsMax: 1 };
const soonOver = { deadlineAt: later };
const wakes = (run: Run): boolean =>
  run.status === 'parked' && run.wakeAt !== null && run.wakeAt <= now;
const laneless = <R extends Run>(run: R): R => ({ ...run, places: { ...run.places, lane: false } });

const fail = { type: 'fail', fence, error, chance } as const;
const timeOut = { type: 'time-out', fence, error, chance } as const;
const attemptOver = { ...timeOut, scope: 'attempt' } as const;
const totalOver = { ...timeOut, scope: 'total' } as const;
const died = { type: 'owner-died', fence, evidence: error } as const;
const cancel = { type: 'cancel', reason: 'a sample' } as const;
const isStopped = (run: Run): boolean => run.status === 'running' && run.stop !== null;
const overdue = { type: 'overdue', chance } as const;

/** Every event in every shape. The compiler asks for a new event here as soon as there is one. */
export const events: Readonly<Record<RunEvent['type'], readonly Shape[]>> = {
  'came-due': [
    {
      when: 'it has a lane and no place in it',
      event: { type: 'came-due' },
      meets: (run) => run.status === 'queued' && !run.places.lane,
    },
    {
      when: 'it has no lane',
      event: { type: 'came-due' },
      terms: { hasLane: false },
      meets: (run) => run.status === 'queued' && !run.places.lane,
    },
    {
      when: 'it kept its place in the lane',
      event: { type: 'came-due' },
      meets: (run) => run.status === 'queued' && run.places.lane,
    },
    { when: 'its wake time has come', event: { type: 'came-due' }, meets: wakes },
    {
      when: 'its wake time has not come, or it has none',
      event: { type: 'came-due' },
      meets: (run) => run.status !== 'queued' && !wakes(run),
    },
  ],
  'grant-lane': [{ when: '', event: { type: 'grant-lane' } }],
  'grant-tenant': [
    { when: 'the tenant has a limit', event: { type: 'grant-tenant', counted: true } },
    { when: 'the tenant has no limit', event: { type: 'grant-tenant', counted: false } },
  ],
  withdraw: [
    { when: 'to the gate of the lane', event: { type: 'withdraw', to: 'lane' } },
    { when: "to the gate of the tenant's limit", event: { type: 'withdraw', to: 'tenant' } },
  ],
  claim: [{ when: '', event: { type: 'claim', owner } }],
  succeed: [{ when: '', event: { type: 'succeed', fence } }],
  fail: [
    { when: 'failures are left', event: fail },
    { when: 'no failures are left', event: fail, terms: { retry: once } },
    { when: 'the error forbids a retry', event: { ...fail, advice: { kind: 'never' } } },
    { when: 'the next try would be too late', event: fail, terms: soonOver },
  ],
  'time-out': [
    { when: 'failures are left, the code stopped', event: { ...attemptOver, settled: true } },
    {
      when: 'failures are left, the code lingers, it has a lane',
      event: { ...attemptOver, settled: false },
    },
    {
      when: 'failures are left, the code lingers, it has no lane',
      event: { ...attemptOver, settled: false },
      terms: { hasLane: false },
      alter: laneless,
    },
    {
      when: 'no failures are left, the code stopped',
      event: { ...attemptOver, settled: true },
      terms: { retry: once },
    },
    {
      when: 'no failures are left, the code lingers',
      event: { ...attemptOver, settled: false },
      terms: { retry: once },
    },
    { when: 'the total deadline passed, the code stopped', event: { ...totalOver, settled: true } },
    {
      when: 'the total deadline passed, the code lingers',
      event: { ...totalOver, settled: false },
    },
  ],
  stopped: [
    { when: 'the code stopped', event: { type: 'stopped', fence, settled: true } },
    { when: 'the code lingers', event: { type: 'stopped', fence, settled: false } },
  ],
  'hand-back': [
    { when: 'it may be begun again', event: { type: 'hand-back', fence, begun: true } },
    {
      when: 'its code began, and it must run at most once',
      event: { type: 'hand-back', fence, begun: true },
      terms: { onCrash: 'lose' },
    },
    {
      when: 'no steps of its code are kept',
      event: { type: 'hand-back', fence, begun: true },
      terms: { hasSteps: false },
      meets: isStopped,
    },
  ],
  park: [
    { when: '', event: { type: 'park', fence, wakeAt: null } },
    { when: '', event: { type: 'park', fence, wakeAt: later } },
  ],
  diverge: [{ when: '', event: { type: 'diverge', fence, error } }],
  cancel: [
    { when: 'steps of its code are kept', event: cancel },
    { when: 'no steps of its code are kept', event: cancel, terms: { hasSteps: false } },
    {
      when: 'it has not begun',
      event: cancel,
      meets: (run) => run.status === 'queued',
      alter: (run) => ({ ...run, attempt: 0 }),
    },
  ],
  'deadline-passed': [{ when: '', event: { type: 'deadline-passed' } }],
  overdue: [
    { when: 'it did not stop as it was asked to', event: { ...overdue, cause: 'stop' } },
    {
      when: 'the total deadline passed',
      event: { ...overdue, cause: 'deadline' },
      terms: soonOver,
    },
    {
      when: 'the attempt took too long, failures are left, it has a lane',
      event: { ...overdue, cause: 'attempt' },
    },
    {
      when: 'the attempt took too long, failures are left, it has no lane',
      event: { ...overdue, cause: 'attempt' },
      terms: { hasLane: false },
      alter: laneless,
    },
    {
      when: 'the attempt took too long, no failures are left',
      event: { ...overdue, cause: 'attempt' },
      terms: { retry: once },
    },
  ],
  'owner-died': [
    { when: 'crashes are left', event: died },
    { when: 'it was the last crash allowed', event: died, terms: { crashesMax: 2 } },
    { when: 'it must run at most once', event: died, terms: { onCrash: 'lose' } },
    {
      when: 'no steps of its code are kept',
      event: died,
      terms: { hasSteps: false },
      meets: isStopped,
    },
  ],
  wake: [{ when: '', event: { type: 'wake' } }],
  release: [{ when: '', event: { type: 'release' } }],
  settled: [
    { when: 'of the attempt that lingers', event: { type: 'settled', owner, attempt } },
    { when: 'of an earlier attempt', event: { type: 'settled', owner, attempt: attempt - 1 } },
    { when: 'by another node', event: { type: 'settled', owner: stranger, attempt } },
  ],
};
