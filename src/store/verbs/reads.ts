/**
 * Owns the looking at runs, lanes and tenants. Nothing here writes.
 */
import type { RunStatus } from '../../core/execution/run.ts';
import { limits } from '../../core/limits.ts';
import type { OutcomeKind } from '../../core/outcome.ts';
import { logLevels } from '../../ports/log.ts';
import type {
  LaneView,
  LogFilter,
  LogPage,
  PauseView,
  PinnedRuns,
  RunCounts,
  RunDetail,
  RunEnd,
  RunPage,
  RunPageAsk,
  RunView,
  TenantView,
} from '../../ports/store-reads.ts';
import type { AttemptRow } from '../../ports/store-runs.ts';
import type { StepPage, StepRow } from '../../ports/store-steps.ts';
import { errorOf, outcomeOf } from './row.ts';
import type { RunRow, Stage, WantedLines } from './tables.ts';
import type { Txn } from './txn.ts';

const gates: readonly Stage[] = ['time', 'lane', 'tenant', 'slot'];

/** The status of a stage. */
export const statusOf = (stage: Stage): RunStatus =>
  stage === 'running' || stage === 'parked' || stage === 'quarantined' || stage === 'done'
    ? stage
    : 'queued';

/** A row as it is shown. */
export function viewOf(txn: Txn, row: RunRow): RunView {
  const owner = row.owner === null ? undefined : txn.tables.nodes.byKey(row.owner);
  return shownRow(row, owner?.name ?? null, txn.tables.notes.progress(row.seq));
}

/** A row as it is shown, with the name of its owner and its progress. */
export function shownRow(row: RunRow, owner: string | null, progress: string | null): RunView {
  const gate =
    row.stage === 'time' || row.stage === 'lane' || row.stage === 'tenant' || row.stage === 'slot'
      ? row.stage
      : null;
  return {
    seq: row.seq,
    id: row.id,
    fn: row.fn,
    pin: row.pin,
    status: statusOf(row.stage),
    gate,
    lane: row.lane,
    laneWidth: row.laneWidth,
    tenant: row.tenant,
    prioritySeconds: row.prioritySeconds,
    tags: row.tags,
    attempt: row.attempt,
    failures: row.failures,
    crashes: row.crashes,
    fence: row.fence,
    acceptedAt: row.acceptedAt,
    dueAt: row.dueAt,
    startedAt: row.startedAt,
    finishedAt: row.stage === 'done' ? row.finishedAt : null,
    deadlineAt: row.deadlineAt,
    owner,
    stopReason: row.stopReason,
    outcome: outcomeOf(row),
    quarantine: row.stage === 'quarantined' ? errorOf(row.error) : null,
    retryOf: row.retryOf,
    progress,
  };
}

/** One run with everything that is kept of it. */
export function get(txn: Txn, id: string): RunDetail | null {
  const row = txn.tables.runs.byId(id);
  if (row === undefined) return null;
  const size = txn.tables.notes.logSize(row.seq);
  return {
    ...viewOf(txn, row),
    input: txn.tables.runs.input(row.seq),
    result: txn.tables.runs.result(row.seq),
    attempts: [...txn.tables.attempts.of(row.seq), ...lastAttempt(row)],
    logLines: size.kept,
    logLinesDropped: size.dropped,
    ...familyOf(txn, row.seq),
  };
}

function familyOf(
  { tables: { kin, runs } }: Txn,
  seq: number,
): Pick<RunDetail, 'parent' | 'children' | 'childrenOpen'> {
  const row = kin.of(seq);
  if (row === undefined) return { parent: null, children: 0, childrenOpen: 0 };
  const { batchItemsMax } = limits;
  return {
    parent: row.parent === null ? null : (runs.bySeq(row.parent)?.id ?? null),
    children: row.hasChildren ? kin.count(seq, false, batchItemsMax) : 0,
    childrenOpen: row.hasChildren ? kin.count(seq, true, batchItemsMax) : 0,
  };
}

/** The successful attempt, which the run's own row tells. */
export function lastAttempt(row: RunRow): readonly AttemptRow[] {
  const { startedAt, finishedAt } = row;
  if (row.outcome !== 'succeeded' || startedAt === null || finishedAt === null) return [];
  const { attempt } = row;
  return [{ attempt, node: null, startedAt, endedAt: finishedAt, end: 'succeeded', error: null }];
}

/** A page of runs, newest first. */
export function list(txn: Txn, ask: RunPageAsk): RunPage {
  const rowsMax = Math.min(Math.max(1, ask.rowsMax), limits.pageRowsMax);
  const { before, filter } = ask;
  const page = txn.tables.runs.page(filter, before, rowsMax, limits.pageScanRowsMax);
  return { runs: page.rows.map((row) => viewOf(txn, row)), next: page.next };
}

