/**
 * Owns what was loaded of signals for one decision. Nothing here changes with it.
 *
 * L1 What was asked for and is not there is known not to be there: a signal of an id, a wait for
 *    signals of a run, a signal for the names of a wait.
 */
import { signalValues } from '../../../core/durable/signals.ts';
import type { WallMs } from '../../../core/time.ts';
import type { SignalRow } from '../../../ports/store-signals.ts';
import { keyOf, type LoadedSteps } from './loaded-steps.ts';

/** What a decision will look at of signals, as far as its caller knows. */
export interface SignalWants {
  /** Runs by id, each with the id of a signal to it. */
  readonly signalsTo?: readonly { readonly run: string; readonly id: string }[];
  /** The first signals that a wait takes which nobody was given, at most `max`. */
  readonly inboxes?: readonly Inbox[];
}

/** The inbox of a run, as a wait with these names sees it. */
export interface Inbox {
  readonly seq: number;
  readonly names: string;
  readonly max: number;
}

/** Whether anything of signals is wanted. */
export const wantsSignals = ({ signalsTo, inboxes }: SignalWants): boolean =>
  signalsTo !== undefined || inboxes !== undefined;

type SignalTuple = readonly [
  ...[seq: number, n: number, id: string, name: string, data: string, at: number, taken: boolean],
];

/** What `load_signals` gives of signals. Stored format: it is made by a function of the schema. */
export interface SignalReply {
  readonly runs: readonly (readonly [seq: number, tenant: string, event: string])[];
  readonly waits: readonly (readonly [seq: number, names: string, key: string])[];
  readonly sizes: readonly (readonly [seq: number, last: number, unread: number])[] | null;
  readonly known: readonly SignalTuple[] | null;
  readonly firsts:
    | readonly (readonly [
        ...[seq: number, names: string, max: number, rows: readonly SignalTuple[]],
      ])[]
    | null;
}

const rowOf = ([, n, id, name, data, at, taken]: SignalTuple): SignalRow => ({
  ...{ n, id, name, data, taken },
  at: at as WallMs,
});

/** Everything that was loaded of signals. */
export class LoadedSignals {
  readonly sizes = new Map<number, { readonly last: number; readonly unread: number }>();
  readonly byId = new Map<string, SignalRow>();
  readonly firsts = new Map<
    string,
    { readonly rows: readonly SignalRow[]; readonly max: number }
  >();
  readonly asked = new Set<string>();

  /** Takes in what one `load_signals` gave; waits go to where waits for events stand. */
  add(wants: SignalWants, reply: SignalReply, runs: RunsById, steps: LoadedSteps): void {
    for (const { run, id } of wants.signalsTo ?? []) {
      const seq = runs.get(run);
      if (seq !== undefined) this.asked.add(keyOf(seq, id));
    }
    for (const [seq, last, unread] of reply.sizes ?? []) this.sizes.set(seq, { last, unread });
    for (const tuple of reply.known ?? []) {
      const row = rowOf(tuple);
      this.byId.set(keyOf(tuple[0], row.id), row);
    }
    for (const [seq, names, max, rows] of reply.firsts ?? []) {
      this.firsts.set(keyOf(seq, names), { rows: rows.map(rowOf), max });
    }
    this.#waits(reply, steps);
  }

  /** All of them are there: where fewer come than were asked for, there are no more. */
  #waits({ runs, waits }: SignalReply, steps: LoadedSteps): void {
    for (const [seq, tenant, event] of runs) {
      const own = waits.filter(([of]) => of === seq);
      const names = [...new Set(own.map(([, one]) => one))];
      steps.paths.set(keyOf(tenant, event), names);
      for (const one of names) {
        const places = own.filter(([, which]) => which === one).map(([, , key]) => ({ seq, key }));
        const range = { places, max: places.length + 1 };
        steps.wanting.set(keyOf(tenant, event, one, signalValues), range);
      }
    }
  }
}

type RunsById = ReadonlyMap<string, number>;
