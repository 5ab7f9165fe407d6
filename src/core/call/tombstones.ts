/**
 * Owns the memory of ids whose calls are over: what came too late, or twice, is known by it.
 *
 * T1 One that is remembered is forgotten after `keepMs`, or when `max` younger ones are there.
 * T2 To remember costs the same whatever is remembered: ids expire in the order of their coming,
 *    and a few of the oldest are looked at each time.
 */

const lookedAtMost = 4;
const ringStart = 64;

interface Entry {
  readonly id: string;
  readonly until: number;
}

/** Ids that ended lately. */
export class Tombstones {
  readonly #keepMs: number;
  readonly #max: number;
  readonly #until = new Map<string, number>();
  /** The ids in the order of their coming, as a ring; grows up to `max`. */
  #ring: (Entry | undefined)[];
  #head = 0;
  #count = 0;

  constructor(keepMs: number, max: number) {
    this.#keepMs = keepMs;
    this.#max = max;
    this.#ring = new Array<Entry | undefined>(Math.min(ringStart, max));
  }

  get size(): number {
    return this.#count;
  }

  /** Whether the id ended less than `keepMs` ago. */
  has(id: string, now: number): boolean {
    const until = this.#until.get(id);
    return until !== undefined && now < until;
  }

  /** Remembers an id from now on. */
  add(id: string, now: number): void {
    this.prune(now);
    if (this.#max === 0) return;
    if (this.#count >= this.#max) this.#dropOldest();
    if (this.#count === this.#ring.length) this.#grow();
    const until = now + this.#keepMs;
    // One that came again after it had expired may stand in the ring twice; the later one counts.
    this.#until.set(id, until);
    this.#ring[(this.#head + this.#count) % this.#ring.length] = { id, until };
    this.#count += 1;
  }

  /** Forgets some of what has expired. */
  prune(now: number): void {
    for (let looked = 0; looked < lookedAtMost && this.#count > 0; looked += 1) {
      const oldest = this.#ring[this.#head];
      if (oldest !== undefined && now < oldest.until) return;
      this.#dropOldest();
    }
  }

  #dropOldest(): void {
    const oldest = this.#ring[this.#head];
    this.#ring[this.#head] = undefined;
    this.#head = (this.#head + 1) % this.#ring.length;
    this.#count -= 1;
    if (oldest !== undefined && this.#until.get(oldest.id) === oldest.until) {
      this.#until.delete(oldest.id);
    }
  }

  #grow(): void {
    const ring = new Array<Entry | undefined>(Math.min(this.#ring.length * 2, this.#max));
    for (let at = 0; at < this.#count; at += 1) {
      ring[at] = this.#ring[(this.#head + at) % this.#ring.length];
    }
    this.#ring = ring;
    this.#head = 0;
  }
}
