/**
 * Owns how an event becomes rows: load, decide by the pure state machine, write state and effects.
 *
 * E1 The row is written before its effects are done, so that counts of holders are right.
 * E2 A refusal writes nothing.
 * E3 Whoever leaves the head of a lane's queue otherwise than by entering lets the next one try: it
 *    may be wider than the one before.
 * E4 A fence that is given out lies above the floor of its moment: what was given out before and
 *    may be lost lies below.
 */
import type { Patience } from '../../core/execution/deadline.ts';
import { patienceAtClaim, patienceAtStop, patienceInQueue } from '../../core/execution/deadline.ts';
import type { RunEffect, RunEvent, RunRefusal } from '../../core/execution/event.ts';
import type { Run, RunTerms } from '../../core/execution/run.ts';
import { transition } from '../../core/execution/transition.ts';
import { fenceNext, fenceOf } from '../../core/fence.ts';
import { limits } from '../../core/limits.ts';
import { isDead } from '../../core/outcome.ts';
import { familyEnded, familyStopping } from './family.ts';
import { outOfOrder, seekGate } from './gates.ts';
import { columnsOf, type Placing, placedNowhere, stateOf, termsOf } from './row.ts';
import type { RunRow } from './tables.ts';
import type { Txn } from './txn.ts';

/**
 * One free place lets one run in. The second is for those that were left when a limit was lifted in
 * steps and somebody died between two of them.
 */
const grantsPerPlace = 2;

/** What an event did: the row as it is now, or why nothing changed. */
export type Applied =
  | { readonly ok: true; readonly row: RunRow; readonly effects: readonly RunEffect[] }
  | { readonly ok: false; readonly refusal: RunRefusal };

/** Applies one event to one run, with everything that follows from it. */
export function applyEvent(txn: Txn, row: RunRow, event: RunEvent): Applied {
  const terms = termsOf(row, txn.tables.settings.policy(row.policy));
  const before = stateOf(row);
  const answer = transition(before, terms, event, txn.moment.wall);
  if (!answer.ok) return answer;
  // It changed nothing, and keeps its place in whichever order it stands.
  if (answer.next === before) return { ok: true, row, effects: [] };
  const given = raised(before, answer.next, txn.moment.fenceFloor ?? 0);
  const { next, placing } = placed(txn, row, terms, given, answer.effects);
  const after: RunRow = {
    ...row,
    ...columnsOf(next, placing, row.startedAt, patience(txn, before, next, row, terms)),
  };
  txn.tables.runs.update(row, after);
  if (row.stage === 'slot' && event.type !== 'claim') outOfOrder(txn, row);
  for (const effect of answer.effects) perform(txn, row, after, effect);
  if (row.stage === 'lane' && event.type !== 'grant-lane') letIntoLane(txn, row.lane);
  return { ok: true, row: after, effects: answer.effects };
}

/** E4 */
function raised(before: Run, next: Run, floor: number): Run {
  if (next.fence <= before.fence || next.fence > floor) return next;
  return { ...next, fence: fenceNext(fenceOf(floor)) };
}

function placed(
  txn: Txn,
  row: RunRow,
  terms: RunTerms,
  next: Run,
  effects: readonly RunEffect[],
): { readonly next: Run; readonly placing: Placing } {
  const seeks = effects.some((effect) => effect.do === 'seek-gate' || effect.do === 'fix-rank');
  if (seeks) {
    const sought = seekGate(txn, row, terms, row.seq, next);
    return { next: sought.run, placing: sought.placing };
  }
  if (next.status !== 'queued') return { next, placing: placedNowhere };
  if (next.gate !== 'tenant') return { next, placing: placedNowhere };
  return { next, placing: { ...placedNowhere, waitKey: waitKeyOf(row) } };
}

const waitKeyOf = (row: RunRow): number => row.acceptedAt - row.prioritySeconds * 1_000;

/**
 * How long others wait for this owner: set at the claim, shortened when it is asked to stop. Or how
 * long a run that is to clean up waits for an owner.
 */
