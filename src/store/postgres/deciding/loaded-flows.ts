/**
 * Owns what was loaded of flow control and dead letters for one decision. Nothing here changes with
 * it.
 *
 * L1 As with runs, what was not loaded is not guessed; what was asked for and is not there is known
 *    not to be there.
 */
import type { WallMs } from '../../../core/time.ts';
import type { FlowPlace, FlowRow, FlowTerm } from '../../verbs/flow-tables.ts';
import { keyOf } from './loaded-steps.ts';

/** What a decision will look at of flow control, as far as its caller knows. */
export interface FlowWants {
  readonly flows?: readonly FlowPlace[];
  /** Runs of which it is asked whether they are dead letters. */
  readonly deadIds?: readonly string[];
}

/** Whether anything of flow control is wanted. */
export const wantsFlows = ({ flows, deadIds }: FlowWants): boolean =>
  (flows !== undefined && flows.length > 0) || deadIds !== undefined;

type FlowTuple = readonly [
  ...[fn: string, tenant: string, key: string, term: FlowTerm, n: number],
  ...[state: string, seq: number | null, expiresAt: number],
];

/** What `load_flows` gives beside the rest. Stored format. */
export interface FlowReply {
  readonly flows: readonly FlowTuple[] | null;
  /** The runs that were loaded for them. */
  readonly seqs: readonly number[];
  readonly dead: readonly number[] | null;
  readonly kept: number;
}

/** A row, and its number. */
export type KeptFlow = FlowRow & { readonly n: number };

/** A place as a key. */
export const placeKey = ({ fn, tenant, key, term }: FlowPlace): string =>
  keyOf(fn, tenant, key, term);

/** Everything that was loaded of flow control. */
export class LoadedFlows {
  readonly rows = new Map<string, KeptFlow>();
  readonly asked = { places: new Set<string>(), dead: new Set<string>() };
  readonly dead = new Set<number>();
  kept: number | null = null;

  /** Takes in what one `load_flows` gave for `wants`. */
  add(wants: FlowWants, reply: FlowReply): void {
    for (const place of wants.flows ?? []) this.asked.places.add(placeKey(place));
    for (const id of wants.deadIds ?? []) this.asked.dead.add(id);
    for (const [fn, tenant, key, term, n, state, seq, expiresAt] of reply.flows ?? []) {
      const row = { fn, tenant, key, term, n, state, seq, expiresAt: expiresAt as WallMs };
      this.rows.set(placeKey(row), row);
    }
    for (const seq of reply.dead ?? []) this.dead.add(seq);
    this.kept = reply.kept;
  }
}
