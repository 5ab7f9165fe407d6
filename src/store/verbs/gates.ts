/**
 * Owns how a queued run passes its gates, and who is let in when a place becomes free.
 *
 * G1 A lane lets runs in by order of acceptance: never past an earlier run that waits for the same
 *    lane.
 * G2 A place is free if fewer rows hold one than the bound allows; rows are counted, nothing is
 *    remembered.
 * G3 Whoever frees a place lets the next in, in the same transaction.
 * G4 A paused lane begins no attempt: a run that held a place in it while it waited for its retry
 *    gives it back and queues again, at the head, since it was accepted before those that wait.
 */
import { HoldfastError } from '../../core/errors.ts';
import type { Run, RunTerms } from '../../core/execution/run.ts';
import { transition } from '../../core/execution/transition.ts';
import { place, unplace } from '../../core/rank.ts';
import { type Placing, placedNowhere } from './row.ts';
import type { RunFacts } from './tables.ts';
import type { Txn } from './txn.ts';

/** A run that came as far as it can for now, and its place in the order there. */
export interface Sought {
  readonly run: Run;
  readonly placing: Placing;
}

/**
 * Moves a queued run through every gate that is open for it. `seq` is its own or the one it will
 * get.
 */
export function seekGate(
  txn: Txn,
  facts: RunFacts,
  terms: RunTerms,
  seq: number,
  from: Run,
): Sought {
  let run = from;
  for (;;) {
    if (run.status !== 'queued') return { run, placing: placedNowhere };
    if (run.gate === 'time') {
      if (run.dueAt > txn.moment.wall) return { run, placing: placedNowhere };
      run = step(run, terms, { type: 'came-due' }, txn);
    } else if (run.gate === 'lane') {
      if (!laneOpen(txn, facts, seq)) return { run, placing: placedNowhere };
      run = step(run, terms, { type: 'grant-lane' }, txn);
    } else if (run.gate === 'tenant' && lanePaused(txn, facts)) {
      // Nobody is let in for it: whoever resumes the lane does that.
      return {
        run: step(run, terms, { type: 'withdraw', to: 'lane' }, txn),
        placing: placedNowhere,
      };
    } else if (run.gate === 'tenant') {
      const counted = tenantOpen(txn, facts.tenant);
      if (counted === null) return { run, placing: waitsForTenant(facts) };
      run = step(run, terms, { type: 'grant-tenant', counted }, txn);
    } else {
      return { run, placing: inOrder(txn, facts) };
    }
  }
}

type GateEvent = Parameters<typeof transition>[2];

function step(run: Run, terms: RunTerms, event: GateEvent, txn: Txn): Run {
  const answer = transition(run, terms, event, txn.moment.wall);
  if (answer.ok) return answer.next;
  throw new HoldfastError('internal.defect', `gate ${event.type}: ${answer.refusal}`);
}

const lanePaused = (txn: Txn, { lane }: RunFacts): boolean =>
  lane !== null && txn.pauseOf('lane', lane) !== undefined;

/** G1 and G2 for a lane. */
function laneOpen(txn: Txn, facts: RunFacts, seq: number): boolean {
  const { lane, laneWidth } = facts;
  if (lane === null) return true;
  if (lanePaused(txn, facts)) return false;
  const first = txn.tables.runs.firstInLane(lane);
  if (first !== undefined && first.seq < seq) return false;
  return txn.tables.runs.countLaneHolders(lane, laneWidth) < laneWidth;
}

/** Whether the tenant has a place: true counted, false not counted (no limit), null none free. */
function tenantOpen(txn: Txn, tenant: string): boolean | null {
  const { runningMax } = txn.tenant(tenant);
  if (runningMax === null) return false;
  return txn.tables.runs.countTenantHolders(tenant, runningMax) < runningMax ? true : null;
}

/** Among its tenant's waiting runs: by acceptance, less the head start. */
const waitsForTenant = (facts: RunFacts): Placing => ({
  rank: null,
  tag: null,
  waitKey: facts.acceptedAt - facts.prioritySeconds * 1_000,
});

/** At the last gate: the fair order, fixed now. */
function inOrder(txn: Txn, facts: RunFacts): Placing {
  const tenant = txn.tenant(facts.tenant);
  const placed = place(txn.shareClock(), tenant.turn, tenant.weight, facts.prioritySeconds);
  txn.setTenant({ ...tenant, turn: placed.tenantTurn });
  txn.woke('ready');
  return { rank: placed.rank, tag: placed.tag, waitKey: null };
}

/** Gives the tenant its turn back: a run of it left the last gate and was not handed out. */
export function outOfOrder(txn: Txn, facts: RunFacts): void {
  const tenant = txn.tenant(facts.tenant);
  txn.setTenant({ ...tenant, turn: unplace(tenant.turn, tenant.weight) });
}
