/**
 * Owns what the ledger tells of durable runs, put in order: which code of steps began, which ends
 * were sent and kept, what code was given, what was told from outside. It judges nothing.
 *
 * A1 As in account.ts: a time that bounds from below is that of a call, from above that of an
 *    answer.
 */
import type { FinalRun } from './account.ts';
import type { Answer, Decided, Line, SentSteps, StepsAnswer, StepText } from './ledger.ts';

/** The code of a step began. */
export interface DeedDone {
  readonly fence: number;
  readonly who: string;
  readonly key: string;
  readonly tries: number;
  readonly at: number;
}

/** An end of a step that was sent to the store. */
export interface StepSent extends StepText {
  readonly fence: number;
  readonly who: string;
  readonly calledAt: number;
  readonly answeredAt: number | null;
  /** `kept`: it is the end now. `stood`: another was. `unknown`: nobody knows. */
  readonly became: 'kept' | 'stood' | 'refused' | 'unknown';
}

/** Code was given something. */
export interface Given {
  readonly fence: number;
  readonly nth: number;
  readonly key: string;
  readonly value: string;
  readonly at: number;
}

/** What was told from outside about one wait, and is acknowledged. */
export interface Told {
  readonly key: string;
  /** Null: an event. */
  readonly state: Decided | null;
  readonly calledAt: number;
  readonly answeredAt: number;
}

/** All by run. */
export interface DurableAccount {
  readonly deeds: ReadonlyMap<string, readonly DeedDone[]>;
  readonly sent: ReadonlyMap<string, readonly StepSent[]>;
  readonly given: ReadonlyMap<string, readonly Given[]>;
  readonly told: ReadonlyMap<string, readonly Told[]>;
  /** When code first asked for each wait, and how long it was to last, by `run key`. */
  readonly asked: ReadonlyMap<string, { readonly at: number; readonly ms: number }>;
}

type Call = Extract<Line, { what: 'call' }>;

/** Puts the lines of durable runs in order. `runs` names the runs behind bare numbers. */
export function durableAccountOf(
  lines: readonly Line[],
  runs: readonly FinalRun[],
): DurableAccount {
  const clerk = new Clerk(new Map(runs.map(({ id, seen }) => [seen.seq, id])));
  for (const line of lines) clerk.take(line);
  return clerk.close();
}

class Clerk {
  readonly #idOf: Map<number, string>;
  readonly #pending = new Map<string, Call>();
  readonly #deeds = new Map<string, DeedDone[]>();
  readonly #sent = new Map<string, StepSent[]>();
  readonly #given = new Map<string, Given[]>();
  readonly #told = new Map<string, Told[]>();
  readonly #asked = new Map<string, { at: number; ms: number }>();

  constructor(idOf: Map<number, string>) {
    this.#idOf = idOf;
  }

  take(line: Line): void {
    switch (line.what) {
      case 'deed':
        put(this.#deeds, line.run, line);
        return;
      case 'given':
        put(this.#given, line.run, line);
        return;
      case 'asks': {
        const key = `${line.run} ${line.key}`;
        if (!this.#asked.has(key)) this.#asked.set(key, { at: line.at, ms: line.ms });
        return;
      }
      case 'claimed':
        for (const { seq, id } of line.runs) this.#idOf.set(seq, id);
        return;
      case 'call':
        this.#pending.set(`${line.who}/${line.op}`, line);
        return;
      case 'answer':
        this.#answered(line.who, line.op, line.answer, line.at);
        return;
      default:
    }
  }

  close(): DurableAccount {
    // Whoever was killed meanwhile heard nothing.
    for (const call of this.#pending.values()) this.#keep(call, null, null);
    const { deeds, given } = { deeds: this.#deeds, given: this.#given };
    return { deeds, given, sent: this.#sent, told: this.#told, asked: this.#asked };
  }

  #answered(who: string, op: number, answer: Answer, at: number): void {
    const call = this.#pending.get(`${who}/${op}`);
    if (call === undefined) return;
    this.#pending.delete(`${who}/${op}`);
    this.#keep(call, answer, at);
  }

  #keep({ ask, who, at: calledAt }: Call, answer: Answer | null, answeredAt: number | null): void {
    if (ask.verb === 'record') {
      const answers = answer !== null && 'records' in answer ? answer.records : [];
      for (const [at, item] of ask.items.entries()) {
        this.#steps(item, answers[at], { who, calledAt, answeredAt });
      }
      return;
    }
    if (answer === null || answeredAt === null) return;
    const done = ('emitted' in answer && answer.emitted) || ('decided' in answer && answer.decided);
    if (!done || (ask.verb !== 'emit' && ask.verb !== 'decide')) return;
    const state = ask.verb === 'decide' ? ask.state : null;
    put(this.#told, ask.id, { key: ask.key, state, calledAt, answeredAt });
  }

  #steps(
    { id, seq, fence, ends }: SentSteps,
    answer: StepsAnswer | undefined,
    when: Pick<StepSent, 'who' | 'calledAt' | 'answeredAt'>,
  ): void {
    const run = id ?? this.#idOf.get(seq);
    if (run === undefined) return;
    for (const [nth, end] of ends.entries()) {
      put(this.#sent, run, { ...end, ...when, fence, became: becameOf(answer, nth) });
    }
  }
}

function becameOf(answer: StepsAnswer | undefined, nth: number): StepSent['became'] {
  if (answer === undefined) return 'unknown';
  if (!answer.ok) return 'refused';
  return answer.ours[nth] === true ? 'kept' : 'stood';
}

function put<Value>(map: Map<string, Value[]>, key: string, value: Value): void {
  const found = map.get(key);
  if (found === undefined) map.set(key, [value]);
  else found.push(value);
}
