/**
 * Owns what can happen to a run that has an owner, and how a run without one is given up.
 *
 * W1 The first end under the fence wins: success beats a stop that was asked for but not yet
 *    obeyed.
 * W2 A failure after a stop was asked for counts as the stop having been obeyed.
 * W3 Whoever ends a run from outside takes the fence away, so that the late owner is refused.
 * W4 A run with a lane is not tried again while code of its last attempt still executes: the lane
 *    would hold two executions. Nor is it tried before the time that the retry policy names.
 * W5 A run that is executed at most once (`onCrash: lose`) is not handed back once its code began.
 */
import { assertNever } from '../errors.ts';
import { fenceNext } from '../fence.ts';
import type { ErrorDetail, Outcome } from '../outcome.ts';
import { ended, succeeded } from '../outcome.ts';
import { nextTry } from '../retry.ts';
import type { WallMs } from '../time.ts';
import type { AttemptEnd, RunEffect, RunEvent, RunStep } from './event.ts';
import type { ParkedRun, QueuedRun, Run, RunningRun, RunTerms, Stop } from './run.ts';
import { closed, finish, freed, illegal, requeue, spine } from './steps.ts';

const deadlineError: ErrorDetail = {
  code: 'run.deadline_passed',
  message: 'the run was not done by its deadline',
};

const cancelError = (reason: string): ErrorDetail => ({ code: 'run.cancelled', message: reason });

/** Ends a run that nobody owns, because it was cancelled or its deadline passed. */
export function abandon(
  run: Exclude<Run, RunningRun>,
  event: Extract<RunEvent, { type: 'cancel' | 'deadline-passed' }>,
  now: WallMs,
): RunStep {
  const outcome =
    event.type === 'cancel'
      ? ended('cancelled', cancelError(event.reason))
      : ended('timed-out', deadlineError);
  const lingering = run.status === 'parked' ? run.lingering : null;
  return finish.end(run, outcome, now, [], lingering);
}

/** X5: at once, whatever it waited for. */
export function cleanUp(run: QueuedRun | ParkedRun, reason: string, now: WallMs): RunStep {
  return requeue(run, now, [{ do: 'stop-family' }], { cause: 'cancel', reason, since: now });
}

/** Nobody took it up in time: it ends as it was told to. */
export function untaken(run: QueuedRun, stop: Stop, now: WallMs): RunStep {
  return finish.end(run, stopOutcome(stop), now, []);
}

/** What an event does to a run that has an owner. */
export function onRunning(run: RunningRun, terms: RunTerms, event: RunEvent, now: WallMs): RunStep {
  switch (event.type) {
    case 'succeed':
      return finish.end(run, succeeded, now, [closed('succeeded', null)]);
    case 'fail':
      if (run.stop !== null) return obey(run, run.stop, now, true);
      return tryAgain(run, terms, event, 'failed', now, true);
    case 'time-out':
      if (run.stop !== null) return obey(run, run.stop, now, event.settled);
      if (event.scope === 'total') return pastDeadline(run, now, event.settled);
      return tryAgain(run, terms, event, 'timed-out', now, event.settled);
    case 'stopped':
      return run.stop === null ? illegal : obey(run, run.stop, now, event.settled);
    case 'hand-back':
      if (run.stop !== null && !cleansUp(run, terms)) return obey(run, run.stop, now, true);
      return handBack(run, terms, event.begun ?? false, now);
    case 'park':
      return park(run, event.wakeAt, now);
    case 'diverge':
      if (run.stop !== null) return obey(run, run.stop, now, true);
      return setAside(run, event.error, now, [closed('diverged', event.error)]);
    case 'cancel':
      return askToStop(run, { cause: 'cancel', reason: event.reason, since: now });
    case 'deadline-passed':
      return askToStop(run, { cause: 'deadline', reason: deadlineError.message, since: now });
    case 'overdue':
      return overdue(run, terms, event, now);
    case 'owner-died':
      return ownerDied(run, terms, event.evidence, now);
    case 'came-due':
    case 'grant-lane':
    case 'grant-tenant':
    case 'withdraw':
    case 'claim':
    case 'wake':
    case 'release':
    case 'settled':
      return illegal;
    default:
      return assertNever(event);
  }
}

/** The owner is told once; asking again changes nothing and says so by an empty list of effects. */
function askToStop(run: RunningRun, stop: Stop): RunStep {
  if (run.stop !== null) return { ok: true, next: run, effects: [] };
  return {
    ok: true,
    next: { ...run, stop },
    effects: [{ do: 'stop-owner', owner: run.owner }],
  };
}

const stopOutcome = ({ cause, reason }: Stop): Outcome =>
  cause === 'deadline'
    ? ended('timed-out', deadlineError)
    : ended('cancelled', cancelError(reason));

function obey(run: RunningRun, stop: Stop, now: WallMs, settled: boolean): RunStep {
  const lingering = settled ? null : run.owner;
  const outcome = stopOutcome(stop);
  const how = stop.cause === 'deadline' ? 'timed-out' : 'cancelled';
  return finish.end(run, outcome, now, [closed(how, outcome.error)], lingering);
}

