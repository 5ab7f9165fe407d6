/**
 * Owns the judgement of a chaos run: every guarantee by the ledger, against what the store says at
 * the end. It believes the store nothing that the ledger can tell.
 *
 * U1 (G1) One claim for a fence, fences grow in the order of time, and what is accepted under a
 *    fence was not taken over before.
 * U2 (G1) At most one end of a run is accepted as its outcome.
 * U3 (G2) Everybody who was told an outcome was told the same, and so says the store.
 * U4 (G3) Every run whose start was acknowledged has its outcome, and so has every other.
 * U5 A success that the store keeps was returned by the handler that the result names.
 * U6 Places and tenures are as places-audit.ts and tenures.ts demand.
 * U7 The operations on each run and on each lane have an order that a sequential one could have
 *    answered.
 * U8 At the end nothing is left: no slot, no place, no finding of the reconciler.
 * U9 Durable runs, signals and flow control are as durable-audit.ts, signal-audit.ts and
 *    flow-audit.ts demand.
 */
import { type Account, type AccountedEnd, accountOf, type FinalRun } from './account.ts';
import { type Consequence, consequencesOf } from './consequences.ts';
import { type DurableAccount, durableAccountOf } from './durable-account.ts';
import { auditDurable } from './durable-audit.ts';
import { auditFlow } from './flow-audit.ts';
import { laneWidth, type WorkInput } from './functions.ts';
import { laneHistory, runHistory, type StartedRun, startedRuns } from './histories.ts';
import { laneModel } from './lane-model.ts';
import type { Line } from './ledger.ts';
import { check, type Verdict } from './linearizability.ts';
import { auditPlaces } from './places-audit.ts';
import { runModel } from './run-model.ts';
import { auditSignals, type FinalAnswer } from './signal-audit.ts';
import { auditTenures } from './tenures.ts';

/** All that is known of a chaos run when it is over. */
export interface Evidence {
  readonly lines: readonly Line[];
  readonly runs: readonly FinalRun[];
  /** How signals stand at the end. */
  readonly answers: readonly FinalAnswer[];
  readonly slots: number;
  /** See RunModelTerms. */
  readonly resends: boolean;
  /** What did not come to its end in time, what is left, what the reconciler found. */
  readonly leftovers: readonly string[];
}

/** What the auditor found, and how much it looked at. */
export interface Finding {
  readonly violations: readonly string[];
  readonly consequences: ReadonlyMap<Consequence, number>;
  readonly judged: {
    readonly runs: number;
    readonly runOps: number;
    readonly lanes: number;
    readonly laneOps: number;
    readonly executions: number;
    readonly recoveries: number;
    /** Of durable runs: how often the code of steps began, and what code was given. */
    readonly deeds: number;
    readonly given: number;
  };
}

/** Judges a run of chaos. */
export function audit(evidence: Evidence): Finding {
  const account = accountOf(evidence.lines, evidence.runs);
  const started = startedRuns(account);
  const inputs = new Map(started.map(({ id, input }) => [id, input]));
  const finals = new Map(evidence.runs.map((run) => [run.id, run]));
  const violations = [...evidence.leftovers.map((what) => `U8 ${what}`), ...account.oddities];
  for (const id of new Set([...account.claims.keys(), ...account.ends.keys(), ...finals.keys()])) {
    const begotten = finals.get(id)?.parent !== undefined;
    if (!inputs.has(id) && !begotten) violations.push(`U4 nobody started run ${id}`);
    violations.push(...auditRun(account, id, finals.get(id)));
  }
  for (const { id, acknowledged } of started) {
    const final = finals.get(id);
    if (final === undefined && acknowledged) violations.push(`U4 (G3) run ${id} is lost`);
    if (final !== undefined && final.seen.status !== 'done') {
      violations.push(`U4 (G3) run ${id} is ${final.seen.status} and never ended`);
    }
  }
  violations.push(...auditTenures(account), ...auditPlaces(account, inputs, evidence.slots));
  const durable = durableAccountOf(evidence.lines, evidence.runs);
  violations.push(...auditDurable(account, durable, evidence));
  violations.push(...auditSignals(durable, evidence), ...auditFlow(account, evidence));
  const orders = auditOrders(account, started, finals, inputs, evidence.resends);
  return {
    violations: [...violations, ...orders.violations],
    consequences: consequencesOf(account, durable, evidence.lines),
    judged: {
      ...orders.judged,
      executions: account.executions.size,
      recoveries: account.recoveries.filter(({ granted }) => granted === true).length,
      ...countsOf(durable),
    },
  };
}

function countsOf({ deeds, given }: DurableAccount) {
  const size = (lists: Iterable<readonly unknown[]>): number =>
    [...lists].reduce((sum, list) => sum + list.length, 0);
  return { deeds: size(deeds.values()), given: size(given.values()) };
}

