/**
 * Owns the committing of ends: every attempt's last word gets to the store, or is known not to.
 *
 * E1 Ends of one turn go together; what is added while calls are under way goes when one returns.
 * E2 Nothing is sent in the name of a tenure that is over or not trusted any more.
 * E3 A fault of the store is waited out for as long as the node trusts its ownership: sending an
 *    end twice is safe under its fence. A refusal is final: it is counted, told once, never an
 *    exception.
 */
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import type { Outcome } from '../core/outcome.ts';
import type { ClaimedRun, EndItem, EndOfAttempt, EndVerdict } from '../ports/store-runs.ts';
import type { Counters } from './counters.ts';
import type { Tenure } from './tenure.ts';
import { announce, type World } from './world.ts';

/** Ends and characters of results of one call, and calls under way at once. */
const callItemsMax = 2_000;
const callCharsMax = 8 * limits.resultBytesMax;
const callsMax = 2;
const retryMsMin = 20;
const retryMsMax = 1_000;

/** An end on its way. */
export interface Ending {
  /** `id` is null for an ownership of which nothing else is known. */
  readonly run: Pick<ClaimedRun, 'seq' | 'attempt' | 'fence'> & { readonly id: string | null };
  readonly end: EndOfAttempt;
  readonly tenure: Tenure;
}

/** Whoever has to hear of ends. */
export interface FinaliserHost {
  trusts(tenure: Tenure): boolean;
  /** The node may not act any more: its lease ran out on its own clock. */
  distrust(why: string): void;
  /** The run has its outcome (`null`: it is in the queue again). */
  committed(ending: Ending, outcome: Outcome | null, repeated: boolean): void;
  /** The run was taken from us before: its end is not ours, but its code has stopped here. */
  refused(ending: Ending): void;
  /** Places became free for more work. */
  progressed(): void;
}

/** Sends ends, in order, a few calls at once. */
export class Finaliser {
  readonly #world: World;
  readonly #counters: Counters;
  readonly #host: FinaliserHost;
  #queue: Ending[] = [];
  readonly #sent = new Set<readonly Ending[]>();
  #scheduled = false;
  #waitingOut = false;
  #retryMs = retryMsMin;
  /**
   * After a call that failed for no known reason, ends go one by one until the culprit is found.
   */
  #alone = 0;
  #idle: PromiseWithResolvers<void> | null = null;

  constructor(world: World, counters: Counters, host: FinaliserHost) {
    this.#world = world;
    this.#counters = counters;
    this.#host = host;
  }

