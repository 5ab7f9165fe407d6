/**
 * Owns the judgement of flow control in a chaos run: what starts that met others became.
 *
 * C1 No two runs that `unique` makes one are there for certain at one time, and whoever is told of
 *    one is told while it goes on.
 * C2 (G3) The run that a start became is there at the end.
 * C3 A debounced run is executed with the input of the last start that became it.
 * C4 It begins when it was quiet for long enough, or at its deadline, and takes no more by then.
 *
 * A start took effect between its first call and the first answer that names its run.
 */
import type { Account, FinalRun } from './account.ts';
import { debounced, debounceTerm, unique, type WorkInput } from './functions.ts';
import type { Line } from './ledger.ts';

/** The store's clock and the ledger's are two, and the first counts in whole ms. */
const clockSlackMs = 50;

/** One start of a function with flow control, with all repetitions by whoever started it. */
interface Meeting {
  readonly id: string;
  readonly fn: string;
  readonly input: WorkInput;
  /** When it was first asked for, by anybody who may have made it this run. */
  calledAt: number;
  answeredAt: number;
  /** The run that it became, and when that was asked for; null: nobody knows. */
  run: string | null;
  askedAt: number;
  joined: boolean;
}

/** C1 to C4. */
export function auditFlow(
  account: Account,
  { lines, runs }: { readonly lines: readonly Line[]; readonly runs: readonly FinalRun[] },
): readonly string[] {
  const meetings = meetingsIn(lines);
  const finals = new Map(runs.map((run) => [run.id, run]));
  const found: string[] = [];
  for (const { id, run } of meetings) {
    if (run !== null && !finals.has(run)) {
      found.push(`C2 (G3) start ${id} became run ${run}, which is lost`);
    }
  }
  const groups = Map.groupBy(meetings, ({ fn, input }) => `${fn} ${input.key}`);
  for (const group of groups.values()) {
    const [first] = group;
    if (first?.fn === unique) found.push(...alone(account, group));
    if (first?.fn === debounced) found.push(...settled(account, finals, group));
  }
  return found;
}

/** Every start of a function with flow control. What was merged is known by its id for a while. */
function meetingsIn(lines: readonly Line[]): readonly Meeting[] {
  const meetings = new Map<string, Meeting>();
  const asked = new Map<string, { readonly meeting: Meeting; readonly at: number }>();
  for (const line of lines) {
    if (line.what === 'call' && line.ask.verb === 'start') {
      const { id, fn, input } = line.ask;
      if (fn !== unique && fn !== debounced) continue;
      const fresh = { id, fn, input: JSON.parse(input) as WorkInput, calledAt: line.at };
      const nobody = { run: null, joined: false, askedAt: line.at, answeredAt: Infinity };
      const meeting = meetings.get(`${line.who} ${id}`) ?? { ...fresh, ...nobody };
      meetings.set(`${line.who} ${id}`, meeting);
      asked.set(`${line.who}/${line.op}`, { meeting, at: line.at });
    } else if (line.what === 'answer') {
      const one = asked.get(`${line.who}/${line.op}`);
      if (one === undefined || one.meeting.run !== null) continue;
      const { answer } = line;
      const { meeting } = one;
      const known = 'start' in answer && (answer.start === 'created' || answer.start === 'known');
      if (!known && !('joined' in answer)) continue;
      meeting.joined = 'joined' in answer;
      meeting.run = 'joined' in answer ? answer.joined : meeting.id;
      meeting.answeredAt = line.at;
      meeting.askedAt = one.at;
    }
  }
  const all = [...meetings.values()];
  for (const same of Map.groupBy(all, ({ id }) => id).values()) {
    const first = (run: string | null): number =>
      least(same.filter((one) => one.run === run || one.run === null).map((one) => one.calledAt));
    const times = same.map(({ run }) => first(run));
    for (const [at, one] of same.entries()) one.calledAt = times[at] ?? one.calledAt;
  }
  return all;
}

const least = (times: readonly number[]): number => Math.min(Infinity, ...times);

/** C1 */
function alone(account: Account, group: readonly Meeting[]): readonly string[] {
  const found: string[] = [];
  const there: { readonly run: string; readonly from: number; readonly to: number }[] = [];
  for (const [run, members] of Map.groupBy(group, (one) => one.run)) {
    if (run === null) continue;
    const ends = account.ends.get(run) ?? [];
    const ops = account.ops.get(run) ?? [];
    const claims = account.claims.get(run) ?? [];
    const from = least([...members.map((one) => one.answeredAt), ...claims.map(({ at }) => at)]);
    const cancels = ops.filter(({ ask }) => ask.verb === 'cancel');
    const to = least([...ends, ...cancels].map(({ calledAt }) => calledAt));
    if (to < Infinity && from < to) there.push({ run, from, to });
    const over = least([
      ...ends.map(({ answer, answeredAt }) =>
        answer?.ok === true && answer.outcome !== null ? (answeredAt ?? Infinity) : Infinity,
      ),
      ...ops.map(({ answer, answeredAt }) =>
        answer !== null && 'outcome' in answer ? (answeredAt ?? Infinity) : Infinity,
      ),
    ]);
    for (const { id, joined, askedAt } of members) {
      if (joined && askedAt > over) found.push(`C1 start ${id} became run ${run}, which was over`);
    }
  }
  there.sort((a, b) => a.from - b.from);
  for (const [at, one] of there.entries()) {
    const other = there.slice(0, at).find(({ to }) => to > one.from);
    if (other === undefined) continue;
    found.push(`C1 runs ${other.run} and ${one.run} of one key are there at once`);
  }
  return found;
}

/** C3, C4 */
function settled(
  account: Account,
  finals: ReadonlyMap<string, FinalRun>,
  group: readonly Meeting[],
): readonly string[] {
  const found: string[] = [];
  for (const [run, members] of Map.groupBy(group, (one) => one.run)) {
    if (run === null) continue;
    // Whoever heard nothing may be the first of them, and the last.
    const unsure = group.filter((one) => one.run === null);
    const final = finals.get(run);
    if (final !== undefined) found.push(...lastInput(final, members, unsure));
    const began = least((account.claims.get(run) ?? []).map(({ at }) => at));
    const firstAt = least([...members, ...unsure].map(({ calledAt }) => calledAt));
    const { quietMs, maxMs } = debounceTerm;
    for (const { id, calledAt } of members) {
      if (calledAt > began) found.push(`C4 start ${id} became run ${run}, which had begun`);
      const dueAt = Math.min(calledAt + quietMs, firstAt + maxMs);
      if (began > dueAt - clockSlackMs) continue;
      const earlyMs = (dueAt - began).toFixed(0);
      found.push(`C4 run ${run} began ${earlyMs} ms before it was quiet after ${id}`);
    }
  }
  return found;
}

/** C3 */
function lastInput(
  { id, seen }: FinalRun,
  members: readonly Meeting[],
  unsure: readonly Meeting[],
): readonly string[] {
  if (seen.outcome !== 'succeeded') return [];
  const { salt } = JSON.parse(seen.result ?? 'null') as { readonly salt: number };
  const gives = ({ input }: Meeting): boolean => input.salt === salt;
  if (unsure.some(gives)) return [];
  const winners = members.filter(gives);
  if (winners.length === 0) return [`C3 run ${id} was executed with ${salt}, which nobody gave it`];
  const overtaken = (one: Meeting): boolean =>
    members.some((other) => other.id !== one.id && other.calledAt > one.answeredAt);
  return winners.every(overtaken)
    ? [`C3 run ${id} was executed with ${salt}, and a later start became it`]
    : [];
}