function auditRun(account: Account, id: string, final: FinalRun | undefined): readonly string[] {
  const found: string[] = [];
  const claims = (account.claims.get(id) ?? []).toSorted((a, b) => a.fence - b.fence);
  for (const [index, claim] of claims.entries()) {
    const before = claims[index - 1];
    if (before === undefined) continue;
    const pair = `${before.fence} (${before.who}) and ${claim.fence} (${claim.who})`;
    if (before.fence === claim.fence) found.push(`U1 (G1) run ${id} was claimed twice: ${pair}`);
    if (before.from > claim.at) found.push(`U1 (G1) run ${id}: fences against time, ${pair}`);
    if (before.attempt >= claim.attempt) found.push(`U1 (G1) run ${id}: attempts fall, ${pair}`);
  }
  const ends = account.ends.get(id) ?? [];
  const accepted = ends.filter(({ answer }) => answer?.ok === true && !answer.repeated);
  for (const { fence, who, calledAt } of accepted) {
    const heir = claims.find((claim) => claim.fence > fence && claim.at < calledAt);
    if (heir === undefined) continue;
    found.push(
      `U1 (G1) run ${id}: ${who} ended fence ${fence} after ${heir.who} had ${heir.fence}`,
    );
  }
  const winners = accepted.filter(({ answer }) => answer?.ok === true && answer.outcome !== null);
  if (winners.length > 1) {
    const who = winners.map((end) => `${end.who} under ${end.fence} (${end.how})`).join(', ');
    found.push(`U2 (G1) run ${id} has ${winners.length} accepted ends: ${who}`);
  }
  found.push(...agreement(account, id, final));
  if (final !== undefined) found.push(...returned(account, ends, final));
  return found;
}

/** U3 */
function agreement(account: Account, id: string, final: FinalRun | undefined): readonly string[] {
  const told = new Set<string>();
  const results = new Set<string>();
  const hear = (outcome: string | null, note: string | null, result?: string | null): void => {
    if (outcome === null) return;
    told.add(note === null ? outcome : `${outcome}: ${note}`);
    if (outcome === 'succeeded' && result !== undefined) results.add(String(result));
  };
  for (const { answer } of account.ends.get(id) ?? []) {
    if (answer?.ok === true) hear(answer.outcome, answer.note);
  }
  for (const { answer } of account.ops.get(id) ?? []) {
    if (answer === null) continue;
    if ('outcome' in answer) hear(answer.outcome, answer.note, answer.result);
    if ('seen' in answer && answer.seen !== null) {
      hear(answer.seen.outcome, answer.seen.note, answer.seen.result);
    }
  }
  if (final !== undefined) hear(final.seen.outcome, final.seen.note, final.seen.result);
  const found: string[] = [];
  if (told.size > 1) found.push(`U3 (G2) run ${id} has the outcomes ${[...told].join(' | ')}`);
  if (results.size > 1) found.push(`U3 (G2) run ${id} has the results ${[...results].join(' | ')}`);
  return found;
}

/** U5 */
function returned(
  account: Account,
  ends: readonly AccountedEnd[],
  { id, seen }: FinalRun,
): readonly string[] {
  if (seen.outcome !== 'succeeded') return [];
  const end = ends.find(({ fence, how }) => fence === seen.fence && how === 'succeeded');
  if (end === undefined)
    return [`U5 run ${id} succeeded under ${seen.fence}, and no owner said so`];
  if (end.result !== seen.result) return [`U5 run ${id}: result ${seen.result}, not ${end.result}`];
  return account.executions.get(`${id}/${seen.fence}`)?.returned === true
    ? []
    : [`U5 run ${id} succeeded under ${seen.fence}, and no handler returned`];
}

/** U7 */
function auditOrders(
  account: Account,
  started: readonly StartedRun[],
  finals: ReadonlyMap<string, FinalRun>,
  inputs: ReadonlyMap<string, WorkInput>,
  resends: boolean,
) {
  const violations: string[] = [];
  const judged = { runs: 0, runOps: 0, lanes: 0, laneOps: 0 };
  for (const { id, onCrash, cleansUp } of started) {
    const history = runHistory(account, id, finals.get(id));
    judged.runs += 1;
    judged.runOps += history.length;
    violations.push(
      ...unordered(`run ${id}`, check(runModel({ onCrash, resends, cleansUp }), history)),
    );
  }
  for (const run of finals.values()) {
    if (run.parent === undefined) continue;
    const history = runHistory(account, run.id, run);
    const verdict = check(runModel({ onCrash: 'retry', resends }), history);
    violations.push(...unordered(`child ${run.id}`, verdict));
    if (run.seen.status !== 'done') violations.push(`U4 (G3) child ${run.id} never ended`);
  }
  const lanes = Map.groupBy(finals.values(), ({ id }) => inputs.get(id)?.lane ?? '');
  for (const [lane, runs] of lanes) {
    if (lane === '') continue;
    const history = laneHistory(account, runs);
    judged.lanes += 1;
    judged.laneOps += history.length;
    violations.push(...unordered(`lane ${lane}`, check(laneModel(laneWidth(lane)), history)));
  }
  return { violations, judged };
}

const shownOps = 6;

function unordered<Op>(what: string, found: Verdict<Op>): readonly string[] {
  if (found.verdict === 'linearizable') return [];
  if (found.verdict === 'gave-up') return [`U7 ${what}: no order found in ${found.steps} steps`];
  const shown = (ops: readonly Op[]): string => ops.map((op) => JSON.stringify(op)).join(' ');
  const { prefix, stuck } = found;
  const after = shown(prefix.slice(-shownOps));
  return [`U7 ${what} has no sequential order: after ${after} fits none of ${shown(stuck)}`];
}
