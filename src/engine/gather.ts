/**
 * Owns the merging of concurrent callers into one store call.
 *
 * G1 Idle: what is added in one turn is sent at its end. Busy: what is added meanwhile goes
 *    together when a call returns. So a lone caller never waits and a crowd shares its commits.
 * G2 Each caller gets its own verdict; if the call fails, each of its callers gets the fault.
 * G3 Items are sent in the order in which they were added.
 * G4 Items waiting are bounded; over the bound a caller is refused with `store.busy`.
 * G5 A call carries no more items, and no more weight, than one transaction should.
 */
import { HoldfastError } from '../core/errors.ts';

/** How items are sent. */
export interface GatherOptions<Item, Verdict> {
  readonly send: (items: readonly Item[]) => Promise<readonly Verdict[]>;
  /** Items of one call. */
  readonly itemsMax: number;
  /**
   * What one call may weigh, and what an item does; an item that is heavier by itself goes alone.
   */
  readonly weightMax: number;
  readonly weigh: (item: Item) => number;
  /** Items that may wait. */
  readonly waitingMax: number;
  /** Calls under way at once. */
  readonly callsMax: number;
}

interface Parcel<Item, Verdict> {
  readonly items: readonly Item[];
  readonly weight: number;
  readonly resolve: (verdicts: readonly Verdict[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Merges items into calls. */
export class Gather<Item, Verdict> {
  readonly #options: GatherOptions<Item, Verdict>;
  #parcels: Parcel<Item, Verdict>[] = [];
  #waiting = 0;
  #calls = 0;
  #scheduled = false;

  constructor(options: GatherOptions<Item, Verdict>) {
    this.#options = options;
  }

  /** Adds one item; resolves with its verdict. */
  add(item: Item): Promise<Verdict> {
    const full = this.#full(1);
    if (full !== null) return Promise.reject(full);
    return new Promise((resolve, reject) => {
      const first = (verdicts: readonly Verdict[]): void => resolve(verdicts[0] as Verdict);
      this.#put({ items: [item], weight: this.#options.weigh(item), resolve: first, reject });
    });
  }

  /** Adds items, in as few parcels as may be; resolves with their verdicts in the same order. */
  async addAll(items: readonly Item[]): Promise<readonly Verdict[]> {
    const full = this.#full(items.length);
    if (full !== null) throw full;
    const calls = this.#parts(items).map(
      ({ part, weight }) =>
        new Promise<readonly Verdict[]>((resolve, reject) => {
          this.#put({ items: part, weight, resolve, reject });
        }),
    );
    const verdicts = await Promise.all(calls);
    return verdicts.length === 1 ? (verdicts[0] ?? []) : verdicts.flat();
  }

  /** Items of one call's size and weight each. */
  #parts(items: readonly Item[]): { readonly part: readonly Item[]; readonly weight: number }[] {
    const { itemsMax, weightMax, weigh } = this.#options;
    const parts: { part: Item[]; weight: number }[] = [];
    for (const item of items) {
      const heavy = weigh(item);
      const last = parts.at(-1);
      if (last !== undefined && last.part.length < itemsMax && last.weight + heavy <= weightMax) {
        last.part.push(item);
        last.weight += heavy;
      } else {
        parts.push({ part: [item], weight: heavy });
      }
    }
    return parts;
  }

  #full(more: number): HoldfastError | null {
    const { waitingMax } = this.#options;
    if (this.#waiting === 0 || this.#waiting + more <= waitingMax) return null;
    const message = `${this.#waiting} requests wait for the store already; try again later`;
    return new HoldfastError('store.busy', message, { details: { waitingMax } });
  }

  #put(parcel: Parcel<Item, Verdict>): void {
    this.#parcels.push(parcel);
    this.#waiting += parcel.items.length;
    if (this.#scheduled || this.#calls >= this.#options.callsMax) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#parcels.length > 0 && this.#calls < this.#options.callsMax) {
      const parcels = this.#take();
      this.#calls += 1;
      void this.#send(parcels);
    }
  }

  #take(): readonly Parcel<Item, Verdict>[] {
    const { itemsMax, weightMax } = this.#options;
    let count = 0;
    let sum = 0;
    let parcels = 0;
    for (const { items, weight } of this.#parcels) {
      if (parcels > 0 && (count + items.length > itemsMax || sum + weight > weightMax)) break;
      count += items.length;
      sum += weight;
      parcels += 1;
    }
    this.#waiting -= count;
    return this.#parcels.splice(0, parcels);
  }

  async #send(parcels: readonly Parcel<Item, Verdict>[]): Promise<void> {
    const [lone] = parcels;
    const items =
      parcels.length === 1 && lone !== undefined ? lone.items : parcels.flatMap((one) => one.items);
    try {
      const verdicts = await this.#options.send(items);
      if (verdicts.length !== items.length) {
        throw new HoldfastError('internal.defect', 'a store call answered another number of items');
      }
      let at = 0;
      for (const parcel of parcels) {
        parcel.resolve(verdicts.slice(at, at + parcel.items.length));
        at += parcel.items.length;
      }
    } catch (error) {
      for (const parcel of parcels) parcel.reject(error);
    } finally {
      this.#calls -= 1;
      this.#flush();
    }
  }
}
