/**
 * Owns the list of all live calls: a list through the calls themselves, so that to come and to go
 * costs the same however many there are.
 */
import type { CallRecord } from './call-record.ts';

/** Live calls, in the order of their coming. */
export class LiveCalls {
  #oldest: CallRecord | null = null;
  #youngest: CallRecord | null = null;
  readonly #lingering = new Set<CallRecord>();
  #size = 0;
  #unanswered = 0;

  /** Calls that are not over, or whose code has not settled. */
  get size(): number {
    return this.#size;
  }

  get unanswered(): number {
    return this.#unanswered;
  }

  add(call: CallRecord): void {
    call.older = this.#youngest;
    if (this.#youngest === null) this.#oldest = call;
    else this.#youngest.younger = call;
    this.#youngest = call;
    this.#size += 1;
    this.#unanswered += 1;
  }

  answered(): void {
    this.#unanswered -= 1;
  }

  /** Its code goes on although it is over. */
  lingers(call: CallRecord): void {
    this.#lingering.add(call);
  }

  isLingering(call: CallRecord): boolean {
    return this.#lingering.has(call);
  }

  /** Its code has settled; whether it was known to go on. */
  settled(call: CallRecord): boolean {
    return this.#lingering.size > 0 && this.#lingering.delete(call);
  }

  remove(call: CallRecord): void {
    const { older, younger } = call;
    if (older === null) this.#oldest = younger;
    else older.younger = younger;
    if (younger === null) this.#youngest = older;
    else younger.older = older;
    call.older = null;
    call.younger = null;
    this.#size -= 1;
  }

  /** The oldest first. */
  list(max: number): readonly CallRecord[] {
    const calls: CallRecord[] = [];
    for (let call = this.#oldest; call !== null && calls.length < max; call = call.younger) {
      calls.push(call);
    }
    return calls;
  }

  /** How many there are in each state. */
  counts(): { queued: number; running: number; awaiting: number; stuck: number } {
    const counts = { queued: 0, running: 0, awaiting: 0, stuck: this.#lingering.size };
    for (let call = this.#oldest; call !== null; call = call.younger) {
      const { status } = call.state;
      if (status === 'queued') counts.queued += 1;
      else if (status === 'running') counts.running += 1;
      else if (status === 'awaiting-result') counts.awaiting += 1;
    }
    return counts;
  }
}
