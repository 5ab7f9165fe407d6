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
import { flowsText, openDead, openFlows } from './flows.ts';
import { kinText, openKin } from './kin.ts';
import { Loaded, type LoadReply, Missing, type Wants } from './loaded.ts';
import { type FlowReply, wantsFlows } from './loaded-flows.ts';
import type { KinReply } from './loaded-kin.ts';
import { type SignalReply, wantsSignals } from './loaded-signals.ts';
import { type StepReply, wantsSteps } from './loaded-steps.ts';
import { openRuns } from './runs.ts';
import { openSignals, signalsText } from './signals.ts';
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

/** What `load_kin` gives. */
interface AllReply extends KinReply {
  readonly base: LoadReply;
  readonly steps: StepReply | null;
  /** Of `load_signals`. */
  readonly signals?: SignalReply | null;
  /** Of `load_flows`. */
  readonly flows?: FlowReply;
}

/** What a decision changed, as the functions that write it are told. */
interface Written {
  readonly apply: string | null;
  readonly steps: string | null;
  readonly signals: string | null;
  readonly flows: string | null;
  readonly kin: string | null;
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
  const by = (name: string, changed: string | null): string =>
    changed === null ? '' : `select ${s}.${name}(${queries.literal(changed)}::json);`;
  const calls = [
    by('apply', text.apply),
    by('apply_steps', text.steps),
    by('apply_signals', text.signals),
    by('apply_flows', text.flows),
    // Families last: what a trigger wrote about a run that ended is known better here.
    by('apply_kin', text.kin),
  ];
  if (more === null && calls.every((call) => call === '')) {
    await queries.script('commit');
    return reply;
  }
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
    const stepsToo = wantsSteps(wants) ? 'yes' : 'no';
    const ask = jsonParam({ ranges: [], ...asked, gate, stepsToo });
    const text = `${begin}select ${s}.${loaderOf(wants)}(${queries.literal(ask)}) as value`;
    const all = await queries.script<AllReply>(text);
    const further = [...(all.steps?.seqs ?? []), ...(all.flows?.seqs ?? [])];
    loaded.add({ ...wants, seqs: [...(wants.seqs ?? []), ...further] }, all.base);
    if (all.steps !== null) loaded.steps.add(wants, all.steps);
    if (all.signals !== undefined && all.signals !== null) {
      loaded.signals.add(wants, all.signals, loaded.seqById, loaded.steps);
    }
    if (all.flows !== undefined) loaded.flows.add(wants, all.flows);
    loaded.kin.add(wants, all);
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
      const { inputs } = changed.runs;
      const text = {
        apply: writtenText(changed),
        steps: stepsText(changed),
        signals: signalsText(changed.signals),
        flows: flowsText({ ...changed, inputs }),
        kin: kinText(changed.kin),
      };
      return { reply, text };
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      await load(error.wants, '', 'no');
    }
  }
  throw new HoldfastError('internal.defect', `a decision took more than ${loadsMax} loads`);
}

/** Each of them calls the next, if its own words are not all that is wanted. */
function loaderOf(wants: Wants): string {
  if (wantsFlows(wants)) return 'load_flows';
  return wantsSignals(wants) ? 'load_signals' : 'load_kin';
}

function open(loaded: Loaded, policies: Policies) {
  const changed = {
    runs: openRuns(loaded),
    nodes: openNodes(loaded),
    attempts: openAttempts(),
    settings: openSettings(loaded, policies),
    steps: openSteps(loaded),
    events: openEvents(loaded),
    signals: openSignals(loaded),
    flows: openFlows(loaded),
    dead: openDead(loaded),
    kin: openKin(loaded),
  };
  const notes = openNotes();
  const examine = () => [];
  const parts = openParts();
  const tables: Tables = { ...changed, notes, parts, keys: openKeys(), examine };
  return { tables, changed };
}
