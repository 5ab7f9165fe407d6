/**
 * Owns the judgement of signals and of children in a chaos run, by what code was given and said, by
 * what senders were told, and by what the store has at the end.
 *
 * S8 A run has the children that its program starts, each once.
 * S9 A signal is given to one wait of its run, whoever executes that, and somebody sent it.
 * S10 (G3) What was acknowledged is there at the end. No wait is over by its time while a signal
 *    was there that nobody was ever given.
 * S11 (G2) Every sender is told the same, and so says the store. Of a run that has ended a signal
 *    is answered, by what its code said, or never will be; what its code was told is kept is kept.
 */
import type { FinalRun } from './account.ts';
import type { DurableAccount, Given } from './durable-account.ts';
import { durable, type WorkInput } from './functions.ts';
import type { Line } from './ledger.ts';
import { childrenOf } from './saga.ts';

/** How a signal stands at the end, as JSON of its answer; null: there is none. */
export interface FinalAnswer {
  readonly run: string;
  readonly signal: string;
  readonly answer: string | null;
}

/** What is known of one signal. */
interface SignalStory {
  readonly run: string;
  readonly signal: string;
  /** When it was first known to be accepted. */
  acceptedAt: number | null;
  readonly heard: Set<string>;
  readonly says: Set<string>;
  /** An answer of which the code was told that it is kept. */
  saidKept: boolean;
}

const clockSlackMs = 50;
const unanswered = JSON.stringify({ state: 'unanswered' });

/** Every signal that somebody tried to send. */
export function signalsIn(lines: readonly Line[]): readonly SignalStory[] {
  const stories = new Map<string, SignalStory>();
  const of = (run: string, signal: string): SignalStory => {
    const key = `${run} ${signal}`;
    const fresh = { acceptedAt: null, heard: new Set<string>(), says: new Set<string>() };
    const story = stories.get(key) ?? { run, signal, ...fresh, saidKept: false };
    stories.set(key, story);
    return story;
  };
  const asked = new Map<string, SignalStory>();
  for (const line of lines) {
    if (line.what === 'call') {
      const { ask } = line;
      if (ask.verb !== 'signal' && ask.verb !== 'hear') continue;
      asked.set(`${line.who}/${line.op}`, of(ask.id, ask.signal));
    } else if (line.what === 'answer') {
      const story = asked.get(`${line.who}/${line.op}`);
      if (story === undefined) continue;
      if ('signalled' in line.answer && line.answer.signalled) story.acceptedAt ??= line.at;
      if ('heard' in line.answer) story.heard.add(line.answer.heard);
    } else if (line.what === 'says' || line.what === 'said') {
      const story = of(line.run, line.signal);
      story.says.add(line.answer);
      if (line.what === 'said') story.saidKept = true;
    }
  }
  return [...stories.values()];
}

/** S8 to S11. */
export function auditSignals(
  told: DurableAccount,
  evidence: {
    readonly lines: readonly Line[];
    readonly runs: readonly FinalRun[];
    readonly answers: readonly FinalAnswer[];
  },
): readonly string[] {
  const stories = Map.groupBy(signalsIn(evidence.lines), ({ run }) => run);
  const finals = new Map(evidence.runs.map((run) => [run.id, run]));
  const ends = new Map(evidence.answers.map((one) => [`${one.run} ${one.signal}`, one.answer]));
  const found = [...children(evidence.lines, evidence.runs)];
  for (const [run, list] of stories) {
    const given = (told.given.get(run) ?? []).filter(({ key }) => key.startsWith('signal/'));
    const succeeded = finals.get(run)?.seen.outcome === 'succeeded';
    found.push(...once(run, given, list));
    if (succeeded) found.push(...overlooked(told, run, given, list));
    for (const story of list) {
      found.push(...answered(story, ends.get(`${run} ${story.signal}`) ?? null));
    }
  }
  return found;
}

/** S8 */
function children(lines: readonly Line[], runs: readonly FinalRun[]): readonly string[] {
  const inputs = new Map<string, WorkInput>();
  for (const line of lines) {
    if (line.what !== 'call' || line.ask.verb !== 'start') continue;
    const { id, input } = line.ask;
    if (!inputs.has(id)) inputs.set(id, JSON.parse(input) as WorkInput);
  }
  const families = Map.groupBy(runs, ({ parent }) => parent ?? '');
  return runs.flatMap(({ id, fn, seen }) => {
    const input = inputs.get(id);
    if (!durable.includes(fn) || input === undefined) return [];
    const wanted = childrenOf(input.salt);
    const has = families.get(id)?.length ?? 0;
    const right = seen.outcome === 'succeeded' ? has === wanted : has <= wanted;
    return right ? [] : [`S8 run ${id} has ${has} children; its program starts ${wanted}`];
  });
}

/** S9 */
function once(
  run: string,
  given: readonly Given[],
  stories: readonly SignalStory[],
): readonly string[] {
  const found: string[] = [];
  const waits = new Map<string, string>();
  const sent = new Set(stories.map(({ signal }) => JSON.stringify(signal)));
  for (const { key, value } of given) {
    if (value === 'null') continue;
    if (!sent.has(value)) found.push(`S9 run ${run}: ${key} gave ${value}, which nobody sent`);
    const before = waits.get(value) ?? key;
    waits.set(value, before);
    if (before !== key) found.push(`S9 run ${run}: ${value} was given to ${before} and ${key}`);
  }
  return found;
}

/** S10 */
function overlooked(
  told: DurableAccount,
  run: string,
  given: readonly Given[],
  stories: readonly SignalStory[],
): readonly string[] {
  const values = new Set(given.map(({ value }) => value));
  const missed = stories.filter(({ signal }) => !values.has(JSON.stringify(signal)));
  return given.flatMap(({ key, value }) => {
    const asked = told.asked.get(`${run} ${key}`);
    if (value !== 'null' || asked === undefined) return [];
    const overAt = asked.at + asked.ms - clockSlackMs;
    const there = missed.find(({ acceptedAt }) => acceptedAt !== null && acceptedAt < overAt);
    if (there === undefined) return [];
    return [`S10 (G3) run ${run}: ${key} was over, and ${there.signal} was there`];
  });
}

/** S10, S11 */
function answered(
  { run, signal, acceptedAt, heard, says, saidKept }: SignalStory,
  end: string | null,
): readonly string[] {
  const name = `signal ${signal} to run ${run}`;
  if (end === null) return acceptedAt === null ? [] : [`S10 (G3) ${name} was accepted and is lost`];
  const found: string[] = [];
  for (const one of heard) {
    if (one !== end) found.push(`S11 (G2) ${name}: a sender heard ${one}, and it is ${end}`);
  }
  if (end === unanswered && saidKept) {
    found.push(`S11 ${name} is unanswered, and its code was told that its answer is kept`);
  }
  if (end !== unanswered && !says.has(end)) {
    found.push(`S11 ${name} has the answer ${end}, which no code gave`);
  }
  return found;
}
