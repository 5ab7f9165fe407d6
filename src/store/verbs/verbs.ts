/**
 * Owns the list of the verbs of an embedded store: what an adapter offers by name.
 *
 * The names are those of the `Store` port, plus `beat`, which adapters call for `keepAlive`.
 */
import { cancel, owned, stops, sweep } from './cancel.ts';
import { claim } from './claim.ts';
import { end, note, settled } from './end.ts';
import { examine } from './examine.ts';
import { explain } from './explain.ts';
import { pause, prune, resume, setTenant } from './keep.ts';
import { beat, drain, join, leave, nodes, recover } from './nodes.ts';
import { counts, ends, get, lanes, list, logs, pauses, tenants } from './reads.ts';
import { retry, start } from './start.ts';

/** Verbs that change something: they run one after another in write transactions. */
export const writeVerbs = {
  start,
  claim,
  end,
  note,
  settled,
  cancel,
  retry,
  sweep,
  prune,
  pause,
  resume,
  setTenant,
  join,
  beat,
  drain,
  leave,
  recover,
} as const;

/** Verbs that only look: they may run beside writes, on a snapshot. */
export const readVerbs = {
  stops,
  owned,
  nodes,
  get,
  list,
  ends,
  explain,
  logs,
  lanes,
  tenants,
  pauses,
  counts,
  examine,
} as const;

/** Every verb by its name. */
export const verbs = { ...writeVerbs, ...readVerbs } as const;

/** The name of a verb. */
export type VerbName = keyof typeof verbs;

/** Whether a verb only looks. */
export const isReadVerb = (name: VerbName): name is keyof typeof readVerbs => name in readVerbs;
