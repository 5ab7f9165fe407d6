/**
 * Owns the ledger put in order: who claimed, executed, ended, recovered and renewed what, and when.
 * It judges nothing.
 *
 * A1 A time that bounds something from below is that of a call, from above that of an answer.
 */
import { durable } from './functions.ts';
import type { Answer, Ask, ClaimedLine, Line, SeenDetail, SentEnd, StepText } from './ledger.ts';
import type { EndAnswer } from './run-model.ts';

/** A run as the store has it at the end. */
export interface FinalRun {
  readonly id: string;
  readonly fn: string;
  readonly seen: SeenDetail;
  /** Of durable runs, the steps that have ended. */
  readonly steps?: readonly StepText[];
  /** The run whose code started it. */
  readonly parent?: string;
}

/** An operation: a call, and the answer if it came. */
export interface Op {
  readonly who: string;
  readonly ask: Ask;
  readonly calledAt: number;
  answer: Answer | null;
  answeredAt: number | null;
}

export interface Claim extends ClaimedLine {
  readonly node: number;
  readonly who: string;
  readonly from: number;
  readonly at: number;
}

/** One call of a handler. */
export interface Execution {
  readonly run: string;
  readonly fence: number;
  readonly who: string;
  readonly begunAt: number;
  /**
   * When it returned or threw; of durable code that its attempt forgot, when it last acted, and of
   * such as was told to leave, then. Null: never, as far as anybody knows.
   */
  doneAt: number | null;
  returned: boolean;
  /** Steps after which nobody had told it to stop. */
  readonly stepsAt: number[];
}

/** One end of one attempt. `answer` null: nobody knows. */
export interface AccountedEnd extends SentEnd {
  readonly who: string;
  readonly calledAt: number;
  readonly answeredAt: number | null;
  readonly answer: (EndAnswer & { readonly note: string | null }) | null;
}

/** One attempt to take over from a node. `granted` null: nobody knows. */
export interface Recovery {
  readonly node: number;
  readonly kind: string;
  readonly who: string;
  readonly calledAt: number;
  readonly answeredAt: number | null;
  readonly granted: boolean | null;
}

/** One membership. */
export interface NodeLife {
  readonly node: number;
  readonly who: string;
  readonly ttlMs: number;
  /** When renewals that succeeded were begun, the joining first. */
  readonly renewedFrom: number[];
  leftAt: number | null;
}

/** What was done to one life of a process. */
export interface ProcessLife {
  killedAt: number | null;
  closingAt: number | null;
  readonly frozen: { readonly from: number; to: number | null }[];
}

/** The ledger in order. */
export interface Account {
  /** By run: what was asked about it by its id. */
  readonly ops: ReadonlyMap<string, readonly Op[]>;
  readonly claims: ReadonlyMap<string, readonly Claim[]>;
  readonly ends: ReadonlyMap<string, readonly AccountedEnd[]>;
  /** By `run/fence`. */
  readonly executions: ReadonlyMap<string, Execution>;
  readonly recoveries: readonly Recovery[];
  readonly nodes: ReadonlyMap<number, NodeLife>;
  readonly lives: ReadonlyMap<string, ProcessLife>;
  /** What does not fit together. */
  readonly oddities: readonly string[];
}

type OnRun = Extract<Ask, { readonly verb: 'start' | 'cancel' | 'get' | 'result' }>;

/** What is asked of a run by its id; the rest is durable-account.ts's. */
const isOnRun = (ask: Ask): ask is OnRun =>
  ask.verb === 'start' || ask.verb === 'cancel' || ask.verb === 'get' || ask.verb === 'result';

function listAt<Key, Value>(map: Map<Key, Value[]>, key: Key): Value[] {
  const found = map.get(key) ?? [];
  map.set(key, found);
  return found;
}

/** Puts the lines of a ledger in order. `runs` names the runs behind bare numbers. */
export function accountOf(lines: readonly Line[], runs: readonly FinalRun[]): Account {
  const clerk = new Clerk(new Map(runs.map(({ id, seen }) => [seen.seq, id])));
  for (const line of lines) clerk.take(line);
  return clerk.close();
}

class Clerk {
  readonly #idOf: Map<number, string>;
  readonly #durable = new Set<string>();
  /** When durable code last said something. */
  readonly #actedAt = new Map<Execution, number>();
  readonly #pending = new Map<string, Op>();
  readonly #all: Op[] = [];
  readonly #claims = new Map<string, Claim[]>();
  readonly #executions = new Map<string, Execution>();
  readonly #nodes = new Map<number, NodeLife>();
  readonly #lives = new Map<string, ProcessLife>();
  readonly #oddities: string[] = [];

  constructor(idOf: Map<number, string>) {
    this.#idOf = idOf;
  }

