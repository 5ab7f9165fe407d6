/**
 * Owns the independent ledger: what handlers did, told by the handlers themselves and judged
 * without the help of whoever called them.
 *
 * L1 (G1) An ownership executes once: nobody begins under the same run and fence a second time.
 * L2 (G4) At most `width` executions of a lane are in nodes that were not declared dead, those
 *    included that ignore their signal.
 * L3 (G6) No process executes more than it has slots.
 * L4 (G1, G7) Whoever acts while nobody told it to stop belongs to a node whose lease holds. A
 *    process that was resumed at this very moment cannot know yet.
 * L6 A function that is executed at most once (`onCrash: 'lose'`) is never begun a second time.
 * L7 (G1) Nobody begins a run that somebody else executes, unless that one stands still or was
 *    told to stop.
 */
import type { NodeKey } from '../../src/core/execution/run.ts';
import type { SimulatedClock } from '../../src/testing/index.ts';

/** A process as the ledger sees it. */
export interface Place {
  readonly name: string;
  readonly slots: number;
  /** It was told to end in good order. */
  readonly drains: boolean;
  /** It was stopped or stalled until this moment. */
  dazed(): boolean;
  /** Its code does not go on right now. */
  stands(): boolean;
}

/** One call of a handler. */
export interface Execution {
  readonly runId: string;
  readonly fence: number;
  readonly attempt: number;
  readonly lane: string | null;
  /** At most once: its policy forbids a second try. */
  readonly once: boolean;
  /** It asks for steps and waits: told to stop, its code is given nothing more. */
  readonly durable: boolean;
  readonly place: Place;
  /** The node that owned the run when it began. */
  readonly node: NodeKey | null;
  readonly signal: AbortSignal;
}

/** What the ledger has to know beside. */
export interface LedgerTerms {
  readonly clock: SimulatedClock;
  /** How many may execute in a lane at once, as it was agreed outside of the store. */
  widthOf(lane: string): number;
  /** Whether the store holds this node to be dead, or it left. */
  isDead(node: NodeKey): boolean;
  /** Whether the store's clock says that this node did not renew its lease in time. */
  leaseOver(node: NodeKey): Promise<boolean>;
  /** Whether commits about this run were lost, and the ownership is from before (`LostWindow`). */
  old(runId: string, fence: number): boolean;
  /** Whether commits about this run were lost. */
  touched(runId: string): boolean;
  violation(what: string): void;
}

const key = (runId: string, fence: number): string => `${runId}/${fence}`;

/** Splits what `key` joined. */
function parts(one: string): { readonly runId: string; readonly fence: number } {
  const at = one.lastIndexOf('/');
  return { runId: one.slice(0, at), fence: Number(one.slice(at + 1)) };
}

/** What handlers did. */
export class Ledger {
  readonly #terms: LedgerTerms;
  readonly #executing = new Set<Execution>();
  readonly #begun = new Set<string>();
  /** The greatest fence under which the guarded resource took an effect, by run. */
  readonly #taken = new Map<string, number>();
  readonly #effects = new Set<string>();

  constructor(terms: LedgerTerms) {
    this.#terms = terms;
  }

  /** Handlers being called right now. */
  get executing(): number {
    return this.#executing.size;
  }

