/**
 * Owns the sending on of runs with the code of another version.
 *
 * N1 A run that is executed keeps its code, and one that has its outcome has no further use for
 *    any: both are refused.
 * N2 A queued run keeps its place in the order. A parked one is executed at once, since the other
 *    code may not wait for the same; a quarantined one goes on.
 * N3 Asked for again it changes nothing more: a run that is pinned so already is only let go on.
 */
import type { Waking } from '../../ports/store.ts';
import type { RepinItem, RepinVerdict } from '../../ports/store-runs.ts';
import { applyEvent } from './apply.ts';
import type { RunRow } from './tables.ts';
import type { Txn } from './txn.ts';

/** Sends runs on, each with its own verdict. */
export function repin(txn: Txn, items: readonly RepinItem[]): Waking<readonly RepinVerdict[]> {
  const reply = items.map((item) => repinOne(txn, item));
  return { reply, woken: txn.takeWoken() };
}

function repinOne(txn: Txn, { id, pin }: RepinItem): RepinVerdict {
  const row = txn.tables.runs.byId(id);
  if (row === undefined) return { ok: false, code: 'run.not_found', message: `no run '${id}'` };
  const refused = refusalOf(row);
  if (refused !== null) return refused;
  const changed = row.pin !== pin;
  const after = { ...row, pin };
  if (changed) txn.tables.runs.update(row, after);
  if (row.stage === 'quarantined') applyEvent(txn, after, { type: 'release' });
  else if (row.stage === 'parked' && changed) applyEvent(txn, after, { type: 'wake' });
  else if (row.stage === 'slot') txn.woke('ready');
  return { ok: true, id, before: row.pin };
}

/** N1 */
function refusalOf({ id, stage, outcome }: RunRow): Extract<RepinVerdict, { ok: false }> | null {
  if (stage === 'running') {
    const message = `run '${id}' is being executed; cancel it, or wait until it waits or has ended`;
    return { ok: false, code: 'run.illegal_transition', message };
  }
  if (stage !== 'done') return null;
  const message = `run '${id}' has its outcome already: ${outcome}; fork it to go on`;
  return { ok: false, code: 'run.already_done', message };
}