/** Whether its clean-up, which was cut off, may go on with another owner. */
const cleansUp = ({ stop }: RunningRun, { hasSteps, onCrash }: RunTerms): boolean =>
  stop?.cause === 'cancel' && hasSteps && onCrash === 'retry';

function pastDeadline(run: RunningRun, now: WallMs, settled: boolean): RunStep {
  const before = [closed('timed-out', deadlineError)];
  const lingering = settled ? null : run.owner;
  return finish.end(run, ended('timed-out', deadlineError), now, before, lingering);
}

/** W5: to begin a second time what is executed at most once would be worse than to lose it. */
function handBack(run: RunningRun, terms: RunTerms, begun: boolean, now: WallMs): RunStep {
  if (!begun || terms.onCrash === 'retry') {
    return requeue(run, now, [closed('handed-back', null)], run.stop);
  }
  const error: ErrorDetail = {
    code: 'node.draining',
    message: 'its node shut down while it executed, and the function is executed at most once',
  };
  return finish.end(run, ended('lost', error), now, [closed('handed-back', error)]);
}

function park(run: RunningRun, wakeAt: WallMs | null, now: WallMs): RunStep {
  if (run.stop !== null) return obey(run, run.stop, now, true);
  const places = { lane: run.places.lane, tenant: false };
  return {
    ok: true,
    next: { ...spine(run), places, status: 'parked', wakeAt, lingering: null },
    effects: [closed('parked', null), ...freed({ lane: false, tenant: run.places.tenant })],
  };
}

/** Spends one failure of the budget: again at its time, or the end. */
function tryAgain(
  run: RunningRun,
  terms: RunTerms,
  event: Extract<RunEvent, { type: 'fail' | 'time-out' }>,
  end: Extract<AttemptEnd, 'failed' | 'timed-out'>,
  now: WallMs,
  settled: boolean,
): RunStep {
  const failures = run.failures + 1;
  const advice = event.type === 'fail' ? event.advice : undefined;
  const dueAt = nextTry(terms.retry, failures, advice, event.chance, now);
  const tried = { ...run, failures };
  const before = [closed(end, event.error)];
  const inTime = dueAt !== null && (terms.deadlineAt === null || dueAt < terms.deadlineAt);
  if (inTime && !settled && run.places.lane) return linger(tried, dueAt, before);
  if (inTime) return requeue(tried, dueAt, before);
  const lingering = settled ? null : run.owner;
  return finish.end(tried, ended(end, event.error), now, before, lingering);
}

/** W4: the next attempt waits for the code of this one, with the lane and the tenant's place. */
function linger(run: RunningRun, wakeAt: WallMs, before: readonly RunEffect[]): RunStep {
  const next = { ...spine(run), status: 'parked', wakeAt, lingering: run.owner } as const;
  return { ok: true, next, effects: before };
}

/** W3: the owner did not end the attempt in time, so ownership is taken from it. */
function overdue(
  run: RunningRun,
  terms: RunTerms,
  { cause, chance }: Extract<RunEvent, { type: 'overdue' }>,
  now: WallMs,
): RunStep {
  const taken = { ...run, fence: fenceNext(run.fence) };
  // Whatever the patience was for: a run that was asked to stop is not tried again.
  if (run.stop !== null) return obey(taken, run.stop, now, false);
  if (cause === 'stop') return illegal;
  if (cause === 'deadline') {
    return terms.deadlineAt === null ? illegal : pastDeadline(taken, now, false);
  }
  if (terms.attemptTimeoutMs === null) return illegal;
  const error: ErrorDetail = {
    code: 'attempt.timed_out',
    message: `the attempt did not end within ${terms.attemptTimeoutMs} ms and its grace`,
  };
  const event = { type: 'time-out', fence: taken.fence, error, chance } as const;
  return tryAgain(
    taken,
    terms,
    { ...event, scope: 'attempt', settled: false },
    'timed-out',
    now,
    false,
  );
}

/** A crash never spends the retry budget; too many of them set the run aside with the evidence. */
function ownerDied(run: RunningRun, terms: RunTerms, evidence: ErrorDetail, now: WallMs): RunStep {
  const crashed = { ...run, crashes: run.crashes + 1, fence: fenceNext(run.fence) };
  const before = [closed('crashed', evidence)];
  if (run.stop !== null) {
    const again = cleansUp(run, terms) && crashed.crashes < terms.crashesMax;
    if (again) return requeue(crashed, now, before, run.stop);
    return finish.end(crashed, stopOutcome(run.stop), now, before);
  }
  if (terms.onCrash === 'lose') return finish.end(crashed, ended('lost', evidence), now, before);
  if (crashed.crashes < terms.crashesMax) return requeue(crashed, now, before);
  return setAside(crashed, evidence, now, before);
}

/** Waits for an operator, with the evidence, and occupies nothing meanwhile. */
function setAside(
  run: RunningRun,
  cause: ErrorDetail,
  now: WallMs,
  before: readonly RunEffect[],
): RunStep {
  return {
    ok: true,
    next: {
      ...spine(run),
      places: { lane: false, tenant: false },
      status: 'quarantined',
      since: now,
      cause,
    },
    effects: [...before, ...freed(run.places)],
  };
}
