/**
 * Owns the list of the verbs of an embedded store: what an adapter offers by name.
 *
 * The names are those of the `Store` port, plus `beat`, which adapters call for `keepAlive`.
 */
import { cancel, owned, stops, sweep } from './cancel.ts';
import { claim } from './claim.ts';
import { dead, discard, redrive } from './dead.ts';
import { end, note, settled } from './end.ts';
import { emit } from './events.ts';
import { examine } from './examine.ts';
import { explain } from './explain.ts';
import { children } from './family-reads.ts';
import { fork } from './forking.ts';
import { pause, prune, resume, setTenant } from './keep.ts';
import { keys, putKey, revokeKey, secret, touchKey } from './keys.ts';
import { beat, drain, join, leave, nodes, recover } from './nodes.ts';
import { append, parts } from './parts.ts';
import { counts, ends, get, lanes, list, logs, pauses, pinned, steps, tenants } from './reads.ts';
import { answer, record } from './recording.ts';
import { repin } from './repin.ts';
import { answers, signal, state } from './signals.ts';
import { retry, start } from './start.ts';

/** Verbs that change something: they run one after another in write transactions. */
export const writeVerbs = {
  start,
  claim,
  end,
  note,
  append,
  settled,
  record,
  emit,
  answer,
  signal,
  fork,
  cancel,
  retry,
  repin,
  redrive,
  discard,
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
  putKey,
  revokeKey,
  touchKey,
  secret,
} as const;

/** Verbs that only look: they may run beside writes, on a snapshot. */
export const readVerbs = {
  stops,
  owned,
  nodes,
  get,
  list,
  dead,
  ends,
  explain,
  logs,
  parts,
  steps,
  answers,
  state,
  children,
  lanes,
  tenants,
  pauses,
  counts,
  pinned,
  examine,
  keys,
} as const;

/** Every verb by its name. */
export const verbs = { ...writeVerbs, ...readVerbs } as const;

/** The name of a verb. */
export type VerbName = keyof typeof verbs;

/** Whether a verb only looks. */
export const isReadVerb = (name: VerbName): name is keyof typeof readVerbs => name in readVerbs;
