/**
 * Owns flow control and dead letters as one decision sees them: what was loaded, with its own
 * changes over it.
 *
 * S1 The answer of a query is that of the tables with the decision's changes written.
 * S2 Whatever becomes a dead letter does so in the database (`migration-flow.ts`).
 */
import { HoldfastError } from '../../../core/errors.ts';
import type { DeadTable, FlowPlace, FlowTable } from '../../verbs/flow-tables.ts';
import { jsonParam } from '../json-param.ts';
import { type Loaded, Missing } from './loaded.ts';
import { type KeptFlow, placeKey } from './loaded-flows.ts';

/** The table, and what the decision changed in it. */
export interface DecidedFlows extends FlowTable {
  readonly changed: ReadonlyMap<string, KeptFlow>;
  /** How many are kept now, or null when that did not change. */
  readonly kept: () => number | null;
}

const notAsked = (what: string) => (): never => {
  throw new HoldfastError('internal.defect', `no decision asks for ${what}`);
};

/** The number that a row has before it is written for the first time. */
const unwritten = 0;

/** Opens flow control. */
export function openFlows({ flows: loaded }: Loaded): DecidedFlows {
  const changed = new Map<string, KeptFlow>();
  const known = (place: FlowPlace): KeptFlow | undefined => {
    const at = placeKey(place);
    const row = changed.get(at) ?? loaded.rows.get(at);
    if (row !== undefined || loaded.asked.places.has(at)) return row;
    throw new Missing({ flows: [place] });
  };
  let fresh = 0;
  return {
    changed,
    get: known,
    put(row) {
      const before = known(row);
      if (before === undefined) fresh += 1;
      changed.set(placeKey(row), { ...row, n: before?.n ?? unwritten });
    },
    count() {
      if (loaded.kept === null) throw new Missing({ deadIds: [] });
      return loaded.kept + fresh;
    },
    kept() {
      return fresh === 0 || loaded.kept === null ? null : loaded.kept + fresh;
    },
    remove: notAsked('the removal of a key of flow control'),
    expired: notAsked('expired keys of flow control'),
  };
}

/** The table, and what the decision took off it. */
export interface DecidedDead extends DeadTable {
  readonly removed: ReadonlySet<number>;
}

/** Opens the list of dead letters. */
export function openDead(loaded: Loaded): DecidedDead {
  const removed = new Set<number>();
  return {
    removed,
    has(seq) {
      if (removed.has(seq)) return false;
      if (loaded.flows.dead.has(seq)) return true;
      const id = loaded.rows.get(seq)?.id;
      if (id === undefined || loaded.flows.asked.dead.has(id)) return false;
      throw new Missing({ deadIds: [id] });
    },
    add: () => {},
    remove: (seq) => void removed.add(seq),
    page: notAsked('a page of dead letters'),
  };
}

/** The text that tells `apply_flows` what a decision has changed, or null when nothing did. */
export function flowsText({
  flows,
  dead,
  inputs,
}: {
  readonly flows: DecidedFlows;
  readonly dead: DecidedDead;
  readonly inputs: ReadonlyMap<number, string>;
}): string | null {
  const text: Record<string, unknown> = {};
  const rows = [...flows.changed.values()];
  const put = (name: string, list: readonly unknown[]): void => {
    if (list.length > 0) text[name] = list;
  };
  put('in', rows.filter(({ n }) => n === unwritten).map(rowOf));
  put('up', rows.filter(({ n }) => n !== unwritten).map(rowOf));
  const kept = flows.kept();
  if (kept !== null) text.kept = kept;
  put(
    'inputs',
    [...inputs].map(([seq, input]) => ({ seq, input })),
  );
  put('dead_out', [...dead.removed]);
  return Object.keys(text).length === 0 ? null : jsonParam(text);
}

const rowOf = ({ expiresAt, n, ...row }: KeptFlow): object => ({
  ...row,
  n: n === unwritten ? 1 : n,
  expires_at: expiresAt,
});
