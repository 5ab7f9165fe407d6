/**
 * Owns the check whether a history of concurrent operations has an order that a sequential object
 * could have answered: the search of Wing and Gong with the memory of Lowe, as in Porcupine.
 *
 * Calls and returns stand in a doubly linked list by time. The search takes a call out that no
 * return stands before, lets the model answer, and goes on from the front; when a return comes
 * first, it puts the last call back and tries the next one. What was reached once, the same
 * operations taken out and the same state, is not tried again.
 *
 * W1 Real time is kept: an operation that returned before another was called goes before it.
 * W2 An operation without a return (its end is unknown) may take effect at any time after its call,
 *    or never. One that would change nothing is not tried: never is as good.
 * W3 The model may have several next states: what nobody saw may have gone either way.
 * W4 The search is bounded by steps. Over the bound the verdict is `gave-up`, which is no proof of
 *    anything and must not be taken for one.
 */

/** A sequential object. */
export interface Model<State, Op> {
  readonly init: State;
  /** The states that the operation, answered as it was, may lead to; none: it cannot be. */
  step(state: State, op: Op): readonly State[];
  /** Equal for equal states only. */
  key(state: State): string;
}

/** One operation of a history. Equal times count as overlapping. */
export interface Operation<Op> {
  readonly op: Op;
  readonly calledAt: number;
  /** Null: nobody knows whether and when it took effect. */
  readonly returnedAt: number | null;
}

/** What the search found. */
export type Verdict<Op> =
  | { readonly verdict: 'linearizable'; readonly steps: number }
  | { readonly verdict: 'gave-up'; readonly steps: number }
  | {
      readonly verdict: 'violation';
      readonly steps: number;
      /** The longest order that was found. */
      readonly prefix: readonly Op[];
      /** Operations that could have been next after it, none of which fits. */
      readonly stuck: readonly Op[];
    };

const stepsMaxDefault = 2_000_000;

/** What an entry can stand behind: another entry, or the head of the list. */
interface Link<Op> {
  after: Entry<Op> | null;
}

interface Entry<Op> extends Link<Op> {
  readonly operation: Operation<Op>;
  readonly kind: 'call' | 'return';
  /** Among the operations that returned, or among the others; by the time of their calls. */
  readonly index: number;
  /** The return of a call. */
  readonly match: Entry<Op> | null;
  before: Link<Op>;
}

interface Frame<State, Op> {
  readonly entry: Entry<Op>;
  readonly state: State;
  readonly options: readonly State[];
  readonly tried: number;
}

/** Searches for an order. */
export function check<State, Op>(
  model: Model<State, Op>,
  history: readonly Operation<Op>[],
  stepsMax = stepsMaxDefault,
): Verdict<Op> {
  const list = listOf(history);
  const taken = new Taken(list.returning, list.pending);
  const seen = new Set<string>();
  const frames: Frame<State, Op>[] = [];
  let best: { prefix: readonly Op[]; stuck: readonly Op[] } = { prefix: [], stuck: [] };
  let state = model.init;
  let at = list.head.after;
  let options: readonly State[] | null = null;
  let tried = 0;
  let steps = 0;
  let backed = false;
  for (;;) {
    if (taken.returned === list.returning) return { verdict: 'linearizable', steps };
    if (at !== null && at.kind === 'call') {
      options ??= model.step(state, at.operation.op);
      const next = options[tried];
      tried += 1;
      if (next === undefined) {
        at = at.after;
        [options, tried] = [null, 0];
        continue;
      }
      steps += 1;
      if (steps > stepsMax) return { verdict: 'gave-up', steps };
      const key = model.key(next);
      if (at.match === null && key === model.key(state)) continue;
      taken.add(at);
      const reached = `${taken.key()}#${key}`;
      if (seen.has(reached)) {
        taken.remove(at);
        continue;
      }
      seen.add(reached);
      frames.push({ entry: at, state, options, tried });
      lift(at);
      state = next;
      at = list.head.after;
      [options, tried, backed] = [null, 0, false];
      continue;
    }
    if (!backed && frames.length >= best.prefix.length) {
      best = { prefix: frames.map(({ entry }) => entry.operation.op), stuck: front(list.head) };
    }
    backed = true;
    const last = frames.pop();
    if (last === undefined) return { verdict: 'violation', steps, ...best };
    unlift(last.entry);
    taken.remove(last.entry);
    ({ entry: at, state, options, tried } = last);
  }
}