  take(line: Line): void {
    const { who, at } = line;
    switch (line.what) {
      case 'call': {
        const op = { who, ask: line.ask, calledAt: at, answer: null, answeredAt: null };
        this.#pending.set(`${who}/${line.op}`, op);
        this.#all.push(op);
        if (line.ask.verb === 'end') this.#forgets(line.ask.ends, at);
        if (line.ask.verb === 'start' && durable.includes(line.ask.fn)) {
          this.#durable.add(line.ask.id);
        }
        return;
      }
      // What else is in them is durable-account.ts's.
      case 'asks':
      case 'given':
      case 'says':
      case 'said':
        this.#acts(line.run, line.fence, at);
        return;
      case 'answer': {
        const op = this.#pending.get(`${who}/${line.op}`);
        if (op === undefined) return;
        op.answer = line.answer;
        op.answeredAt = at;
        return;
      }
      case 'claimed':
        for (const run of line.runs) {
          this.#idOf.set(run.seq, run.id);
          listAt(this.#claims, run.id).push({
            ...run,
            ...{ node: line.node, who, from: line.from, at },
          });
        }
        return;
      case 'joined':
      case 'beat':
        this.#renewed(line);
        return;
      case 'closing':
        this.#life(who).closingAt ??= at;
        return;
      case 'fault':
        this.#struck(line);
        return;
      default:
        this.#handled(line);
    }
  }

  #life(who: string): ProcessLife {
    const life = this.#lives.get(who) ?? { killedAt: null, closingAt: null, frozen: [] };
    this.#lives.set(who, life);
    return life;
  }

  #renewed({ who, node, from, ttlMs }: Extract<Line, { what: 'joined' | 'beat' }>): void {
    const life = this.#nodes.get(node) ?? { node, who, ttlMs, renewedFrom: [], leftAt: null };
    this.#nodes.set(node, life);
    if (life.who !== who) this.#oddities.push(`node ${node} is ${life.who} and ${who}`);
    life.renewedFrom.push(from);
  }

  #struck({ kind, target, on, at }: Extract<Line, { what: 'fault' }>): void {
    const life = this.#life(target);
    if (kind === 'kill') life.killedAt ??= at;
    if (kind !== 'freeze') return;
    if (on) life.frozen.push({ from: at, to: null });
    else for (const one of life.frozen) one.to ??= at;
  }

  /** Durable code whose attempt ends goes no further, and may never say so itself. */
  #forgets(ends: readonly SentEnd[], at: number): void {
    for (const { id, fence } of ends) {
      if (id === null || !this.#durable.has(id)) continue;
      const known = this.#executions.get(`${id}/${fence}`);
      if (known !== undefined) this.#over(known, at);
    }
  }

  /** Its slot may be free before it is told so; that it acted is certain. */
  #over(known: Execution, at: number): void {
    known.doneAt ??= this.#actedAt.get(known) ?? at;
  }

  #acts(run: string, fence: number, at: number): void {
    const known = this.#executions.get(`${run}/${fence}`);
    if (known !== undefined && known.doneAt === null) this.#actedAt.set(known, at);
  }

  #handled(
    line: Extract<Line, { what: 'begin' | 'step' | 'deed' | 'return' | 'throw' | 'left' }>,
  ): void {
    const { run, fence, who, at, what, aborted } = line;
    const key = `${run}/${fence}`;
    const known = this.#executions.get(key);
    if (what === 'begin') {
      if (known !== undefined) {
        this.#oddities.push(`G1 run ${run} is executed twice under fence ${fence}: ${who}`);
        return;
      }
      const began = { run, fence, who, begunAt: at, doneAt: null, returned: false, stepsAt: [] };
      this.#executions.set(key, began);
      return;
    }
    if (known === undefined || known.who !== who) {
      this.#oddities.push(`run ${run}/${fence}: ${what} by ${who} without a beginning`);
      return;
    }
    if (what === 'left') {
      this.#over(known, at);
      return;
    }
    if (!aborted) known.stepsAt.push(at);
    if (what === 'deed') this.#acts(run, fence, at);
    if (what === 'step' || what === 'deed') return;
    known.doneAt = at;
    known.returned = what === 'return';
  }

  close(): Account {
    const ops = new Map<string, Op[]>();
    const ends = new Map<string, AccountedEnd[]>();
    const recoveries: Recovery[] = [];
    for (const op of this.#all) {
      const { ask, who, calledAt, answeredAt, answer } = op;
      if (ask.verb === 'end') this.#ends(op, ends);
      else if (ask.verb === 'recover') {
        const granted = answer !== null && 'recovered' in answer ? answer.recovered : null;
        const { node, kind } = ask;
        recoveries.push({ node, kind, who, calledAt, answeredAt, granted });
      } else if (ask.verb === 'leave') {
        const life = this.#nodes.get(ask.node);
        if (life !== undefined) life.leftAt ??= calledAt;
      } else if (isOnRun(ask) && !(answer !== null && 'joined' in answer)) {
        listAt(ops, ask.id).push(op);
      }
    }
    return {
      ...{ ops, ends, recoveries, claims: this.#claims, nodes: this.#nodes, lives: this.#lives },
      executions: this.#executions,
      oddities: this.#oddities,
    };
  }

  #ends({ ask, who, calledAt, answeredAt, answer }: Op, ends: Map<string, AccountedEnd[]>): void {
    if (ask.verb !== 'end') return;
    const verdicts = answer !== null && 'verdicts' in answer ? answer.verdicts : [];
    for (const [index, end] of ask.ends.entries()) {
      const id = end.id ?? this.#idOf.get(end.seq);
      if (id === undefined) {
        this.#oddities.push(`an end of run number ${end.seq}, which nobody knows`);
        continue;
      }
      const verdict = verdicts[index] ?? null;
      listAt(ends, id).push({ ...end, id, who, calledAt, answeredAt, answer: verdict });
    }
  }
}
