/**
 * Owns the hand-out of eligible runs.
 *
 * H1 Only a live node gets runs, only of functions it asked for, never more than it has room for;
 *    of runs that are pinned only those of a version that it asked for.
 * H2 The order is by rank over all functions asked for, then by acceptance.
 * H3 The cost is that of the rows handed out (a small multiple, if several functions have a
 *    backlog) plus one look per function and version: neither backlog, nor history, nor runs that
 *    are pinned to versions that nobody asks for, nor the number of lanes and tenants matters.
 */
import { limits } from '../../core/limits.ts';
import { advance } from '../../core/rank.ts';
import { type WallMs, wallMs, wallPlus } from '../../core/time.ts';
import type { ClaimAsk, ClaimedFunction, ClaimedRun, ClaimReply } from '../../ports/store-runs.ts';
import { judgeLookMsMin } from '../judge-clock.ts';
import { applyEvent } from './apply.ts';
import type { Queue, RunRow } from './tables.ts';
import type { Txn } from './txn.ts';

/** Rows that are read of each queue at the least. */
const rowsEachMin = 8;

/** Hands runs to a node, each under a new fence. */
export function claim(txn: Txn, ask: ClaimAsk): ClaimReply {
  const node = txn.tables.nodes.byKey(ask.node);
  if (node?.state !== 'live') {
    const message = `node ${ask.node} is ${node?.state ?? 'unknown'} and gets no runs`;
    return { ok: false, code: 'node.fenced', message };
  }
  const runsMax = Math.min(ask.runsMax, limits.claimRunsMax);
  const { heads, backlog } = firstOf(txn, ask, runsMax);
  const runs: ClaimedRun[] = [];
  let tagMax = Number.NEGATIVE_INFINITY;
  let turns = 0;
  let inputChars = 0;
  for (const row of heads) {
    if (inputChars >= limits.claimInputCharsMax) break;
    const applied = applyEvent(txn, row, { type: 'claim', owner: ask.node });
    if (!applied.ok) continue;
    tagMax = Math.max(tagMax, row.tag ?? tagMax);
    turns += 1 / txn.tenant(row.tenant).weight;
    const run = handOut(txn, applied.row);
    inputChars += run.input.length;
    runs.push(run);
  }
  if (runs.length > 0) {
    const handed = { count: runs.length, tagMax, turns };
    txn.setShareClock(advance(txn.shareClock(), handed, backlog, txn.moment.wall));
  }
  return { ok: true, runs, nextDueAt: nextDueAt(txn) };
}

/** A queue whose runs may be handed out, and its first rows: `rowsRead` of `rowsMax` at most. */
interface Source {
  readonly fn: string;
  readonly pin: string | null;
  readonly rowsMax: number;
  readonly rowsRead: number;
  readonly rows: readonly RunRow[];
}

const inOrder = (a: RunRow, b: RunRow): number => (a.rank ?? 0) - (b.rank ?? 0) || a.seq - b.seq;

/** Whether more rows of the queue may be waiting than were read. */
const goesOn = ({ rows, rowsRead }: Source): boolean => rows.length === rowsRead;

/**
 * The first rows over all queues. With many queues only a few rows of each are read at first, and
 * then more of the one whose unread rows may come first, until none may come among those found.
 */
function firstOf(
  txn: Txn,
  ask: ClaimAsk,
  runsMax: number,
): { readonly heads: readonly RunRow[]; readonly backlog: boolean } {
  const read = ({ fn, pin }: Queue, rowsMax: number, rowsWanted: number): Source => {
    const rowsRead = Math.min(rowsMax, rowsWanted);
    return { fn, pin, rowsMax, rowsRead, rows: txn.tables.runs.ready({ fn, pin }, rowsRead) };
  };
  const open = ask.functions.filter(
    ({ fn, runsMax: room }) => room > 0 && txn.pauseOf('function', fn) === undefined,
  );
  const rowsEach = Math.max(rowsEachMin, Math.ceil((2 * runsMax) / Math.max(1, open.length)));
  const sources = open.flatMap(({ fn, runsMax: room, versions = [] }) =>
    [null, ...versions].map((pin) => read({ fn, pin }, Math.min(room, runsMax), rowsEach)),
  );
  for (;;) {
    const candidates = sources.flatMap(({ rows }) => rows);
    if (sources.length > 1) candidates.sort(inOrder);
    const heads = admitted(open, candidates).slice(0, runsMax);
    const at = shortest(sources, heads);
    const source = sources[at];
    if (source === undefined) {
      return { heads, backlog: candidates.length > heads.length || sources.some(goesOn) };
    }
    sources[at] = read(source, source.rowsMax, source.rowsRead * 4);
  }
}

/** H1: of each function as many as there is room for, whichever versions they are pinned to. */
function admitted(
  open: readonly ClaimedFunction[],
  candidates: readonly RunRow[],
): readonly RunRow[] {
  if (open.every(({ versions = [] }) => versions.length === 0)) return candidates;
  const rooms = new Map(open.map(({ fn, runsMax }) => [fn, runsMax]));
  return candidates.filter(({ fn }) => {
    const room = rooms.get(fn) ?? 0;
    rooms.set(fn, room - 1);
    return room > 0;
  });
}

/** Of the queues with unread rows that may belong to the heads, the one whose rows end first. */
function shortest(sources: readonly Source[], heads: readonly RunRow[]): number {
  let found = -1;
  let end = heads.at(-1);
  for (const [at, source] of sources.entries()) {
    const last = source.rows.at(-1);
    if (last === undefined || !goesOn(source) || source.rowsRead === source.rowsMax) continue;
    if (end === undefined || inOrder(last, end) > 0) continue;
    end = last;
    found = at;
  }
  return found;
}

function handOut(txn: Txn, row: RunRow): ClaimedRun {
  return {
    seq: row.seq,
    id: row.id,
    fn: row.fn,
    pin: row.pin,
    attempt: row.attempt,
    failures: row.failures,
    fence: row.fence,
    input: txn.tables.runs.input(row.seq),
    lane: row.lane,
    tenant: row.tenant,
    tags: row.tags,
    acceptedAt: row.acceptedAt,
    deadlineAt: row.deadlineAt,
    retryOf: row.retryOf,
    trace: row.trace,
    ...(row.stopCause === null
      ? {}
      : { stop: { cause: row.stopCause, reason: row.stopReason ?? '' } }),
    policy: txn.tables.settings.policy(row.policy),
  };
}

/** The next time at which the passing of time alone changes something. */
export function nextDueAt(txn: Txn): WallMs | null {
  const { runs } = txn.tables;
  const { wall, judge, judgeStepMsMax = 0 } = txn.moment;
  const overdue = runs.nextOverdueAt();
  const times = [runs.nextDueAt(), runs.nextDeadlineAt()].filter((at) => at !== null);
  if (overdue !== null) {
    // In whole milliseconds, and never before the judge's clock says so.
    const waitMs = Math.max(0, Math.ceil(overdue - judge)) + 1;
    const stands = judgeStepMsMax > 0 && overdue > judge;
    times.push(wallPlus(wall, stands ? Math.max(waitMs, judgeLookMsMin) : waitMs));
  }
  return times.length === 0 ? null : wallMs(Math.min(...times));
}
