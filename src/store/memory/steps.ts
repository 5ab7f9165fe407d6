/**
 * Owns the steps of runs, and the waits among them by what they are for.
 *
 * S1 Every index is brought along by `put` and `forget`, from the step before and after.
 * S2 Keys of indexes are texts of parts, joined by a character that no part has.
 */
import type { WallMs } from '../../core/time.ts';
import type { StepRow } from '../../ports/store-steps.ts';
import type { StepPlace, StepTable } from '../verbs/tables.ts';
import { frozenCopy } from './details.ts';
import type { Journal } from './journal.ts';
import { Ordered } from './ordered.ts';

/** S2: keys and JSON texts have no control characters. */
const joint = '\u0001';
const afterJoint = '\u0002';

const join = (...parts: readonly string[]): string => parts.join(joint);

/** Numbers as texts in their order. */
const text = (value: number): string => String(value).padStart(16, '0');

const unbounded = Number.POSITIVE_INFINITY;

interface Kept {
  readonly seq: number;
  readonly tenant: string;
  readonly row: StepRow;
}

interface Size {
  readonly count: number;
  readonly nth: number;
}

const empty: Size = { count: 0, nth: 0 };

/** The table, and the forgetting of a run. */
export interface MemorySteps {
  readonly table: StepTable;
  forget(seq: number): void;
}

interface Parts {
  readonly byKey: Ordered<string, Kept>;
  readonly byOrd: Ordered<string, Kept>;
  readonly open: Ordered<string, Kept>;
  readonly wanting: Ordered<string, Kept & { readonly paths: string }>;
  readonly tokens: Ordered<string, StepPlace>;
  readonly sizes: Ordered<number, Size>;
}

/** Opens the table. */
export function openSteps(journal: Journal): MemorySteps {
  const parts: Parts = {
    byKey: Ordered.byText(journal),
    byOrd: Ordered.byText(journal),
    open: Ordered.byText(journal),
    wanting: Ordered.byText(journal),
    tokens: Ordered.byText(journal),
    sizes: Ordered.byNumber(journal),
  };
  const { byKey, byOrd, open, tokens, sizes } = parts;
  return {
    table: {
      get: (seq, key) => byKey.get(join(text(seq), key))?.row,
      put: (seq, tenant, row) => put(parts, { seq, tenant, row: frozenCopy(row) }),
      size: (seq) => sizes.get(seq) ?? empty,
      page: (seq, afterOrd, rowsMax) =>
        rowsOf(byOrd, `${text(seq)}${joint}`, join(text(seq), text(afterOrd)), rowsMax),
      earliestWake: (seq) => earliest(rowsOf(open, `${text(seq)}${joint}`, text(seq), unbounded)),
      countEnded: (seq, belowOrd) => endedBelow(parts, seq, belowOrd).length,
      copyEnded: (seq, belowOrd, to) => copyEnded(parts, endedBelow(parts, seq, belowOrd), to),
      byToken: (token) => tokens.get(token),
      wantedPaths: (tenant, event, rowsMax) => wantedPaths(parts, tenant, event, rowsMax),
      wanting(tenant, event, { paths, values }, rowsMax) {
        const prefix = join(tenant, event, paths, values, '');
        return taken(parts.wanting, prefix, prefix, rowsMax).map(({ seq, row }) => ({
          seq,
          key: row.key,
        }));
      },
    },
    forget(seq) {
      const prefix = `${text(seq)}${joint}`;
      for (const kept of taken(byOrd, prefix, text(seq), unbounded)) {
        unlist(parts, kept);
        byKey.drop(join(text(seq), kept.row.key));
        byOrd.drop(join(text(seq), text(kept.row.ord)));
        if (kept.row.wait !== null && kept.row.wait.token !== null) {
          tokens.drop(kept.row.wait.token);
        }
      }
      sizes.drop(seq);
    },
  };
}

