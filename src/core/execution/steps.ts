/**
 * Owns the pieces that the state machine's transitions share: refusals, gates, requeueing, ending.
 */
import type { ErrorDetail, Outcome } from '../outcome.ts';
import type { WallMs } from '../time.ts';
import type { AttemptEnd, RunEffect, RunStep } from './event.ts';
import type { DoneRun, NodeKey, Places, QueuedRun, Run, RunSpine, RunTerms, Stop } from './run.ts';

/** The event has no meaning in this state. */
export const illegal: RunStep = { ok: false, refusal: 'run.illegal_transition' };

/** Whoever speaks does not own the run (any more). */
export const stale: RunStep = { ok: false, refusal: 'fence.stale' };

const already: RunStep = { ok: false, refusal: 'run.already_done' };

const nothing: Places = { lane: false, tenant: false };

/**
 * The effects of leaving every place that was held. The tenant's comes first: its longest waiting
 * run goes before whoever the lane lets in.
 */
export function freed(places: Places): RunEffect[] {
  const effects: RunEffect[] = [];
  if (places.tenant) effects.push({ do: 'free-tenant' });
  if (places.lane) effects.push({ do: 'free-lane' });
  return effects;
}

/** The effect of closing the attempt that the run was in. */
export const closed = (end: AttemptEnd, error: ErrorDetail | null): RunEffect => ({
  do: 'close-attempt',
  end,
  error,
});

/** What every status carries over from the one before. */
export const spine = (run: Run): RunSpine => ({
  attempt: run.attempt,
  fence: run.fence,
  failures: run.failures,
  crashes: run.crashes,
  places: run.places,
});

/**
 * Stands before its next gate: the lane if it has one and no place in it, else its tenant's limit.
 */
export function nextGate(run: QueuedRun, terms: RunTerms): RunStep {
  const gate = terms.hasLane && !run.places.lane ? 'lane' : 'tenant';
  return { ok: true, next: { ...run, gate }, effects: [{ do: 'seek-gate' }] };
}

/**
 * Back to the queue, due at `dueAt`, keeping the lane and giving back the tenant's place (X4).
 * `stop`: to clean up, and no more.
 */
export function requeue(
  run: Run,
  dueAt: WallMs,
  before: readonly RunEffect[],
  stop: Stop | null = null,
): RunStep {
  const effects: RunEffect[] = [...before];
  if (run.places.tenant) effects.push({ do: 'free-tenant' });
  effects.push({ do: 'seek-gate' });
  return {
    ok: true,
    next: {
      ...spine(run),
      places: { lane: run.places.lane, tenant: false },
      status: 'queued',
      gate: 'time',
      dueAt,
      stop,
    },
    effects,
  };
}

/** Ends the run for good. `lingering` names the node whose code still holds the run's places. */
function end(
  run: Run,
  outcome: Outcome,
  now: WallMs,
  before: readonly RunEffect[],
  lingering: NodeKey | null = null,
): RunStep {
  const holds = run.places.lane || run.places.tenant;
  const stays = lingering !== null && holds;
  const next: DoneRun = {
    ...spine(run),
    places: stays ? run.places : nothing,
    status: 'done',
    outcome,
    finishedAt: now,
    lingering: stays ? lingering : null,
  };
  const left = stays ? [] : freed(run.places);
  return { ok: true, next, effects: [...before, { do: 'record-outcome', outcome }, ...left] };
}

/** The two ways of meeting the end: reaching it, and finding it reached. */
export const finish = { end, already } as const;