/** Of the given ids, those that ended and those that are not there. */
export function ends(
  txn: Txn,
  ids: readonly string[],
): { readonly ended: readonly RunEnd[]; readonly unknown: readonly string[] } {
  const ended: RunEnd[] = [];
  const unknown: string[] = [];
  for (const id of ids) {
    const row = txn.tables.runs.byId(id);
    const outcome = row === undefined ? null : outcomeOf(row);
    if (row === undefined) unknown.push(id);
    else if (outcome !== null && row.stage === 'done') {
      ended.push({ id, outcome, result: txn.tables.runs.result(row.seq) });
    }
  }
  return { ended, unknown };
}

/** Which lines a filter lets through. */
export const wantedLines = ({ attempt, level }: LogFilter): WantedLines => ({
  attempt: attempt ?? null,
  levels: level === undefined ? null : logLevels.slice(logLevels.indexOf(level)),
});

/** Log lines of a run from after the given number. */
export function logs(
  txn: Txn,
  id: string,
  after: number | null,
  linesMax: number,
  filter: LogFilter = {},
): LogPage | null {
  const row = txn.tables.runs.byId(id);
  if (row === undefined) return null;
  const bound = Math.min(Math.max(1, linesMax), limits.logLinesMax);
  const lines = txn.tables.notes.lines(row.seq, after ?? 0, bound, wantedLines(filter));
  const last = lines.at(-1);
  const next = lines.length === bound && last !== undefined ? last.n : null;
  return { lines, next, dropped: txn.tables.notes.logSize(row.seq).dropped };
}

/** Steps that are read at once: each may be large. */
const stepRowsEach = 8;

/** Steps of a run from after the given one. A page ends early when it grows heavy. */
export function steps(txn: Txn, id: string, after: number, rowsMax: number): StepPage | null {
  const row = txn.tables.runs.byId(id);
  if (row === undefined) return null;
  const bound = Math.min(Math.max(1, rowsMax), limits.stepPageRowsMax);
  const page: StepRow[] = [];
  let chars = 0;
  for (;;) {
    const last = page.at(-1)?.ord ?? after;
    const next = (more: boolean) => ({
      steps: page,
      next: more ? last : null,
      now: txn.moment.wall,
    });
    const room = Math.min(stepRowsEach, bound - page.length);
    if (room === 0) return next(true);
    const rows = txn.tables.steps.page(row.seq, last, room);
    for (const step of rows) {
      chars += step.end?.value?.length ?? 0;
      if (chars > limits.stepPageCharsMax && page.length > 0) {
        return { ...next(true), next: page.at(-1)?.ord ?? after };
      }
      page.push(step);
    }
    if (rows.length < room) return next(false);
  }
}

/** Lanes with somebody in them, and paused ones. */
export function lanes(txn: Txn, rowsMax: number): readonly LaneView[] {
  const { runs, settings } = txn.tables;
  const keys = new Set(runs.busyLanes(Math.min(Math.max(1, rowsMax), limits.pageRowsMax)));
  for (const held of settings.pauses()) if (held.kind === 'lane') keys.add(held.key);
  return [...keys].map((lane) => {
    const first = runs.firstInLane(lane);
    return {
      lane,
      paused: txn.pauseOf('lane', lane) !== undefined,
      holders: runs.laneHolders(lane, limits.laneWidthMax).map((row) => row.id),
      waiting: runs.countLaneBefore(lane, Number.MAX_SAFE_INTEGER, limits.pageScanRowsMax),
      oldestWaitingAt: first?.acceptedAt ?? null,
    };
  });
}

/** Tenants that have terms, or a standing in the fair order; or only one, whatever it has. */
export function tenants(txn: Txn, rowsMax: number, only?: string): readonly TenantView[] {
  if (only !== undefined) return [tenantView(txn, only)];
  const rows = txn.tables.settings.tenants(Math.min(Math.max(1, rowsMax), limits.pageRowsMax));
  return rows.map((row) => tenantView(txn, row.tenant));
}

/** A tenant's terms, and how many places its runs hold. */
export function tenantView(txn: Txn, tenant: string): TenantView {
  const { weight, runningMax, waitingMax } = txn.tenant(tenant);
  const holding = txn.tables.runs.countTenantHolders(tenant, limits.batchItemsMax);
  return { tenant, weight, runningMax, waitingMax, holding };
}

/** Everything that is paused. */
export const pauses = (txn: Txn): readonly PauseView[] => txn.tables.settings.pauses();

/** Versions that unfinished runs are pinned to. */
export const pinned = (txn: Txn, rowsMax: number): readonly PinnedRuns[] =>
  txn.tables.runs.countPinned(Math.min(Math.max(1, rowsMax), limits.pageRowsMax));

/** Runs by status and by outcome. */
export function counts(txn: Txn): RunCounts {
  const { stages, outcomes } = txn.tables.runs.countBy();
  let queued = 0;
  for (const gate of gates) queued += stages[gate];
  const { running, parked, quarantined, done } = stages;
  return {
    queued,
    running,
    parked,
    quarantined,
    done,
    ...(outcomes as Record<OutcomeKind, number>),
  };
}
