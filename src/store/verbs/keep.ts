/**
 * Owns what operators set: pauses, the terms of tenants, and how long finished runs are kept.
 */

import { limits } from '../../core/limits.ts';
import { type OutcomeKind, outcomeKinds } from '../../core/outcome.ts';
import { type WallMs, wallPlus } from '../../core/time.ts';
import type { Waking } from '../../ports/store.ts';
import type { PauseView, Retention, TenantTermsChange } from '../../ports/store-reads.ts';
import { applyEvent, letInOfTenant, letIntoLane } from './apply.ts';
import { isNeeded } from './family.ts';
import { pruneFlows } from './flow.ts';
import type { Txn } from './txn.ts';

/** How long nodes that ended are still shown. */
const endedNodesKeptMs = 24 * 3_600_000;

/**
 * Pauses a function or a lane. What runs goes on; the head of a paused lane goes back into its
 * queue.
 */
export function pause(
  txn: Txn,
  kind: PauseView['kind'],
  key: string,
  reason: string,
): Waking<void> {
  txn.tables.settings.putPause({ kind, key, reason, since: txn.moment.wall });
  txn.pausesChanged();
  const held = kind === 'lane' ? txn.tables.runs.laneHolders(key, limits.laneWidthMax) : [];
  for (const { seq } of held) {
    const row = txn.tables.runs.bySeq(seq);
    if (row !== undefined) applyEvent(txn, row, { type: 'withdraw', to: 'lane' });
  }
  return { reply: undefined, woken: txn.takeWoken() };
}

/** Lets a paused function or lane go on; false when it was not paused. */
export function resume(txn: Txn, kind: PauseView['kind'], key: string): Waking<boolean> {
  const reply = txn.tables.settings.removePause(kind, key);
  txn.pausesChanged();
  if (reply && kind === 'lane') letIntoLane(txn, key);
  if (reply) txn.woke('ready');
  return { reply, woken: txn.takeWoken() };
}

/**
 * Sets the terms of a tenant. Eligible runs over a new limit go back to wait; what runs goes on and
 * counts. Changes a bounded number of rows: `more` says that the same has to be asked again, and
 * without it the limit is exact from then on.
 */
export function setTenant(txn: Txn, change: TenantTermsChange): Waking<{ readonly more: boolean }> {
  const { tenant } = change;
  const terms = { ...txn.tenant(tenant), ...change };
  const { runningMax } = terms;
  txn.setTenant(terms);
  const exact = runningMax === null || withdrawOver(txn, tenant, runningMax);
  const full = letInOfTenant(txn, tenant, limits.sweepRowsMax);
  return { reply: { more: !exact || !full }, woken: txn.takeWoken() };
}

/**
 * Counts every eligible or running run of the tenant, and sends eligible ones over the limit back,
 * the last in the order first. False: some are left.
 */
function withdrawOver(txn: Txn, tenant: string, runningMax: number): boolean {
  const { runs } = txn.tables;
  const bound = limits.sweepRowsMax;
  const uncounted = runs.tenantUncounted(tenant, bound);
  for (const row of uncounted) {
    if (row.stage === 'slot') applyEvent(txn, row, { type: 'withdraw', to: 'tenant' });
    else runs.update(row, { ...row, tenantHeld: true });
  }
  if (uncounted.length === bound) return false;
  const over = Math.min(bound, runs.countTenantHolders(tenant, runningMax + bound) - runningMax);
  if (over <= 0) return true;
  const last = runs.tenantLast(tenant, over);
  for (const row of last) applyEvent(txn, row, { type: 'withdraw', to: 'tenant' });
  return last.length < bound;
}

/** Deletes finished runs and events past their retention, and what else nobody needs any more. */
export function prune(
  txn: Txn,
  retention: Retention,
  rowsMax: number,
): { readonly pruned: number; readonly more: boolean } {
  const { runs, nodes, settings } = txn.tables;
  const bound = Math.min(Math.max(1, rowsMax), limits.sweepRowsMax);
  let room = bound;
  for (const kind of outcomeKinds) {
    const keptMs = retention[kind];
    if (keptMs === null || room === 0) continue;
    const seqs = removable(txn, kind, wallPlus(txn.moment.wall, -keptMs), room);
    for (const seq of seqs) runs.remove(seq);
    room -= seqs.length;
  }
  const { event: eventsKeptMs = null } = retention;
  if (eventsKeptMs !== null && room > 0) {
    room -= txn.tables.events.removeBefore(wallPlus(txn.moment.wall, -eventsKeptMs), room);
  }
  for (const record of nodes.all()) {
    const { endedAt } = record;
    if (endedAt === null || endedAt > wallPlus(txn.moment.wall, -endedNodesKeptMs)) continue;
    if (runs.countOwnedBy(record.node) === 0) nodes.remove(record.node);
  }
  const looked = pruneFlows(txn, bound);
  txn.flush();
  settings.forgetTenants(txn.shareClock().turn, bound);
  return { pruned: bound - room, more: room === 0 || looked === bound };
}

/**
 * The oldest finished runs that nothing needs any more. A run whose code lingers still holds its
 * places, and would take them along: it stays until that has settled. So does a child whose parent
 * may still ask for what it gave.
 */
function removable(
  txn: Txn,
  kind: OutcomeKind,
  before: WallMs,
  rowsMax: number,
): readonly number[] {
  const { runs } = txn.tables;
  for (let looked = rowsMax; ; looked *= 2) {
    const seqs = runs.finished(kind, before, looked);
    const free = seqs.filter((seq) => runs.bySeq(seq)?.owner === null && !isNeeded(txn, seq));
    if (free.length >= rowsMax || seqs.length < looked) return free.slice(0, rowsMax);
  }
}
