/**
 * Owns the answer to: how many runs will the slots of this node take up within a few milliseconds?
 *
 * P1 It is learned from what was, and bounded. Nothing is known at the beginning: then none.
 * P2 Two measures, and the smaller one counts: slots by the time of a handler, which knows how much
 *    could be done, and twice what was really done, which knows that handlers share one thread.
 * P3 How far ahead is a matter of what a claim takes: where the store is far away, more has to be
 *    here before the next runs can be. Handlers that take longer than a claim are claimed less far
 *    ahead: who comes later, and should go first, waits for all that is here.
 */

/** How far ahead runs may be claimed: shorter than anybody's patience, longer than a commit. */
const aheadMsMin = 5;
const aheadMsMax = 50;
/** Claims that may be answered while the slots work off what is here. */
const claimsAhead = 3;
/** The same, where a handler takes longer than a claim: one is on its way while one is left. */
const claimsAheadLong = 1.5;
/**
 * Runs ahead for each slot within the shortest time. Measured: 4 cost a tenth more of a processor,
 * 16 brought nothing.
 */
const aheadPerSlotMax = 8;
/**
 * Runs ahead for each slot, however long a claim takes. Measured on Postgres: with 24 it cost a
 * tenth more of the server and a fifth more of the node.
 */
const farPerSlotMax = 48;
/** Measured on Postgres: with a half, node and server waited for each other in turns. */
const nearMissingMin = 1 / 2;
const farMissingMin = 1 / 6;
const claimWeight = 1 / 8;
const handlerWeight = 1 / 16;
const windowMs = 25;
const handlerMsMin = 0.001;

/** The measured pace of one node. */
export class Pace {
  readonly #slots: number;
  #handlerMs: number | null = null;
  #runsPerMs = 0;
  #claimMs = 0;
  #windowFrom = 0;
  #windowRuns = 0;

  constructor(slots: number) {
    this.#slots = slots;
  }

  /** A handler settled at `now` (ms, monotonic) after `tookMs`. */
  settled(tookMs: number, now: number): void {
    this.#handlerMs =
      this.#handlerMs === null
        ? tookMs
        : this.#handlerMs + (tookMs - this.#handlerMs) * handlerWeight;
    this.#windowRuns += 1;
    const elapsedMs = now - this.#windowFrom;
    if (elapsedMs < windowMs) return;
    this.#runsPerMs = this.#windowRuns / elapsedMs;
    this.#windowFrom = now;
    this.#windowRuns = 0;
  }

  /** A claim that brought runs was answered after `tookMs`. */
  claimed(tookMs: number): void {
    this.#claimMs += (tookMs - this.#claimMs) * claimWeight;
  }

  /** Forgets everything: what was learned proved wrong. */
  reset(): void {
    this.#handlerMs = null;
    this.#runsPerMs = 0;
    this.#claimMs = 0;
  }

  /**
   * Of what may be here, the part that has to be missing before more is asked for while all slots
   * are taken. A store that is near is asked seldom; one that is far away is always on the way with
   * something.
   */
  get missingMin(): number {
    return this.#claimsAhead * this.#claimMs > aheadMsMin ? farMissingMin : nearMissingMin;
  }

  /** Runs that may be claimed beyond the free slots. */
  ahead(now: number): number {
    if (this.#handlerMs === null) return 0;
    const could = this.#slots / Math.max(this.#handlerMs, handlerMsMin);
    const aheadMs = Math.min(Math.max(aheadMsMin, this.#claimsAhead * this.#claimMs), aheadMsMax);
    const perSlot = Math.min((aheadPerSlotMax * aheadMs) / aheadMsMin, farPerSlotMax);
    const runs = Math.floor(aheadMs * Math.min(could, 2 * this.#doneLately(now)));
    return Math.min(runs, Math.floor(perSlot * this.#slots));
  }

  get #claimsAhead(): number {
    return (this.#handlerMs ?? 0) > this.#claimMs ? claimsAheadLong : claimsAhead;
  }

  /** Runs a ms that settled in the last whole window, or since then if that is longer ago. */
  #doneLately(now: number): number {
    const elapsedMs = now - this.#windowFrom;
    return elapsedMs <= 2 * windowMs ? this.#runsPerMs : this.#windowRuns / elapsedMs;
  }
}
