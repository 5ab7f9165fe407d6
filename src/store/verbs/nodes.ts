/**
 * Owns joining, beating, dying and leaving, as the store judges them.
 *
 * J1 A key is given once. A node that was declared dead, or left, never beats again under it.
 * J2 Two live nodes never host two definitions of one version of a function.
 * J3 A lease is over when the judge's clock says so, or when the clock was started anew (the host
 *    booted).
 * J4 Death by `lease-over` is checked here; a proof by the process table is the detector's word. In
 *    the worst case that word costs a crash counted too many: the fence keeps the result single.
 * J5 Of nodes that ended the last `endedNodesMax` are kept, and those that still own something.
 */
import type { NodeKey } from '../../core/execution/run.ts';
import { limits } from '../../core/limits.ts';
import type { Waking } from '../../ports/store.ts';
import type {
  Beat,
  DeathEvidence,
  HostedFunction,
  JoinVerdict,
  NodeCard,
  NodeRow,
  RecoverVerdict,
} from '../../ports/store-nodes.ts';
import { renewalAheadMs } from '../judge-clock.ts';
import { applyEvent } from './apply.ts';
import { stops } from './cancel.ts';
import type { NodeRecord } from './tables.ts';
import type { Txn } from './txn.ts';

/** Whether a node may still own runs. */
const present = (record: NodeRecord): boolean =>
  record.state === 'live' || record.state === 'draining';

function leaseOver(txn: Txn, record: NodeRecord): boolean {
  if (record.boot !== txn.moment.boot) return true;
  return txn.moment.judge > record.renewedAt + record.ttlMs;
}

/** What is written down as the time of a renewal that happens now. */
function renewal({ moment }: Txn, ttlMs: number): number {
  return moment.judge + renewalAheadMs(ttlMs, moment.judgeStepMsMax ?? 0);
}

/** Takes a new node in. */
export function join(txn: Txn, card: NodeCard): JoinVerdict {
  forgetEnded(txn);
  for (const other of txn.tables.nodes.all()) {
    if (!present(other) || leaseOver(txn, other)) continue;
    const clash = conflict(card.functions, other.functions);
    if (clash === null) continue;
    const message =
      `node '${other.name}' hosts another definition of '${clash.fn}' version ${clash.version}; ` +
      'give the changed function a new version, or stop that node first';
    return { ok: false, code: 'function.conflict', message };
  }
  const { boot, wall } = txn.moment;
  const node = txn.tables.nodes.insert({
    ...card,
    state: 'live',
    joinedAt: wall,
    endedAt: null,
    renewedAt: renewal(txn, card.ttlMs),
    boot,
  });
  return { ok: true, node };
}

/** Nodes that come and go between two prunings must not make every beat dearer (J5). */
function forgetEnded(txn: Txn): void {
  const { nodes: table, runs } = txn.tables;
  const ended = table.all().filter(({ endedAt }) => endedAt !== null);
  let over = ended.length - limits.endedNodesMax;
  for (const { node } of ended) {
    if (over <= 0) return;
    if (runs.countOwnedBy(node) > 0) continue;
    table.remove(node);
    over -= 1;
  }
}

function conflict(
  mine: readonly HostedFunction[],
  theirs: readonly HostedFunction[],
): HostedFunction | null {
  for (const { fn, version, digest } of mine) {
    const same = theirs.find((other) => other.fn === fn && other.version === version);
    if (same !== undefined && same.digest !== digest) return same;
  }
  return null;
}

/** Renews a lease and tells the node what it should know; null when the node was declared dead. */
export function beat(txn: Txn, node: NodeKey): Beat | null {
  const record = txn.tables.nodes.byKey(node);
  if (record === undefined || !present(record)) return null;
  const renewedAt = renewal(txn, record.ttlMs);
  txn.tables.nodes.update({ ...record, renewedAt, boot: txn.moment.boot });
  return { nodes: nodes(txn), stops: stops(txn, node) };
}

/** Says that a node claims no more. */
export function drain(txn: Txn, node: NodeKey): void {
  const record = txn.tables.nodes.byKey(node);
  if (record?.state === 'live') txn.tables.nodes.update({ ...record, state: 'draining' });
}

/** Says that a node is gone for good. What it still owned is for others to recover. */
export function leave(txn: Txn, node: NodeKey): void {
  const record = txn.tables.nodes.byKey(node);
  if (record === undefined || !present(record)) return;
  txn.tables.nodes.update({ ...record, state: 'left', endedAt: txn.moment.wall });
}

/** Every node that is there, or was there until it is pruned. */
export function nodes(txn: Txn): readonly NodeRow[] {
  return txn.tables.nodes.all().map((record) => ({
    node: record.node,
    name: record.name,
    process: record.process,
    state: record.state,
    joinedAt: record.joinedAt,
    ttlMs: record.ttlMs,
    renewedAgoMs: Math.max(0, txn.moment.judge - record.renewedAt),
    leaseOver: leaseOver(txn, record),
    bootOver: record.boot !== txn.moment.boot,
    slots: record.slots,
    running: txn.tables.runs.countOwnedBy(record.node),
    functions: record.functions,
  }));
}

/**
 * Declares a node dead and takes at most `rowsMax` of its runs. Safe from several nodes at once.
 */
export function recover(
  txn: Txn,
  node: NodeKey,
  evidence: DeathEvidence,
  rowsMax: number,
): Waking<RecoverVerdict> {
  const record = txn.tables.nodes.byKey(node);
  if (record === undefined) {
    const message = `no node ${node} is in the store`;
    return { reply: { ok: false, code: 'node.not_found', message }, woken: txn.takeWoken() };
  }
  if (present(record)) {
    if (evidence.kind === 'lease-over' && !leaseOver(txn, record)) {
      const message = `node '${record.name}' renewed its lease in time`;
      return { reply: { ok: false, code: 'node.alive', message }, woken: txn.takeWoken() };
    }
    txn.tables.nodes.update({ ...record, state: 'dead', endedAt: txn.moment.wall });
  }
  const reply = take(txn, node, evidence, Math.min(Math.max(1, rowsMax), limits.sweepRowsMax));
  return { reply, woken: txn.takeWoken() };
}

function take(txn: Txn, node: NodeKey, evidence: DeathEvidence, rowsMax: number): RecoverVerdict {
  const count = { requeued: 0, quarantined: 0, ended: 0 };
  const owned = txn.tables.runs.ownedBy(node, rowsMax);
  for (const row of owned) {
    if (row.stage === 'done' || row.stage === 'parked') {
      applyEvent(txn, row, { type: 'settled', owner: node, attempt: row.attempt });
      continue;
    }
    const event = { type: 'owner-died', fence: row.fence, evidence: evidence.detail } as const;
    const applied = applyEvent(txn, row, event);
    if (!applied.ok) continue;
    if (applied.row.stage === 'done') count.ended += 1;
    else if (applied.row.stage === 'quarantined') count.quarantined += 1;
    else count.requeued += 1;
  }
  return { ok: true, ...count, more: owned.length === rowsMax };
}