function put(parts: Parts, kept: Kept): void {
  const { seq, row } = kept;
  const at = join(text(seq), row.key);
  const before = parts.byKey.get(at);
  if (before !== undefined) unlist(parts, before);
  parts.byKey.put(at, kept);
  parts.byOrd.put(join(text(seq), text(row.ord)), kept);
  const { count, nth } = parts.sizes.get(seq) ?? empty;
  const size = {
    count: before === undefined ? count + 1 : count,
    nth: Math.max(nth, row.end?.nth ?? 0),
  };
  parts.sizes.put(seq, size);
  const token = row.wait?.token ?? null;
  if (token !== null) parts.tokens.put(token, { seq, key: row.key });
  if (row.wait === null || row.end !== null) return;
  parts.open.put(join(text(seq), text(row.ord)), kept);
  const wanted = wantedKey(kept);
  if (wanted !== null) parts.wanting.put(wanted.key, { ...kept, paths: wanted.paths });
}

/** Steps that have ended, of those with a smaller `ord`. */
function endedBelow({ byOrd }: Parts, seq: number, belowOrd: number | null): readonly Kept[] {
  const steps = taken(byOrd, `${text(seq)}${joint}`, text(seq), unbounded);
  return steps.filter(({ row }) => row.end !== null && row.ord < (belowOrd ?? unbounded));
}

function copyEnded(parts: Parts, kept: readonly Kept[], to: number): void {
  const nths = kept.map(({ row }) => row.end?.nth ?? 0).sort((a, b) => a - b);
  const rank = new Map(nths.map((nth, at) => [nth, at + 1]));
  for (const [at, { tenant, row }] of kept.entries()) {
    const { wait, end } = row;
    const copy: StepRow = {
      ...row,
      ord: at + 1,
      attempt: 0,
      wait: wait === null ? null : { ...wait, token: null },
      end: end === null ? null : { ...end, nth: rank.get(end.nth) ?? 0 },
    };
    put(parts, { seq: to, tenant, row: copy });
  }
}

function earliest(waits: readonly StepRow[]): WallMs | null {
  let first: WallMs | null = null;
  for (const { wait } of waits) {
    const at = wait?.wakeAt ?? null;
    if (at !== null && (first === null || at < first)) first = at;
  }
  return first;
}

/** Takes a step out of the indexes of open waits. */
function unlist({ open, wanting }: Parts, kept: Kept): void {
  open.drop(join(text(kept.seq), text(kept.row.ord)));
  const wanted = wantedKey(kept);
  if (wanted !== null) wanting.drop(wanted.key);
}

function wantedKey({ seq, tenant, row }: Kept): { key: string; paths: string } | null {
  const event = row.wait?.event ?? null;
  if (event === null) return null;
  const { name, paths, values } = event;
  return { key: join(tenant, name, paths, values, text(seq), text(row.ord)), paths };
}

/** Each time from behind the last: the cost is that of the distinct ones. */
function wantedPaths(
  { wanting }: Parts,
  tenant: string,
  event: string,
  rowsMax: number,
): readonly string[] {
  const found: string[] = [];
  const prefix = join(tenant, event, '');
  const end = join(tenant, event) + afterJoint;
  let from = prefix;
  while (found.length < rowsMax) {
    const next = wanting.firstAfter(from, end);
    if (next === undefined) break;
    found.push(next.paths);
    from = join(tenant, event, next.paths) + afterJoint;
  }
  return found;
}

/** Values whose keys begin with `prefix`, after `from`. */
function taken<V extends Kept>(
  rows: Ordered<string, V>,
  prefix: string,
  from: string,
  rowsMax: number,
): readonly V[] {
  const end = prefix.slice(0, -1) + afterJoint;
  const found: V[] = [];
  for (const value of rows.between(from, end)) {
    if (found.length >= rowsMax) break;
    found.push(value);
  }
  return found;
}

const rowsOf = (
  rows: Ordered<string, Kept>,
  prefix: string,
  from: string,
  rowsMax: number,
): readonly StepRow[] => taken(rows, prefix, from, rowsMax).map(({ row }) => row);
