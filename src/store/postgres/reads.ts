/**
 * Owns the looking at runs, lanes, tenants and nodes: one statement each, on a snapshot, without
 * the gate.
 *
 * L1 A list looks at a bounded window of rows; where it ends, the page says so and goes on there.
 */
import { limits } from '../../core/limits.ts';
import { type OutcomeKind, outcomeKinds } from '../../core/outcome.ts';
import type { WallMs } from '../../core/time.ts';
import type { NodeRow } from '../../ports/store-nodes.ts';
import type {
  ExplainFacts,
  LaneView,
  LogFilter,
  LogPage,
  PauseView,
  RunCounts,
  RunDetail,
  RunEnd,
  RunPage,
  RunPageAsk,
  RunView,
  TenantView,
} from '../../ports/store-reads.ts';
import type { AttemptRow, OwnedRun, StopOrder } from '../../ports/store-runs.ts';
import type { StepPage } from '../../ports/store-steps.ts';
import {
  outcomeCodes,
  outcomeOf,
  type RunTuple,
  runOf,
  stageCodes,
  stageOf,
} from '../run-tuple.ts';
import { type StepTuple, stepOf } from '../step-tuple.ts';
import { hostOf, timedBy } from '../verbs/explain.ts';
import { lastAttempt, shownRow, wantedLines } from '../verbs/reads.ts';
import { errorOf } from '../verbs/row.ts';
import { childrenOpen, familyFacts } from './family-facts.ts';
import { pageText } from './page-text.ts';
import type { Queries } from './queries.ts';
import { runTuple } from './schema/run-tuple-sql.ts';
import { stepTuple } from './schema/step-tuple-sql.ts';

/** A run with the name of its owner and its progress. */
/** A run with the name of its owner, and its progress. */
export type Shown = readonly [tuple: RunTuple, owner: string | null, progress: string | null];

/** What is shown of it. */
/** What is shown of it. */
export const viewOf = ([tuple, owner, progress]: Shown): RunView =>
  shownRow(runOf(tuple), owner, progress);

/** A run of `run_rows v` with what is shown beside it. */
export const shown = (s: string): string =>
  `json_build_array(${runTuple('v')}, (select n.name from ${s}.nodes n where n.node = v.owner), ` +
  `(select p.progress from ${s}.progress p where p.seq = v.seq))`;

/** Whether something was committed that is not on the disk yet. */
export const notDurable = 'pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn()';

const bounded = (rowsMax: number): number => Math.min(Math.max(1, rowsMax), limits.pageRowsMax);

/** Everything that is kept of one run. */
export async function get(queries: Queries, s: string, id: string): Promise<RunDetail | null> {
  const found = await queries.one<
    | readonly [
        Shown,
        input: string,
        result: string | null,
        attempts: (Omit<AttemptRow, 'error'> & { readonly error: string | null })[] | null,
        lines: number,
        dropped: number,
        pending: boolean,
        family: Pick<RunDetail, 'parent' | 'children' | 'childrenOpen'>,
      ]
    | undefined
  >(
    `select json_build_array(${shown(s)},
       (select r.input from ${s}.runs r where r.seq = v.seq),
       (select e.result from ${s}.ended e where e.seq = v.seq),
       (select json_agg(json_build_object('attempt', a.attempt, 'node', a.node,
          'startedAt', a.started_at, 'endedAt', a.ended_at, 'end', a.ending, 'error', a.error)
          order by a.attempt) from ${s}.attempts a where a.seq = v.seq),
       (select coalesce(max(l.n), 0) from ${s}.log_lines l where l.seq = v.seq),
       coalesce((select d.dropped from ${s}.log_drops d where d.seq = v.seq), 0),
       ${notDurable}, ${familyFacts(s, 'v.seq')}) as value
     from ${s}.run_rows v where v.id = $1`,
    [id],
  );
  if (found === undefined) return null;
  const [one, input, result, attempts, logLines, logLinesDropped, pending, family] = found;
  // What somebody acts upon must not be undone by a crash of the server.
  if (pending && one[0][12] === stageCodes.done) await queries.flushed();
  const closed = (attempts ?? []).map((row) => ({ ...row, error: errorOf(row.error) }));
  const last = lastAttempt(runOf(one[0]));
  return {
    ...viewOf(one),
    input,
    result,
    attempts: [...closed, ...last],
    logLines,
    logLinesDropped,
    ...family,
  };
}

