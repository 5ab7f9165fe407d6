/**
 * Owns the text that tells `apply` what a decision has changed.
 *
 * W1 Only what changed is written, each row once, as it is at the end.
 */

import { queueOf } from '../../../core/queue.ts';
import { outcomeCodes, stageCodes } from '../../run-tuple.ts';
import type { RunRow } from '../../verbs/tables.ts';
import { jsonParam } from '../json-param.ts';
import type { DecidedKin } from './kin.ts';
import type { DecidedRuns } from './runs.ts';
import type { DecidedAttempts, DecidedNodes, DecidedSettings } from './small.ts';

/** Everything that a decision may have changed. */
export interface Decided {
  readonly runs: DecidedRuns;
  readonly nodes: DecidedNodes;
  readonly attempts: DecidedAttempts;
  readonly settings: DecidedSettings;
  readonly kin: DecidedKin;
}

type Rows = object[];

/** The text, or null when nothing changed. */
export function writtenText(decided: Decided): string | null {
  const text: Record<string, unknown> = {};
  const live = runRows(decided, text);
  if (live !== 0) text.live = live;
  const { attempts, nodes, settings } = decided;
  put(
    text,
    'attempts',
    attempts.added.map((row) => ({
      seq: row.seq,
      attempt: row.attempt,
      node: row.node,
      started_at: row.startedAt,
      ended_at: row.endedAt,
      ending: row.end,
      error: row.error === null ? null : JSON.stringify(row.error),
    })),
  );
  put(text, 'trims', attempts.trims);
  put(
    text,
    'nodes_in',
    [...nodes.inserted.values()].map((record) => ({
      node: record.node,
      name: record.name,
      process: JSON.stringify(record.process),
      state: record.state,
      joined_at: record.joinedAt,
      ended_at: record.endedAt,
      ttl_ms: record.ttlMs,
      renewed_at: record.renewedAt,
      slots: record.slots,
      functions: JSON.stringify(record.functions),
    })),
  );
  put(
    text,
    'nodes_up',
    [...nodes.updated.values()].map(({ node, state, endedAt, renewedAt }) => ({
      ...{ node, state },
      ended_at: endedAt,
      renewed_at: renewedAt,
    })),
  );
  put(text, 'nodes_out', [...nodes.removed]);
  settingRows(settings, text);
  return Object.keys(text).length === 0 ? null : jsonParam(text);
}

function put(text: Record<string, unknown>, name: string, rows: readonly unknown[]): void {
  if (rows.length > 0) text[name] = rows;
}

function settingRows({ changed }: DecidedSettings, text: Record<string, unknown>): void {
  const cells: Rows = [];
  if (changed.clock !== null) {
    const { turn: a, turnsPerSecond: b, measuredAt: c, measuredTurn: d } = changed.clock;
    cells.push({ kind: 'clock', key: '', a, b, c, d });
  }
  for (const [key, a] of changed.turns) cells.push({ kind: 'turn', key, a, b: 0, c: 0, d: 0 });
  put(text, 'cells', cells);
  put(
    text,
    'terms',
    [...changed.terms.values()].map(({ tenant, weight, runningMax, waitingMax }) => ({
      ...{ tenant, weight },
      running_max: runningMax,
      waiting_max: waitingMax,
    })),
  );
  put(text, 'pauses_in', changed.pausesIn);
  put(text, 'pauses_out', changed.pausesOut);
}

/** Writes the rows of runs; gives by how much the number of live ones changed. */
function runRows({ runs: decided, kin }: Decided, text: Record<string, unknown>) {
  const { changes, newInputs, results } = decided;
  const runs: Rows = [];
  const liveIn: Rows = [];
  const liveUp: ReturnType<typeof liveOf>[] = [];
  const liveOut: number[] = [];
  const unpinned: number[] = [];
  const ended: Rows = [];
  let live = 0;
  for (const { before, after } of changes.values()) {
    if (before === undefined) {
      runs.push(factsOf(after, newInputs.get(after.seq) ?? ''));
      if (after.stage === 'done') {
        // It was refused, or others took its place, in the decision that accepted it.
        ended.push(endedOf(after, null));
        continue;
      }
      liveIn.push({ ...liveOf(after), kin: kin.changes.has(after.seq) ? 1 : null });
      live += 1;
      continue;
    }
    const stays = after.stage !== 'done' || after.owner !== null;
    if (stays) liveUp.push(liveOf(after));
    else liveOut.push(after.seq);
    if (before.pin !== null && after.pin === null) unpinned.push(after.seq);
    if (after.stage !== 'done' || before.stage === 'done') continue;
    ended.push(endedOf(after, results.get(after.seq) ?? null));
    live -= 1;
  }
  put(text, 'runs', runs);
  put(text, 'live_in', liveIn);
  // In the order in which everybody locks them.
  liveUp.sort((a, b) => a.seq - b.seq);
  liveOut.sort((a, b) => a - b);
  put(text, 'unpinned', unpinned);
  put(text, 'live_up', liveUp);
  put(text, 'live_out', liveOut);
  put(text, 'ended', ended);
  return live;
}

const factsOf = (row: RunRow, input: string): object => ({
  seq: row.seq,
  id: row.id,
  fn: row.fn,
  lane: row.lane,
  lane_width: row.laneWidth,
  tenant: row.tenant,
  priority_seconds: row.prioritySeconds,
  tags: JSON.stringify(row.tags),
  policy: row.policy,
  accepted_at: row.acceptedAt,
  deadline_at: row.deadlineAt,
  retry_of: row.retryOf,
  trace: row.trace,
  input,
});

const liveOf = (row: RunRow) => ({
  seq: row.seq,
  fn: queueOf(row.fn, row.pin),
  lane: row.lane,
  tenant: row.tenant,
  deadline_at: row.deadlineAt,
  stage: stageCodes[row.stage],
  attempt: row.attempt,
  fence: row.fence,
  failures: row.failures,
  crashes: row.crashes,
  lane_held: row.laneHeld,
  tenant_held: row.tenantHeld,
  due_at: row.dueAt,
  rank: row.rank,
  tag: row.tag,
  wait_key: row.waitKey,
  owner: row.owner,
  started_at: row.startedAt,
  stop_cause: row.stopCause,
  stop_reason: row.stopReason,
  stop_since: row.stopSince,
  overdue_at: row.overdueAt,
  overdue_cause: row.overdueCause,
  finished_at: row.stage === 'quarantined' ? row.finishedAt : null,
  error: row.stage === 'quarantined' ? row.error : null,
});

const endedOf = (row: RunRow, result: string | null): object => ({
  seq: row.seq,
  outcome: row.outcome === null ? null : outcomeCodes[row.outcome],
  finished_at: row.finishedAt,
  error: row.error,
  result,
  attempt: row.attempt,
  fence: row.fence,
  failures: row.failures,
  crashes: row.crashes,
  started_at: row.startedAt,
  pin: row.pin,
});