  begin(execution: Execution): void {
    const { runId, fence, place, lane, once } = execution;
    const again = [...this.#begun].some((one) => parts(one).runId === runId);
    if (once && again && !this.#terms.touched(runId)) {
      this.#terms.violation(`L6 run ${runId} is begun again under fence ${fence}`);
    }
    if (this.#begun.has(key(runId, fence))) {
      this.#terms.violation(`L1 run ${runId} is executed twice under fence ${fence}`);
    }
    this.#begun.add(key(runId, fence));
    this.#alone(execution);
    this.#executing.add(execution);
    const here = [...this.#executing].filter((one) => one.place === place).length;
    if (here > place.slots) {
      this.#terms.violation(`L3 ${place.name} executes ${here} with ${place.slots} slots`);
    }
    if (lane !== null) this.#lane(lane);
  }

  #alone({ runId, fence, place }: Execution): void {
    if (this.#terms.old(runId, fence)) return;
    for (const other of this.#executing) {
      const stopped = other.signal.aborted || other.place.stands() || other.place.dazed();
      if (other.runId !== runId || other.place === place || stopped) continue;
      if (this.#terms.old(runId, other.fence)) continue;
      const who = `${other.place.name} under fence ${other.fence}`;
      this.#terms.violation(`L7 ${place.name} begins run ${runId}, which is executed by ${who}`);
    }
  }

  #lane(lane: string): void {
    const inLane = [...this.#executing].filter((one) => one.lane === lane && this.#counts(one));
    const width = this.#terms.widthOf(lane);
    if (inLane.length <= width) return;
    const who = inLane.map((one) => `${one.runId}/${one.fence} in ${one.place.name}`).join(', ');
    this.#terms.violation(`L2 lane ${lane} of width ${width} executes ${who}`);
  }

  /** Code of a draining process that ignores its signal goes on in nobody's name until the end. */
  #counts({ node, place, signal, runId, fence }: Execution): boolean {
    if (node === null || this.#terms.isDead(node)) return false;
    if (this.#terms.old(runId, fence)) return false;
    return !(place.drains && signal.aborted);
  }

  /** A handler does something outside that cannot be undone, after it looked at its signal. */
  effect({ runId, fence, place, node }: Execution): void {
    if (node !== null && !place.dazed()) void this.#mayAct(runId, place.name, node);
    if ((this.#taken.get(runId) ?? 0) > fence) return;
    this.#taken.set(runId, fence);
    this.#effects.add(key(runId, fence));
  }

  /** Asked at once, and so of this moment: time does not move before the answer. */
  async #mayAct(runId: string, name: string, node: NodeKey): Promise<void> {
    const dead = this.#terms.isDead(node);
    const over = await this.#terms.leaseOver(node);
    if (!dead && !over) return;
    const why = dead ? 'is dead' : 'lost its lease';
    this.#terms.violation(`L4 ${name} acts for run ${runId}; its node ${node} ${why}`);
  }

  end(execution: Execution): void {
    this.#executing.delete(execution);
  }

  /** The process is gone, and its code with it. */
  gone(place: Place): void {
    for (const one of this.#executing) if (one.place === place) this.end(one);
  }

  /** The run was pruned: its id may be used again. */
  forget(runId: string): void {
    this.#taken.delete(runId);
    for (const set of [this.#begun, this.#effects]) {
      for (const one of set) if (parts(one).runId === runId) set.delete(one);
    }
  }

  /**
   * The store lost its last commits: what was done under fences that it does not know is forgotten.
   */
  rolledBack(fenceOf: (runId: string) => number): void {
    const unknown = (one: string): boolean => {
      const { runId, fence } = parts(one);
      return fence > fenceOf(runId);
    };
    for (const one of [...this.#begun]) if (unknown(one)) this.#begun.delete(one);
    for (const one of [...this.#effects]) if (unknown(one)) this.#effects.delete(one);
    this.#taken.clear();
    for (const one of this.#effects) {
      const { runId, fence } = parts(one);
      this.#taken.set(runId, Math.max(this.#taken.get(runId) ?? 0, fence));
    }
  }

  /** The store says that a run succeeded under this fence: the guarded resource must agree (L5). */
  succeeded(runId: string, fence: number): void {
    if (this.#terms.old(runId, fence)) return;
    if (!this.#effects.has(key(runId, fence))) {
      this.#terms.violation(`L5 run ${runId} succeeded under fence ${fence} without an effect`);
    }
    const taken = this.#taken.get(runId) ?? 0;
    if (taken > fence) {
      this.#terms.violation(`L5 run ${runId} succeeded under fence ${fence} after ${taken}`);
    }
  }
}