/** A page of runs, newest first. */
export async function list(queries: Queries, s: string, ask: RunPageAsk): Promise<RunPage> {
  const rowsMax = bounded(ask.rowsMax);
  const { text, window, values } = pageText(s, shown(s), ask, rowsMax);
  const rows = await queries.rows<{ readonly value: Shown }>(text, values);
  const runs = rows.map(({ value }) => viewOf(value));
  if (runs.length === rowsMax) return { runs, next: runs.at(-1)?.seq ?? null };
  const end = await queries.one<number | undefined>(window.text, window.values);
  return { runs, next: end ?? null };
}

/** Of the given ids, those that ended and those that are not there. */
export async function ends(
  queries: Queries,
  s: string,
  ids: readonly string[],
): Promise<{ readonly ended: readonly RunEnd[]; readonly unknown: readonly string[] }> {
  const rows = await queries.rows<{
    readonly id: string;
    readonly known: boolean;
    readonly outcome: number | null;
    readonly error: string | null;
    readonly result: string | null;
    readonly pending: boolean;
  }>(
    `select u.id, r.seq is not null as known, e.outcome, e.error, e.result,
       ${notDurable} as pending
     from unnest($1::text[]) as u(id)
     left join ${s}.runs r on r.id = u.id left join ${s}.ended e on e.seq = r.seq`,
    [ids],
  );
  const ended: RunEnd[] = [];
  for (const { id, outcome, error, result } of rows) {
    if (outcome === null) continue;
    ended.push({ id, outcome: { kind: outcomeOf(outcome), error: errorOf(error) }, result });
  }
  if (ended.length > 0 && rows.some(({ pending }) => pending)) await queries.flushed();
  return { ended, unknown: rows.filter(({ known }) => !known).map(({ id }) => id) };
}

/** Which log lines of which run. */
interface LogsAsk {
  readonly id: string;
  readonly after: number | null;
  readonly max: number;
  readonly filter: LogFilter | undefined;
}

/** Log lines of a run from after the given number, which may be any: the last ones are smaller. */
export async function logs(
  queries: Queries,
  s: string,
  { id, after, max, filter = {} }: LogsAsk,
): Promise<LogPage | null> {
  const bound = Math.min(Math.max(1, max), limits.logLinesMax);
  const { attempt, levels } = wantedLines(filter);
  const page = await queries.one<{ lines: LogPage['lines'] | null; dropped: number } | undefined>(
    `select json_build_object(
       'lines', (select json_agg(json_build_object('at', q.at, 'level', q.level,
          'message', q.message, 'fields', q.fields, 'n', q.n, 'attempt', q.attempt) order by q.n)
          from (select * from ${s}.log_lines l where l.seq = r.seq and l.n > $2::bigint
              and ($4::bigint is null or l.attempt = $4::bigint)
              and ($5::text[] is null or l.level = any ($5::text[]))
            order by l.n limit $3) q),
       'dropped', coalesce((select d.dropped from ${s}.log_drops d where d.seq = r.seq), 0)
     ) as value from ${s}.runs r where r.id = $1`,
    [id, after ?? 0, bound, attempt, levels],
  );
  if (page === undefined) return null;
  const lines = page.lines ?? [];
  const last = lines.at(-1);
  return {
    lines,
    next: lines.length === bound && last !== undefined ? last.n : null,
    dropped: page.dropped,
  };
}

/** Distinct first columns of an index, one step each, whatever number of rows has them. */
const skipping = (s: string, where: string): string => `
  (with recursive k as (
    (select lane from ${s}.live where ${where} and lane is not null order by lane limit 1)
    union all
    select (select lane from ${s}.live where ${where} and lane > k.lane order by lane limit 1)
    from k where k.lane is not null
  ) select lane from k where lane is not null limit $1)`;

