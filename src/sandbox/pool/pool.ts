/**
 * Owns the VMs of one script or module: who gets which, who waits, what is ended.
 *
 * P1 A VM serves one call at a time, and one tenant in its life. A call of another tenant gets
 *    another VM: one that is idle is ended for it if there is no room.
 * P2 Whoever waits is served in order. A call that gives up leaves its place at once.
 * P3 A VM comes back only if its call says that it is clean. All others are ended, and their place
 *    is free.
 * P4 If a VM cannot be made, one call fails, and the next one in the queue is tried.
 * P5 Closing shuts the door, lets what was admitted end, and then ends the VMs. It has closed when
 *    the last of them is gone, those that are being made or ended meanwhile too.
 * P6 Everything is bounded: VMs, calls that wait, how long they wait (T2).
 */
import { type AdaptiveState, adapt, adaptiveStart } from '../../core/adaptive.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { MonoMs } from '../../core/time.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Random } from '../../ports/random.ts';
import type { PoolFigures } from '../../ports/sandbox.ts';
import type { PoolTerms } from './terms.ts';

/** What a pool needs to know of a VM. */
export interface Pooled {
  /** Whether it may be used again. */
  readonly alive: boolean;
  /** Settles when it is no more. */
  readonly gone: Promise<unknown>;
  close(): Promise<void>;
}

/** What a pool works with. */
export interface PoolParts<Vm extends Pooled> {
  /** For messages. */
  readonly name: string;
  readonly terms: PoolTerms;
  readonly clock: Clock;
  readonly random: Random;
  make(tenant: string): Promise<Vm>;
}

interface Held<Vm> {
  readonly vm: Vm;
  readonly tenant: string;
}

interface Waiter<Vm> {
  readonly tenant: string;
  readonly resolve: (held: Held<Vm>) => void;
  readonly reject: (error: unknown) => void;
  readonly forget: () => void;
}

const tickMs = 500;

/** VMs of one kind. */
export class Pool<Vm extends Pooled> {
  readonly #parts: PoolParts<Vm>;
  readonly #idle: Held<Vm>[] = [];
  readonly #waiters: Waiter<Vm>[] = [];
  readonly #busy = new Set<Held<Vm>>();
  /** What closing has to wait for beside calls (P5). */
  readonly #preparing = new Set<Promise<void>>();
  readonly #leaving = new Set<Promise<void>>();
  /** Calls from their admission to their end, for P5. */
  #admitted = 0;
  #making = 0;
  #created = 0;
  #discarded = 0;
  #poisoned = 0;
  #ended = 0;
  #adaptive: AdaptiveState;
  #timer: Timer | null = null;
  #lastUse: MonoMs;
  #closed = false;
  #empty: PromiseWithResolvers<void> | null = null;

  constructor(parts: PoolParts<Vm>) {
    this.#parts = parts;
    this.#adaptive = adaptiveStart(parts.terms);
    this.#lastUse = parts.clock.mono();
  }

  get figures(): PoolFigures {
    return {
      live: this.#live,
      busy: this.#busy.size,
      waiting: this.#waiters.length,
      created: this.#created,
      discarded: this.#discarded,
      poisoned: this.#poisoned,
    };
  }

