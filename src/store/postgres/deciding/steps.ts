/**
 * Owns steps and events as one decision sees them: what was loaded, with its own changes over it.
 *
 * S1 The answer of a query is that of the tables with the decision's changes written.
 */
import { HoldfastError } from '../../../core/errors.ts';
import { type WallMs, wallMs } from '../../../core/time.ts';
import type { StepRow } from '../../../ports/store-steps.ts';
import { wantedPathsMax } from '../../verbs/events.ts';
import type { EventTable, KeptEvent, StepPlace, StepTable } from '../../verbs/tables.ts';
import { type Loaded, Missing } from './loaded.ts';
import { keyOf, type StepWants } from './loaded-steps.ts';

/** A step that the decision wrote. */
export interface StepChange {
  readonly seq: number;
  readonly tenant: string;
  readonly isNew: boolean;
  readonly row: StepRow;
}

/** The table, and what the decision changed in it. */
export interface DecidedSteps extends StepTable {
  readonly changes: ReadonlyMap<string, StepChange>;
  readonly copies: readonly { readonly seq: number; readonly below: number | null; to: number }[];
}

/** The value of a map, or what to load for it. */
function need<T>(value: T | undefined, wants: StepWants): T {
  if (value !== undefined) return value;
  throw new Missing(wants);
}

/** What to load to know how many steps ended before one that is loaded. */
function forkAt({ rows, steps }: Loaded, seq: number, ord: number | null): StepWants {
  const id = rows.get(seq)?.id;
  for (const [key, row] of steps.rows) {
    const isIt = row.ord === ord && key === keyOf(seq, row.key);
    if (isIt && id !== undefined) return { forks: [{ id, from: row.key }] };
  }
  return { steps: [{ seq, keys: [] }] };
}

const notAsked = (what: string) => (): never => {
  throw new HoldfastError('internal.defect', `no decision asks for ${what}`);
};

/** Opens the steps. */
export function openSteps(all: Loaded): DecidedSteps {
  const { steps: loaded } = all;
  const changes = new Map<string, StepChange>();
  const sizes = new Map<number, { readonly count: number; readonly nth: number }>();
  const copies: { readonly seq: number; readonly below: number | null; to: number }[] = [];
  const tokens = new Map<string, StepPlace>();
  const get = (seq: number, key: string): StepRow | undefined => {
    const at = keyOf(seq, key);
    const row = changes.get(at)?.row ?? loaded.rows.get(at);
    if (row !== undefined || loaded.asked.keys.has(at)) return row;
    throw new Missing({ steps: [{ seq, keys: [key] }] });
  };
  const size = (seq: number) =>
    sizes.get(seq) ?? need(loaded.sizes.get(seq), { steps: [{ seq, keys: [] }] });
  return {
    changes,
    copies,
    get,
    size,
    put(seq, tenant, row) {
      const at = keyOf(seq, row.key);
      const { count, nth } = size(seq);
      const isNew = get(seq, row.key) === undefined || changes.get(at)?.isNew === true;
      const fresh = isNew && !changes.has(at);
      sizes.set(seq, {
        count: fresh ? count + 1 : count,
        nth: Math.max(nth, row.end?.nth ?? 0),
      });
      changes.set(at, { seq, tenant, isNew, row });
      const token = row.wait?.token ?? null;
      if (token !== null) tokens.set(token, { seq, key: row.key });
    },
    earliestWake(seq) {
      const wakes = need(loaded.wakes.get(seq), { wakes: [seq], steps: [{ seq, keys: [] }] });
      const times = wakes.filter(([key]) => !changes.has(keyOf(seq, key))).map(([, at]) => at);
      for (const change of changes.values()) {
        const at = change.row.wait?.wakeAt ?? null;
        if (change.seq === seq && change.row.end === null && at !== null) times.push(at);
      }
      return times.length === 0 ? null : wallMs(Math.min(...times));
    },
    countEnded: (seq, belowOrd) =>
      need(loaded.ended.get(keyOf(seq, belowOrd ?? 0)), forkAt(all, seq, belowOrd)),
    copyEnded: (seq, below, to) => void copies.push({ seq, below, to }),
    byToken(token) {
      const place = tokens.get(token) ?? loaded.tokens.get(token);
      if (place !== undefined || loaded.asked.tokens.has(token)) return place;
      throw new Missing({ tokens: [token] });
    },
    wantedPaths: (tenant, name, rowsMax) =>
      need(loaded.paths.get(keyOf(tenant, name)), { names: [{ tenant, name }], pathsMax: rowsMax }),
    wanting(tenant, name, { paths, values: vals }, rowsMax) {
      const one = { tenant, name, paths, vals };
      const range = loaded.wanting.get(keyOf(tenant, name, paths, vals));
      const wants = () => loaded.wantsOf(one, rowsMax);
      if (range === undefined) throw new Missing(wants());
      const open = range.places.filter(({ seq, key }) => get(seq, key)?.end === null);
      if (open.length >= rowsMax || range.places.length < range.max) return open.slice(0, rowsMax);
      throw new Missing({ wanting: [one], wantingMax: (range.max + rowsMax) * 4 });
    },
    page: notAsked('a page of steps'),
  };
}

/** The table, and what the decision changed in it. */
export interface DecidedEvents extends EventTable {
  readonly inserted: ReadonlyMap<number, KeptEvent>;
  readonly closed: ReadonlySet<number>;
  readonly tally: () => { readonly lastN: number; readonly kept: number; readonly lastAt: number };
}

/** Opens the events. */
export function openEvents({ steps: loaded }: Loaded): DecidedEvents {
  const inserted = new Map<number, KeptEvent>();
  const byId = new Map<string, number>();
  const closed = new Set<number>();
  let changed: { lastN: number; kept: number; lastAt: number } | null = null;
  // Any load of steps brings the tally.
  const tally = () => changed ?? need(loaded.tally ?? undefined, { steps: [] });
  return {
    inserted,
    closed,
    tally,
    insert(item, at, open) {
      const { lastN, kept } = tally();
      const n = lastN + 1;
      changed = { lastN: n, kept: kept + 1, lastAt: at };
      inserted.set(n, { ...item, n, at, open });
      byId.set(keyOf(item.tenant, item.id), n);
      return n;
    },
    byId(tenant, id) {
      const key = keyOf(tenant, id);
      const n = byId.get(key);
      const event = n === undefined ? loaded.events.get(key) : inserted.get(n);
      if (event !== undefined || loaded.asked.ids.has(key)) return event;
      throw new Missing({ eventIds: [{ tenant, id }] });
    },
    after({ tenant, name, since }, n, { paths, values }, rowsMax) {
      const key = keyOf(tenant, name, since, n, paths, values, rowsMax);
      return need(loaded.lookBacks.get(key), {
        lookBacks: [{ tenant, name, since, after: n, paths, vals: values, max: rowsMax }],
      });
    },
    open: (rowsMax) =>
      need(loaded.open ?? undefined, { openEvents: rowsMax, pathsMax: wantedPathsMax }),
    close(n) {
      closed.add(n);
      const event = inserted.get(n);
      if (event !== undefined) inserted.set(n, { ...event, open: false });
    },
    count: () => tally().kept,
    lastAt() {
      const { lastN, lastAt } = tally();
      return lastN === 0 ? null : (lastAt as WallMs);
    },
    removeBefore: notAsked('the pruning of events'),
  };
}