/** Steps of a run from after the given one. A page ends early when it grows heavy. */
export async function steps(
  queries: Queries,
  s: string,
  id: string,
  after: number,
  rowsMax: number,
): Promise<StepPage | null> {
  const bound = Math.min(Math.max(1, rowsMax), limits.stepPageRowsMax);
  const found = await queries.one<
    | {
        readonly steps: readonly StepTuple[] | null;
        readonly count: number;
        readonly now: number;
        readonly pending: boolean;
      }
    | undefined
  >(
    `select json_build_object(
       'steps', (select json_agg(${stepTuple('k')} order by k.ord)
         filter (where k.at = 1 or k.chars <= ${limits.stepPageCharsMax}) from (
           select w.*, row_number() over o as at,
             sum(coalesce(octet_length(w.value), 0)) over o as chars
           from (select * from ${s}.steps q where q.seq = r.seq and q.ord > $2::bigint
             order by q.ord limit $3) w
           window o as (order by w.ord rows unbounded preceding)
         ) k),
       'count', (select count(*) from (select 1 from ${s}.steps q
         where q.seq = r.seq and q.ord > $2::bigint order by q.ord limit $3) c),
       'now', ${s}.wall(),
       'pending', ${notDurable}) as value
     from ${s}.runs r where r.id = $1`,
    [id, after, bound],
  );
  if (found === undefined) return null;
  const { count, now } = found;
  const page = (found.steps ?? []).map(stepOf);
  // What the code of the next owner acts upon must not be undone by a crash of the server.
  if (found.pending && page.some(({ end }) => end !== null)) await queries.flushed();
  const whole = page.length === count && count < bound;
  return { steps: page, next: whole ? null : (page.at(-1)?.ord ?? null), now: now as WallMs };
}

/** Lanes with somebody in them, and paused ones. */
export async function lanes(
  queries: Queries,
  s: string,
  rowsMax: number,
): Promise<readonly LaneView[]> {
  const found = await queries.one<LaneView[] | null>(
    `select json_agg(json_build_object('lane', k.lane,
       'paused', exists (select 1 from ${s}.pauses p where p.kind = 'lane' and p.key = k.lane),
       'holders', array(select r.id from ${s}.live h join ${s}.runs r on r.seq = h.seq
         where h.lane = k.lane and h.lane_held order by h.seq limit ${limits.laneWidthMax}),
       'waiting', (select count(*) from (select 1 from ${s}.live w
         where w.lane = k.lane and w.stage = 2 limit ${limits.pageScanRowsMax}) q),
       'oldestWaitingAt', (select r.accepted_at from ${s}.live w join ${s}.runs r on r.seq = w.seq
         where w.lane = k.lane and w.stage = 2 order by w.seq limit 1)
     ) order by k.lane) as value
     from (
       select lane from (
         select lane from (${skipping(s, 'stage = 2')} union ${skipping(s, 'lane_held')}) busy
         order by lane limit $1
       ) first
       union select key from ${s}.pauses where kind = 'lane'
     ) k`,
    [bounded(rowsMax)],
  );
  return found ?? [];
}

const tenantView = (s: string, of: string): string => `json_build_object('tenant', ${of},
  'weight', coalesce((select weight from ${s}.tenants t where t.tenant = ${of}), 1),
  'runningMax', (select running_max from ${s}.tenants t where t.tenant = ${of}),
  'waitingMax', (select waiting_max from ${s}.tenants t where t.tenant = ${of}),
  'holding', (select count(*) from (select 1 from ${s}.live h
    where h.tenant = ${of} and h.tenant_held limit ${limits.batchItemsMax}) q))`;

/** Tenants that have terms, or a standing in the fair order; or only one, whatever it has. */
export async function tenants(
  queries: Queries,
  s: string,
  rowsMax: number,
  only?: string,
): Promise<readonly TenantView[]> {
  if (only !== undefined) {
    const one = `select ${tenantView(s, '$1::text')} as value`;
    return [await queries.one<TenantView>(one, [only])];
  }
  const found = await queries.one<TenantView[] | null>(
    `select json_agg(${tenantView(s, 'k.tenant')} order by k.tenant) as value from (
       select tenant from ${s}.tenants
       union select key from ${s}.cells where kind = 'turn' order by 1 limit $1
     ) k`,
    [bounded(rowsMax)],
  );
  return found ?? [];
}

/** Everything that is paused. */
export const pauses = (queries: Queries, s: string): Promise<PauseView[]> =>
  queries.rows<PauseView>(`select kind, key, reason, since from ${s}.pauses order by kind, key`);

