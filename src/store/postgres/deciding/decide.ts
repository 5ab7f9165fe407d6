/**
 * Owns how a verb of the embedded stores decides over Postgres: load, decide, write, in one short
 * transaction that holds the gate.
 *
 * D1 The decision is that of `src/store/verbs`, the same for every store: what this module adds is
 *    only where rows come from and where they go.
 * D2 Usually two calls: one that opens the transaction, takes the gate and loads; one that writes
 *    and commits. A decision that asks for more than was foreseen loads again and begins anew.
 *    So does the first one of a process that meets a policy.
 * D3 A decision that changed nothing writes nothing. It commits all the same: an epoch may have
 *    begun with it.
 */
import { HoldfastError } from '../../../core/errors.ts';
import type { Tables } from '../../verbs/tables.ts';
import { openTxn, type Txn } from '../../verbs/txn.ts';
import { jsonParam } from '../json-param.ts';
import type { Policies } from '../policies.ts';
import type { Queries } from '../queries.ts';
import { Loaded, type LoadReply, Missing, type Wants } from './loaded.ts';
import { type StepReply, wantsSteps } from './loaded-steps.ts';
import { openRuns } from './runs.ts';
import { openAttempts, openKeys, openNodes, openNotes, openParts, openSettings } from './small.ts';
import { openEvents, openSteps } from './steps.ts';
import { writtenText } from './written.ts';
import { stepsText } from './written-steps.ts';

/** Loads that one decision may take. Each but the first is for something unforeseen. */
const loadsMax = 200;

/** What deciding takes. */
export interface Deciding {
  /** The quoted schema. */
  readonly s: string;
  readonly policies: Policies;
}

function* policiesOf({ rows }: Loaded): Generator<number> {
  for (const { policy } of rows.values()) yield policy;
}

/** What `load_all` gives. */
interface AllReply {
  readonly base: LoadReply;
  readonly steps: StepReply;
}

/** What a decision changed, as the functions that write it are told. */
interface Written {
  readonly apply: string | null;
  readonly steps: string | null;
}

/** Decides by a verb and writes what it changed. `further` is written with it, for its reply. */
export async function decide<Reply>(
  deciding: Deciding,
  queries: Queries,
  wants: Wants,
  verb: (txn: Txn) => Reply,
  further: (reply: Reply) => string | null = () => null,
): Promise<Reply> {
  const { s } = deciding;
  const { reply, text } = await decided(deciding, queries, wants, verb);
  const more = further(reply);
  if (text.apply === null && text.steps === null && more === null) {
    await queries.script('commit');
    return reply;
  }
  const calls = [
    text.apply === null ? '' : `select ${s}.apply(${queries.literal(text.apply)}::json);`,
    text.steps === null ? '' : `select ${s}.apply_steps(${queries.literal(text.steps)}::json);`,
  ];
  await queries.committed(`${calls.join('')}${more ?? ''} commit`);
  return reply;
}

async function decided<Reply>(
  deciding: Deciding,
  queries: Queries,
  first: Wants,
  verb: (txn: Txn) => Reply,
): Promise<{ readonly reply: Reply; readonly text: Written }> {
  const { s, policies } = deciding;
  const loaded = new Loaded();
  const load = async (wants: Wants, begin: string, gate: 'yes' | 'no') => {
    const { emitted, ...asked } = wants;
    const ask = jsonParam({ ranges: [], ...asked, gate });
    const by = wantsSteps(wants) ? 'load_all' : 'load';
    const text = `${begin}select ${s}.${by}(${queries.literal(ask)}) as value`;
    const reply = await queries.script<LoadReply | AllReply>(text);
    const all = 'base' in reply ? reply : { base: reply, steps: null };
    const seqs = [...(wants.seqs ?? []), ...(all.steps?.seqs ?? [])];
    loaded.add({ ...wants, seqs }, all.base);
    if (all.steps !== null) loaded.steps.add(wants, all.steps);
    await policies.know(queries, policiesOf(loaded));
  };
  // Opening the transaction and the first look are one call.
  await load(first, 'begin; ', 'yes');
  for (let loads = 1; loads < loadsMax; loads += 1) {
    const { tables, changed } = open(loaded, policies);
    if (loaded.moment === null) break;
    const txn = openTxn(tables, loaded.moment);
    try {
      const reply = verb(txn);
      txn.flush();
      return { reply, text: { apply: writtenText(changed), steps: stepsText(changed) } };
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      await load(error.wants, '', 'no');
    }
  }
  throw new HoldfastError('internal.defect', `a decision took more than ${loadsMax} loads`);
}

function open(loaded: Loaded, policies: Policies) {
  const changed = {
    runs: openRuns(loaded),
    nodes: openNodes(loaded),
    attempts: openAttempts(),
    settings: openSettings(loaded, policies),
    steps: openSteps(loaded),
    events: openEvents(loaded),
  };
  const notes = openNotes();
  const examine = () => [];
  const parts = openParts();
  const tables: Tables = { ...changed, notes, parts, keys: openKeys(), examine };
  return { tables, changed };
}