function patience(
  txn: Txn,
  before: Run,
  next: Run,
  row: RunRow,
  terms: RunTerms,
): { readonly wait: Patience; readonly judge: number } | null {
  const { judge, wall, judgeStepMsMax: stepMs = 0 } = txn.moment;
  if (next.status === 'queued' && next.stop !== null) {
    return { wait: patienceInQueue(next.stop, wall), judge };
  }
  if (next.status !== 'running') return null;
  const given = (wait: Patience) => ({ wait: { ...wait, forMs: wait.forMs + stepMs }, judge });
  if (before.status !== 'running') {
    const wait = next.stop === null ? patienceAtClaim(terms, wall) : patienceAtStop(terms);
    return wait === null ? null : given(wait);
  }
  const kept =
    row.overdueAt === null || row.overdueCause === null
      ? null
      : { wait: { forMs: row.overdueAt - judge, cause: row.overdueCause }, judge };
  if (before.stop !== null || next.stop === null) return kept;
  const shorter = given(patienceAtStop(terms));
  return kept !== null && kept.wait.forMs <= shorter.wait.forMs ? kept : shorter;
}

function perform(txn: Txn, before: RunRow, after: RunRow, effect: RunEffect): void {
  switch (effect.do) {
    case 'close-attempt':
      closeAttempt(txn, before, effect);
      return;
    case 'record-outcome':
      if (isDead(effect.outcome.kind)) txn.tables.dead.add(after);
      txn.woke('done');
      familyEnded(txn, after.seq);
      return;
    case 'free-lane':
      letIntoLane(txn, after.lane);
      return;
    case 'free-tenant':
      letInOfTenant(txn, after.tenant, grantsPerPlace);
      return;
    case 'stop-owner':
      txn.woke('stop');
      familyStopping(txn, after.seq);
      return;
    case 'stop-family':
      familyStopping(txn, after.seq);
      return;
    case 'seek-gate':
    case 'fix-rank':
      return;
  }
}

/** A success needs no evidence: the run's own row tells all. */
function closeAttempt(
  txn: Txn,
  before: RunRow,
  effect: Extract<RunEffect, { do: 'close-attempt' }>,
): void {
  if (effect.end === 'succeeded') return;
  const owner = before.owner === null ? undefined : txn.tables.nodes.byKey(before.owner);
  txn.tables.attempts.add(before.seq, {
    attempt: before.attempt,
    node: owner?.name ?? null,
    startedAt: before.startedAt ?? txn.moment.wall,
    endedAt: txn.moment.wall,
    end: effect.end,
    error: effect.error,
  });
  if (before.attempt > limits.attemptsKeptMax) {
    txn.tables.attempts.trim(before.seq, limits.attemptsKeptMax);
  }
}

/** Lets waiting runs of a lane in for as long as the first of them finds a place. */
export function letIntoLane(txn: Txn, lane: string | null): void {
  if (lane === null || txn.pauseOf('lane', lane) !== undefined) return;
  for (let granted = 0; granted < limits.laneWidthMax; granted += 1) {
    const first = txn.tables.runs.firstInLane(lane);
    if (first === undefined) return;
    const held = txn.tables.runs.countLaneHolders(lane, first.laneWidth);
    if (held >= first.laneWidth) return;
    if (!applyEvent(txn, first, { type: 'grant-lane' }).ok) return;
  }
}

/**
 * Lets a tenant's waiting runs in for as long as its limit allows, at most `grantsMax`. Each is
 * counted, even without a limit: if more wait than one step lets in, whoever leaves a place goes on
 * with them. False: some are left that could be let in.
 */
export function letInOfTenant(txn: Txn, tenant: string, grantsMax: number): boolean {
  const { runs } = txn.tables;
  const runningMax = txn.tenant(tenant).runningMax ?? Number.POSITIVE_INFINITY;
  let first = runs.firstOfTenant(tenant);
  if (first === undefined) return true;
  const held =
    runningMax < Number.POSITIVE_INFINITY ? runs.countTenantHolders(tenant, runningMax) : 0;
  for (let granted = 0; granted < grantsMax; granted += 1) {
    if (first === undefined || held + granted >= runningMax) return true;
    if (!applyEvent(txn, first, { type: 'grant-tenant', counted: true }).ok) return true;
    first = runs.firstOfTenant(tenant);
  }
  return first === undefined || held + grantsMax >= runningMax;
}