  /** Ends that have no verdict yet. */
  get pending(): number {
    let count = this.#queue.length;
    for (const batch of this.#sent) count += batch.length;
    return count;
  }

  /** Characters of the results among them. */
  get pendingChars(): number {
    let chars = 0;
    for (const batch of [this.#queue, ...this.#sent]) {
      for (const { end } of batch) chars += charsOf(end);
    }
    return chars;
  }

  /** Whether such an end is on its way. */
  holds(same: (ending: Ending) => boolean): boolean {
    if (this.#queue.some(same)) return true;
    for (const batch of this.#sent) if (batch.some(same)) return true;
    return false;
  }

  add(ending: Ending): void {
    this.#queue.push(ending);
    if (this.#scheduled || this.#waitingOut || this.#sent.size >= callsMax) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  /** Resolves when nothing is on its way. */
  async idle(): Promise<void> {
    if (this.pending === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  /**
   * E2: forgets the ends of a tenure that is over. What was sent already may still be committed.
   */
  drop(tenure: Tenure): void {
    const kept = this.#queue.filter((ending) => ending.tenure !== tenure);
    this.#counters.endsDropped += this.#queue.length - kept.length;
    this.#queue = kept;
    this.#settle();
  }

  #flush(): void {
    while (this.#queue.length > 0 && !this.#waitingOut && this.#sent.size < callsMax) {
      const [first] = this.#queue;
      if (first !== undefined && !this.#host.trusts(first.tenure)) {
        if (first.tenure.over) this.drop(first.tenure);
        else this.#host.distrust('an end could not be sent in time');
        continue;
      }
      const size = this.#alone > 0 ? 1 : this.#callSize();
      this.#alone = Math.max(0, this.#alone - 1);
      const batch = this.#queue.length <= size ? this.#queue : this.#queue.slice(0, size);
      this.#queue = batch === this.#queue ? [] : this.#queue.slice(size);
      void this.#send(batch);
    }
    this.#settle();
  }

  /** How many of the queue go together: at least one, however large. */
  #callSize(): number {
    let size = 0;
    let chars = 0;
    for (const { end } of this.#queue) {
      chars += charsOf(end);
      if (size > 0 && (size === callItemsMax || chars > callCharsMax)) break;
      size += 1;
    }
    return size;
  }

  async #send(batch: readonly Ending[]): Promise<void> {
    this.#sent.add(batch);
    try {
      const { reply, woken } = await this.#world.store.end(batch.map(itemOf));
      this.#sent.delete(batch);
      this.#retryMs = retryMsMin;
      announce(this.#world, woken);
      for (const [index, ending] of batch.entries()) {
        const verdict = reply[index];
        if (verdict !== undefined) this.#judge(ending, verdict);
      }
    } catch (error) {
      this.#sent.delete(batch);
      this.#failed(batch, error);
    }
    this.#flush();
    this.#host.progressed();
  }

  #judge(ending: Ending, verdict: EndVerdict): void {
    if (verdict.ok) {
      this.#host.committed(ending, verdict.outcome, verdict.repeated);
      return;
    }
    const { id, seq, fence } = ending.run;
    const fields = { run: id, seq, fence, code: verdict.code };
    if (verdict.code === 'run.illegal_transition' && ending.end.how !== 'handed-back') {
      this.#world.log.log('error', `an end was refused, so the run goes back: ${id}`, fields);
      this.add({ ...ending, end: { how: 'handed-back', begun: true } });
      return;
    }
    // What was sent again after a lost answer and holds no result: nothing of it is lost.
    const { how } = ending.end;
    if (how !== 'handed-back' && how !== 'parked') {
      this.#counters.lateResults += 1;
      this.#world.log.log('warn', 'a late result was refused: the run has another owner', fields);
    }
    this.#host.refused(ending);
  }

  #failed(batch: readonly Ending[], error: unknown): void {
    this.#counters.storeFaults += 1;
    const code = error instanceof HoldfastError ? error.code : 'internal.defect';
    if (code === 'store.closed') {
      this.#counters.endsDropped += batch.length;
      return;
    }
    if (!code.startsWith('store.') && batch.length === 1) {
      this.#counters.endsDropped += 1;
      const fields = { run: batch[0]?.run.id, error: String(error) };
      this.#world.log.log('error', 'an end cannot be committed', fields);
      this.#host.distrust('an end cannot be committed');
      return;
    }
    if (!code.startsWith('store.')) this.#alone = batch.length;
    this.#queue = [...batch, ...this.#queue];
    this.#waitOut(error);
  }

  #waitOut(error: unknown): void {
    if (this.#waitingOut) return;
    if (this.#retryMs === retryMsMin) {
      const fields = { error: String(error) };
      this.#world.log.log('warn', 'ends wait for the store', fields);
    }
    this.#waitingOut = true;
    this.#world.clock.after(this.#retryMs, () => {
      this.#waitingOut = false;
      this.#flush();
    });
    this.#retryMs = Math.min(this.#retryMs * 2, retryMsMax);
  }

  #settle(): void {
    if (this.#idle === null || this.pending > 0) return;
    this.#idle.resolve();
    this.#idle = null;
  }
}

const charsOf = (end: EndOfAttempt): number => (end.how === 'succeeded' ? end.result.length : 0);

const itemOf = ({ run: { id, seq, fence }, end }: Ending): EndItem => ({
  ...(id === null ? {} : { id }),
  ...{ seq, fence, end },
});
