/**
 * Owns the one function that decides what an event does to a run. Pure, total, synchronous.
 *
 * X1 `done` never changes again, except that its lingering code settles.
 * X2 An owner's event counts only under the current fence, and only while the run is running.
 * X3 Whoever leaves a place says so by `free-lane` or `free-tenant`; nobody else gives it away.
 * X4 A retry keeps the lane: the order of acceptance holds through failures. It gives back the
 *    tenant's place while it waits for its time.
 * X5 A cancel in the middle of durable work lets the code clean up: a run that is parked, or queued
 *    with steps that are kept, is handed out once more with the stop, and ended without that only
 *    when nobody takes it up in time.
 */
import { assertNever } from '../errors.ts';
import { fenceHolds } from '../fence.ts';
import type { WallMs } from '../time.ts';
import type { RunEvent, RunStep } from './event.ts';
import type { DoneRun, ParkedRun, QuarantinedRun, QueuedRun, Run, RunTerms } from './run.ts';
import { abandon, cleanUp, onRunning, untaken } from './running.ts';
import { finish, freed, illegal, nextGate, requeue, stale } from './steps.ts';

/** What `event` does to `run` under `terms` at `now`. The same arguments give the same answer. */
export function transition(run: Run, terms: RunTerms, event: RunEvent, now: WallMs): RunStep {
  if ('fence' in event && !fenceHolds(run.fence, event.fence)) return stale;
  switch (run.status) {
    case 'queued':
      return onQueued(run, terms, event, now);
    case 'running':
      return onRunning(run, terms, event, now);
    case 'parked':
      return onParked(run, event, now);
    case 'quarantined':
      return onQuarantined(run, event, now);
    case 'done':
      return onDone(run, event);
    default:
      return assertNever(run);
  }
}

function onQueued(run: QueuedRun, terms: RunTerms, event: RunEvent, now: WallMs): RunStep {
  switch (event.type) {
    case 'came-due':
      return run.gate === 'time' ? nextGate(run, terms) : illegal;
    case 'grant-lane':
      if (run.gate !== 'lane') return illegal;
      return nextGate({ ...run, places: { ...run.places, lane: true } }, terms);
    case 'grant-tenant':
      if (run.gate !== 'tenant') return illegal;
      return {
        ok: true,
        next: { ...run, gate: 'slot', places: { ...run.places, tenant: event.counted } },
        effects: [{ do: 'fix-rank' }],
      };
    case 'withdraw':
      return withdraw(run, terms, event.to);
    case 'claim':
      if (run.gate !== 'slot') return illegal;
      return {
        ok: true,
        next: {
          status: 'running',
          attempt: run.attempt + 1,
          fence: (run.fence + 1) as typeof run.fence,
          failures: run.failures,
          crashes: run.crashes,
          places: run.places,
          owner: event.owner,
          startedAt: now,
          stop: run.stop,
        },
        effects: [],
      };
    case 'cancel':
      if (run.stop !== null) return { ok: true, next: run, effects: [] };
      if (terms.hasSteps && run.attempt > 0) return cleanUp(run, event.reason, now);
      return abandon(run, event, now);
    case 'deadline-passed':
      return run.stop === null ? abandon(run, event, now) : untaken(run, run.stop, now);
    case 'overdue':
      return run.stop === null ? illegal : untaken(run, run.stop, now);
    case 'succeed':
    case 'fail':
    case 'time-out':
    case 'stopped':
    case 'hand-back':
    case 'park':
    case 'diverge':
    case 'owner-died':
      return stale;
    case 'wake':
    case 'release':
    case 'settled':
      return illegal;
    default:
      return assertNever(event);
  }
}

function withdraw(run: QueuedRun, terms: RunTerms, to: 'lane' | 'tenant'): RunStep {
  if (to === 'tenant') {
    if (run.gate !== 'slot') return illegal;
    const next: QueuedRun = { ...run, gate: 'tenant', places: { ...run.places, tenant: false } };
    return { ok: true, next, effects: run.places.tenant ? [{ do: 'free-tenant' }] : [] };
  }
  if (!terms.hasLane || (run.gate !== 'slot' && run.gate !== 'tenant')) return illegal;
  return {
    ok: true,
    next: { ...run, gate: 'lane', places: { lane: false, tenant: false } },
    effects: freed(run.places),
  };
}

function onParked(run: ParkedRun, event: RunEvent, now: WallMs): RunStep {
  switch (event.type) {
    case 'wake':
      return run.lingering === null ? requeue(run, now, []) : illegal;
    case 'came-due':
      if (run.wakeAt === null || run.wakeAt > now) return illegal;
      // The retry is due; from now on it waits for the code of the last attempt alone.
      if (run.lingering !== null) return { ok: true, next: { ...run, wakeAt: null }, effects: [] };
      return requeue(run, now, []);
    case 'settled':
      return lingers(run, event) ? requeue(run, laterOf(run.wakeAt, now), []) : illegal;
    case 'cancel':
      return run.lingering === null ? cleanUp(run, event.reason, now) : abandon(run, event, now);
    case 'deadline-passed':
      return abandon(run, event, now);
    case 'succeed':
    case 'fail':
    case 'time-out':
    case 'stopped':
    case 'hand-back':
    case 'park':
    case 'diverge':
    case 'owner-died':
      return stale;
    case 'grant-lane':
    case 'grant-tenant':
    case 'withdraw':
    case 'claim':
    case 'overdue':
    case 'release':
      return illegal;
    default:
      return assertNever(event);
  }
}

/**
 * Whether it is this code that lingers. An earlier attempt's, on the same node, may have been told
 * late.
 */
const lingers = (
  { lingering, attempt }: DoneRun | ParkedRun,
  settled: Extract<RunEvent, { type: 'settled' }>,
): boolean => lingering === settled.owner && attempt === settled.attempt;

const laterOf = (at: WallMs | null, now: WallMs): WallMs => (at !== null && at > now ? at : now);

function onQuarantined(run: QuarantinedRun, event: RunEvent, now: WallMs): RunStep {
  switch (event.type) {
    case 'release':
      return requeue({ ...run, crashes: 0 }, now, []);
    case 'cancel':
    case 'deadline-passed':
      return abandon(run, event, now);
    case 'succeed':
    case 'fail':
    case 'time-out':
    case 'stopped':
    case 'hand-back':
    case 'park':
    case 'diverge':
    case 'owner-died':
      return stale;
    case 'came-due':
    case 'grant-lane':
    case 'grant-tenant':
    case 'withdraw':
    case 'claim':
    case 'overdue':
    case 'wake':
    case 'settled':
      return illegal;
    default:
      return assertNever(event);
  }
}

/** X1: the outcome stands; only the places of lingering code may still be given back. */
function onDone(run: DoneRun, event: RunEvent): RunStep {
  if (event.type !== 'settled') return finish.already;
  if (!lingers(run, event)) return illegal;
  return {
    ok: true,
    next: { ...run, lingering: null, places: { lane: false, tenant: false } },
    effects: freed(run.places),
  };
}