/** Which operations are out of the list, as a short key. */
class Taken<Op> {
  returned = 0;
  readonly #returning: Uint8Array;
  readonly #pending: Uint8Array;
  #low = 0;
  #high = -1;

  constructor(returning: number, pending: number) {
    this.#returning = new Uint8Array(returning + 1);
    this.#pending = new Uint8Array(pending);
  }

  add({ match, index }: Entry<Op>): void {
    if (match === null) {
      this.#pending[index] = 1;
      return;
    }
    this.returned += 1;
    this.#returning[index] = 1;
    this.#high = Math.max(this.#high, index);
    while (this.#returning[this.#low] === 1) this.#low += 1;
  }

  remove({ match, index }: Entry<Op>): void {
    if (match === null) {
      this.#pending[index] = 0;
      return;
    }
    this.returned -= 1;
    this.#returning[index] = 0;
    this.#low = Math.min(this.#low, index);
    while (this.#high >= 0 && this.#returning[this.#high] === 0) this.#high -= 1;
  }

  /** Everything below `low` is out; what overlaps is at most as much as ran at once. */
  key(): string {
    let text = `${this.#low}`;
    for (let index = this.#low; index <= this.#high; index += 1) {
      if (this.#returning[index] === 1) text += `,${index}`;
    }
    for (let index = 0; index < this.#pending.length; index += 1) {
      if (this.#pending[index] === 1) text += `+${index}`;
    }
    return text;
  }
}

function listOf<Op>(history: readonly Operation<Op>[]) {
  const head: Link<Op> = { after: null };
  const entries: Entry<Op>[] = [];
  let [returning, pending] = [0, 0];
  for (const operation of history.toSorted((a, b) => a.calledAt - b.calledAt)) {
    const open = operation.returnedAt === null;
    const index = open ? pending : returning;
    if (open) pending += 1;
    else returning += 1;
    const links = { operation, index, before: head, after: null };
    const match: Entry<Op> | null = open ? null : { ...links, kind: 'return', match: null };
    entries.push({ ...links, kind: 'call', match });
    if (match !== null) entries.push(match);
  }
  entries.sort((a, b) => timeOf(a) - timeOf(b) || (a.kind === 'call' ? -1 : 1));
  let last: Link<Op> = head;
  for (const entry of entries) {
    entry.before = last;
    last.after = entry;
    last = entry;
  }
  return { head, returning, pending };
}

const timeOf = <Op>({ kind, operation }: Entry<Op>): number =>
  kind === 'call' ? operation.calledAt : (operation.returnedAt ?? Number.POSITIVE_INFINITY);

/** Takes a call and its return out; both remember where they stood. */
function lift<Op>(entry: Entry<Op>): void {
  for (const one of [entry, entry.match]) {
    if (one === null) continue;
    one.before.after = one.after;
    if (one.after !== null) one.after.before = one.before;
  }
}

/** Puts them back, in the opposite order. */
function unlift<Op>(entry: Entry<Op>): void {
  for (const one of [entry.match, entry]) {
    if (one === null) continue;
    one.before.after = one;
    if (one.after !== null) one.after.before = one;
  }
}

/** The calls before the first return. */
function front<Op>(head: Link<Op>): readonly Op[] {
  const ops: Op[] = [];
  for (let at = head.after; at !== null && at.kind === 'call'; at = at.after) {
    ops.push(at.operation.op);
  }
  return ops;
}