/** Runs by status and by outcome. */
export async function counts(queries: Queries, s: string): Promise<RunCounts> {
  const { stages, outcomes } = await queries.one<{
    readonly stages: readonly (readonly [number, number])[] | null;
    readonly outcomes: readonly (readonly [number, number])[] | null;
  }>(`select ${s}.tally() as value`);
  const counted = { queued: 0, running: 0, parked: 0, quarantined: 0, done: 0 };
  for (const [code, times] of stages ?? []) {
    const stage = stageOf(code);
    const queued = stage === 'time' || stage === 'lane' || stage === 'tenant' || stage === 'slot';
    counted[queued ? 'queued' : stage] += times;
  }
  const ended = Object.fromEntries(outcomeKinds.map((kind) => [kind, 0]));
  for (const [code, times] of outcomes ?? []) {
    ended[outcomeOf(code)] = times;
    counted.done += times;
  }
  return { ...counted, ...(ended as Record<OutcomeKind, number>) };
}

/** Every node that is there, or was there until it is pruned. */
export const nodes = (queries: Queries, s: string): Promise<readonly NodeRow[]> =>
  queries.one<NodeRow[]>(`select ${s}.node_rows() as value`);

/** Runs of a node that are asked to stop. */
export const stops = (queries: Queries, s: string, node: number): Promise<readonly StopOrder[]> =>
  queries.one<StopOrder[]>(`select ${s}.stops($1) as value`, [node]);

/** Runs that a node owns. */
export async function owned(
  queries: Queries,
  s: string,
  node: number,
  rowsMax: number,
): Promise<readonly OwnedRun[]> {
  const found = await queries.one<OwnedRun[] | null>(
    `select json_agg(json_build_object('seq', seq, 'attempt', attempt, 'fence', fence,
       'lingers', stage <> 5) order by seq) as value
     from (
       select seq, attempt, fence, stage from ${s}.live where owner = $1 order by seq limit $2
     ) q`,
    [node, Math.min(Math.max(1, rowsMax), limits.batchItemsMax)],
  );
  return found ?? [];
}

/** The facts around one run. */
export async function explain(
  queries: Queries,
  s: string,
  id: string,
): Promise<ExplainFacts | null> {
  const found = await queries.one<
    | {
        readonly run: Shown;
        readonly holders: readonly Shown[] | null;
        readonly laneAhead: number;
        readonly tenant: TenantView;
        readonly pauses: readonly PauseView[] | null;
        readonly nodes: readonly NodeRow[];
        readonly slotAhead: number;
        readonly childrenOpen: number;
        readonly now: number;
      }
    | undefined
  >(
    `select json_build_object('run', ${shown(s)},
       'holders', (select json_agg(${shown(s)} order by v.seq) from ${s}.run_rows v
         where v.seq = any (array(select h.seq from ${s}.live h
           where h.lane = q.lane and h.lane_held order by h.seq limit ${limits.laneWidthMax}))),
       'laneAhead', (select count(*) from (select 1 from ${s}.live a where q.stage = 2
         and a.lane = q.lane and a.stage = 2 and a.seq < q.seq limit ${limits.pageScanRowsMax}) c),
       'tenant', ${tenantView(s, 'q.tenant')},
       'pauses', (select json_agg(json_build_object('kind', p.kind, 'key', p.key,
         'reason', p.reason, 'since', p.since)) from ${s}.pauses p
         where p.key = case p.kind when 'lane' then q.lane else q.fn end),
       'nodes', ${s}.node_rows(),
       'slotAhead', (select count(*) from (select 1 from ${s}.live a where q.stage = 4
         and a.fn = (select l.fn from ${s}.live l where l.seq = q.seq)
         and a.stage = 4 and (a.rank, a.seq) < (q.rank, q.seq)
         limit ${limits.pageScanRowsMax}) c),
       'childrenOpen', ${childrenOpen(s, 'q.seq')},
       'now', ${s}.wall()) as value
     from ${s}.run_rows v join ${s}.run_rows q on q.seq = v.seq where v.id = $1`,
    [id],
  );
  if (found === undefined) return null;
  const run = viewOf(found.run);
  const here = found.nodes.filter((node) => node.state === 'live' && !node.leaseOver);
  return {
    run,
    laneHolders: (found.holders ?? []).map(viewOf),
    laneAhead: found.laneAhead,
    tenant: found.tenant,
    pauses: found.pauses ?? [],
    hosts: here.filter(hostOf(run)).length,
    nodes: here.length,
    slotAhead: found.slotAhead,
    timed: timedBy(here, run.fn),
    childrenOpen: found.childrenOpen,
    now: found.now as ExplainFacts['now'],
  };
}

/** The number of each outcome, as pruning names it. */
export const outcomeCode = (kind: OutcomeKind): number => outcomeCodes[kind];