  /** Makes the VMs that the pool has at rest. What cannot be made is made again when needed. */
  async prepare(tenant: string): Promise<void> {
    const { min } = this.#parts.terms;
    const missing = Math.max(0, min - this.#live);
    await Promise.all(Array.from({ length: missing }, () => this.#prepareOne(tenant)));
  }

  /**
   * Does one piece of work with a VM. `work` says whether the VM is clean by `vm.alive`. Rejects
   * with `sandbox.full`, `sandbox.closed`, the reason of the signal, or what `make` and `work`
   * reject with.
   */
  async use<Result>(
    tenant: string,
    signal: AbortSignal | null,
    work: (vm: Vm) => Promise<Result>,
  ): Promise<Result> {
    signal?.throwIfAborted();
    if (this.#closed) throw this.#error('sandbox.closed', 'the pool is closed');
    this.#admitted += 1;
    try {
      const held = await this.#take(tenant, signal);
      try {
        return await work(held.vm);
      } finally {
        this.#giveBack(held);
      }
    } finally {
      this.#admitted -= 1;
      if (this.#admitted === 0) this.#empty?.resolve();
    }
  }

  /** P5 */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    if (this.#admitted > 0) {
      this.#empty ??= Promise.withResolvers<void>();
      await this.#empty.promise;
    }
    await Promise.all(this.#preparing);
    for (const held of this.#idle.splice(0)) this.#end(held);
    await Promise.all(this.#leaving);
  }

  get #live(): number {
    return this.#idle.length + this.#busy.size + this.#making;
  }

  get #room(): number {
    const { kind, max } = this.#parts.terms;
    return kind === 'adaptive' ? this.#adaptive.size : max;
  }

  #take(tenant: string, signal: AbortSignal | null): Promise<Held<Vm>> {
    const { queueMax, waitMs } = this.#parts.terms;
    const { promise, resolve, reject } = Promise.withResolvers<Held<Vm>>();
    const leave = (why: unknown): void => {
      const at = this.#waiters.indexOf(waiter);
      if (at === -1) return;
      this.#waiters.splice(at, 1);
      waiter.forget();
      reject(why);
    };
    const onAbort = (): void => leave(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    const timer = this.#parts.clock.after(waitMs, () => {
      leave(this.#error('sandbox.full', `no VM was free within ${waitMs} ms`));
    });
    const forget = (): void => {
      timer.cancel();
      signal?.removeEventListener('abort', onAbort);
    };
    const waiter: Waiter<Vm> = { tenant, resolve, reject, forget };
    this.#waiters.push(waiter);
    this.#serve();
    if (this.#waiters.length > queueMax && this.#waiters.includes(waiter)) {
      leave(this.#error('sandbox.full', `${queueMax} calls wait for a VM, which is its bound`));
    }
    this.#arm();
    return promise;
  }

  /** P2 */
  #serve(): void {
    for (;;) {
      const [waiter] = this.#waiters;
      if (waiter === undefined) return;
      const held = this.#idleOf(waiter.tenant);
      if (held === null && !this.#hasRoom()) return;
      this.#waiters.shift();
      waiter.forget();
      if (held === null) void this.#makeFor(waiter);
      else {
        this.#busy.add(held);
        waiter.resolve(held);
      }
    }
  }

  /** The one that was used last: the others may be ended. */
  #idleOf(tenant: string): Held<Vm> | null {
    const at = this.#idle.findLastIndex((held) => held.tenant === tenant);
    if (at === -1) return null;
    const [held] = this.#idle.splice(at, 1);
    return held ?? null;
  }

  /** Makes room if it can: the idle VM that was used longest ago is of another tenant (P1). */
  #hasRoom(): boolean {
    if (this.#live < this.#room) return true;
    const [oldest] = this.#idle;
    if (oldest === undefined) return false;
    this.#idle.shift();
    this.#discard(oldest);
    return true;
  }

  async #makeFor(waiter: Waiter<Vm>): Promise<void> {
    try {
      await this.#make(waiter.tenant, (held) => {
        this.#busy.add(held);
        waiter.resolve(held);
      });
    } catch (error) {
      waiter.reject(error);
      this.#serve();
    }
  }

  /** `place` takes it before it stops counting as being made: at no time there is one too few. */
  async #make(tenant: string, place: (held: Held<Vm>) => void): Promise<void> {
    this.#making += 1;
    try {
      const vm = await this.#parts.make(tenant);
      this.#created += 1;
      const held = { vm, tenant };
      void vm.gone.then(() => this.#died(held));
      place(held);
    } finally {
      this.#making -= 1;
    }
  }

  #prepareOne(tenant: string): Promise<void> {
    if (this.#closed) return Promise.resolve();
    const made = this.#tryToMake(tenant);
    this.#preparing.add(made);
    return made.finally(() => this.#preparing.delete(made));
  }

  async #tryToMake(tenant: string): Promise<void> {
    try {
      await this.#make(tenant, (held) => this.#idle.push(held));
      this.#serve();
    } catch {
      // A call that needs it makes it again, and is told why it cannot be made.
    }
  }

  #giveBack(held: Held<Vm>): void {
    this.#ended += 1;
    this.#lastUse = this.#parts.clock.mono();
    this.#busy.delete(held);
    if (!held.vm.alive) this.#poisoned += 1;
    const tooMany = this.#live >= this.#room;
    if (held.vm.alive && !this.#closed && !tooMany) this.#idle.push(held);
    else {
      this.#discard(held);
      this.#refill(held.tenant);
    }
    this.#serve();
  }

  /** Keeps as many as there should be at rest. */
  #refill(tenant: string): void {
    if (this.#closed || this.#live >= this.#parts.terms.min) return;
    void this.#prepareOne(tenant);
  }

  #discard(held: Held<Vm>): void {
    this.#discarded += 1;
    this.#end(held);
  }

  #end({ vm }: Held<Vm>): void {
    const gone = vm.close();
    this.#leaving.add(gone);
    void gone.finally(() => this.#leaving.delete(gone));
  }

  /** One that nobody used: a call that used it finds out by itself. */
  #died(held: Held<Vm>): void {
    const at = this.#idle.indexOf(held);
    if (at === -1) return;
    this.#idle.splice(at, 1);
    this.#discarded += 1;
    this.#poisoned += 1;
    this.#refill(held.tenant);
  }

  #arm(): void {
    const { kind, idleMs } = this.#parts.terms;
    if (this.#timer !== null || this.#closed) return;
    if (kind === 'lazy') this.#timer = this.#parts.clock.after(idleMs / 2, () => this.#reap());
    if (kind === 'adaptive') this.#timer = this.#parts.clock.after(tickMs, () => this.#tick());
  }

  /** Ends all of them when nothing has happened for a while. */
  #reap(): void {
    this.#timer = null;
    const active = this.#busy.size + this.#making + this.#waiters.length > 0;
    const rested = this.#parts.clock.mono() - this.#lastUse >= this.#parts.terms.idleMs;
    if (!active && rested) for (const held of this.#idle.splice(0)) this.#discard(held);
    if (this.#live > 0) this.#arm();
  }

  #tick(): void {
    this.#timer = null;
    const { terms, random } = this.#parts;
    const sample = { busy: this.#busy.size + this.#making, waiting: this.#waiters.length };
    const more = { ended: this.#ended, chance: random.next() };
    this.#ended = 0;
    this.#adaptive = adapt(this.#adaptive, { ...sample, ...more }, terms);
    while (this.#idle.length > 0 && this.#live > this.#room) {
      const [oldest] = this.#idle.splice(0, 1);
      if (oldest !== undefined) this.#discard(oldest);
    }
    this.#serve();
    const atRest = sample.busy + sample.waiting === 0 && this.#adaptive.size === terms.min;
    if (!atRest) this.#arm();
  }

  #error(code: 'sandbox.full' | 'sandbox.closed', message: string): HoldfastError {
    const { name } = this.#parts;
    return new HoldfastError(code, `the VMs of '${name}': ${message}`, { details: { name } });
  }
}
