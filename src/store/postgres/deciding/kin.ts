/**
 * Owns families as one decision sees them: what was loaded, with its own changes over it.
 *
 * K1 The answer of a query is that of the table with the decision's changes written.
 */
import { HoldfastError } from '../../../core/errors.ts';
import { closingColumnList, kinColumnList, kinTupleOf } from '../../kin-tuple.ts';
import { closingsMax } from '../../verbs/closing.ts';
import type { Closing, KinRow, KinTable } from '../../verbs/family-table.ts';
import { jsonParam } from '../json-param.ts';
import { type Loaded, Missing } from './loaded.ts';
import { groupKey } from './loaded-kin.ts';

/** The table, and what the decision changed in it. */
export interface DecidedKin extends KinTable {
  readonly changes: ReadonlyMap<number, { readonly isNew: boolean; readonly row: KinRow }>;
  /** Null: it is done. */
  readonly closingChanges: ReadonlyMap<number, Closing | null>;
}

const notAsked = (what: string) => (): never => {
  throw new HoldfastError('internal.defect', `no decision asks for ${what}`);
};

/** Opens the families. */
export function openKin(all: Loaded): DecidedKin {
  const { kin: loaded } = all;
  const changes = new Map<number, { readonly isNew: boolean; readonly row: KinRow }>();
  const of = (seq: number): KinRow | undefined => {
    const row = changes.get(seq)?.row ?? loaded.rows.get(seq);
    if (row !== undefined || all.rows.has(seq) || all.asked.seqs.has(seq)) return row;
    throw new Missing({ seqs: [seq] });
  };
  return {
    changes,
    of,
    put(row) {
      changes.set(row.seq, { isNew: !loaded.rows.has(row.seq), row });
    },
    anyOpen(parent, group) {
      const base = loaded.open.get(groupKey(parent, group));
      if (base === undefined) throw new Missing({ groups: [{ seq: parent, group }] });
      let open = base;
      for (const { isNew, row } of changes.values()) {
        if (row.parent !== parent || row.group !== group) continue;
        const before = !isNew && loaded.rows.get(row.seq)?.open === true;
        open += Number(row.open) - Number(before);
      }
      return open > 0;
    },
    childrenAfter: (parent, after, _upto, rowsMax) =>
      (loaded.pages.get(parent) ?? [])
        .filter((seq) => seq > after)
        .slice(0, rowsMax)
        .flatMap((seq) => of(seq) ?? []),
    lastChild: (parent) => loaded.lasts.get(parent) ?? null,
    firstOpenStart: (parent) => loaded.starts.get(parent) ?? null,
    ...openClosings(all),
    groupAfter: notAsked('a group of children'),
    count: notAsked('the number of children'),
  };
}

function openClosings({
  kin: loaded,
}: Loaded): Pick<
  DecidedKin,
  'closings' | 'closing' | 'putClosing' | 'dropClosing' | 'closingChanges'
> {
  const closingChanges = new Map<number, Closing | null>();
  return {
    closingChanges,
    closings(rowsMax) {
      const { closings } = loaded;
      if (closings === null) {
        throw new Missing({ closings: closingsMax, closingRows: rowsMax });
      }
      // What the decision itself left is for the next sweep: nothing of it was loaded.
      return closings.map((one) => closingChanges.get(one.seq) ?? one).slice(0, rowsMax);
    },
    closing: notAsked('what is left to be done'),
    putClosing: (closing) => void closingChanges.set(closing.seq, closing),
    dropClosing: (seq) => void closingChanges.set(seq, null),
  };
}

const named = (columns: readonly string[], values: readonly unknown[]): object =>
  Object.fromEntries(columns.map((column, at) => [column, values[at]]));

/** The text that tells `apply_kin` what changed, or null when nothing did. */
export function kinText({ changes, closingChanges }: DecidedKin): string | null {
  const text: Record<string, unknown> = {};
  const rowsOf = (isNew: boolean): object[] =>
    [...changes.values()]
      .filter((change) => change.isNew === isNew)
      .map(({ row }) => named(kinColumnList, kinTupleOf(row)));
  const put = (name: string, rows: readonly unknown[]): void => {
    if (rows.length > 0) text[name] = rows;
  };
  put('kin_in', rowsOf(true));
  put('kin_up', rowsOf(false));
  const left = [...closingChanges.entries()].sort(([a], [b]) => a - b);
  put(
    'closings_in',
    left.flatMap(([, closing]) =>
      closing === null
        ? []
        : [named(closingColumnList, [closing.seq, closing.how, closing.after, closing.upto])],
    ),
  );
  put(
    'closings_out',
    left.flatMap(([seq, closing]) => (closing === null ? [seq] : [])),
  );
  return Object.keys(text).length === 0 ? null : jsonParam(text);
}
