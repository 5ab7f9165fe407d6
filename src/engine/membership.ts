/**
 * Owns this process's membership: it joins, keeps its lease, and knows when it must not act any
 * more.
 *
 * M1 The node trusts itself until `last renewal started + ttl - margin` on the monotonic clock, and
 *    no longer, whatever it has not heard. Then its tenure is over, at once and for good.
 * M2 Coming back is a new joining under a new key, tried for as long as the runtime is open. What
 *    the old tenure owned is recovered like that of any dead node.
 * M3 A refusal at the first joining is the caller's; later ones are told and tried again.
 */
import { HoldfastError } from '../core/errors.ts';
import { trustMarginMs } from '../core/lease.ts';
import type { MonoMs } from '../core/time.ts';
import { monoPlus } from '../core/time.ts';
import type { Timer } from '../ports/clock.ts';
import type { Beat, HostedFunction, Keeper } from '../ports/store-nodes.ts';
import type { Counters } from './counters.ts';
import type { Tenure } from './tenure.ts';
import type { World } from './world.ts';

const rejoinMsMin = 50;
const rejoinMsMax = 5_000;

/** How a node presents and keeps itself. */
export interface MembershipSettings {
  readonly name: string;
  readonly slots: number;
  readonly ttlMs: number;
  readonly heartbeatMs: number;
  readonly functions: readonly HostedFunction[];
}

/** Whoever acts in the node's name. */
export interface MembershipHost {
  joined(tenure: Tenure): void;
  beat(tenure: Tenure, beat: Beat): void;
  /** Everything done under this tenure stops now. */
  fenced(tenure: Tenure): void;
}

interface Standing {
  readonly tenure: Tenure;
  readonly keeper: Keeper;
  readonly joinStarted: MonoMs;
}

/** One process's standing among the nodes. */
export class Membership {
  readonly #world: World;
  readonly #settings: MembershipSettings;
  readonly #counters: Counters;
  readonly #host: MembershipHost;
  #standing: Standing | null = null;
  #watch: Timer | null = null;
  #rejoin: Timer | null = null;
  #closed = false;

  constructor(
    world: World,
    settings: MembershipSettings,
    counters: Counters,
    host: MembershipHost,
  ) {
    this.#world = world;
    this.#settings = settings;
    this.#counters = counters;
    this.#host = host;
  }

  /** The current tenure, or null while there is none. */
  get tenure(): Tenure | null {
    return this.#standing?.tenure ?? null;
  }

  /** Joins for the first time. Throws `function.conflict` and faults of the store. */
  async join(): Promise<void> {
    const { name, process } = { name: this.#settings.name, process: this.#world.processes.self() };
    const { ttlMs, slots, functions } = this.#settings;
    const joinStarted = this.#world.clock.mono();
    const verdict = await this.#world.store.join({ name, process, ttlMs, slots, functions });
    if (!verdict.ok) throw new HoldfastError(verdict.code, verdict.message);
    if (this.#closed) {
      await this.#world.store.leave(verdict.node);
      return;
    }
    const tenure: Tenure = { node: verdict.node, over: false };
    const keeper = this.#world.store.keepAlive({
      node: tenure.node,
      everyMs: this.#settings.heartbeatMs,
      ttlMs,
      onBeat: (beat) => {
        if (!tenure.over) this.#host.beat(tenure, beat);
      },
      onFenced: () => this.#end(tenure, 'the store declared this node dead'),
    });
    this.#standing = { tenure, keeper, joinStarted };
    this.#watchTrust();
    this.#world.bus.publish('nodes');
    this.#host.joined(tenure);
  }

  /** Until when the current tenure may act. */
  trustedUntil({ keeper, joinStarted }: Standing): MonoMs {
    const renewed = Math.max(keeper.lastRenewalStarted(), joinStarted) as MonoMs;
    return monoPlus(renewed, this.#settings.ttlMs - trustMarginMs(this.#settings.ttlMs));
  }

  /** Whether something may be done in the name of this tenure right now. */
  trusts(tenure: Tenure): boolean {
    const standing = this.#standing;
    if (tenure.over || standing === null || standing.tenure !== tenure) return false;
    return this.#world.clock.mono() < this.trustedUntil(standing);
  }

  /** Asks for a heartbeat now; false where that would tell nothing that is not known. */
  hurry(): boolean {
    const hurry = this.#standing?.keeper.hurry;
    hurry?.();
    return hurry !== undefined;
  }

  /** M1: ends the current tenure if its trust is over; `why` says who noticed. */
  distrust(why: string): void {
    if (this.#standing !== null) this.#end(this.#standing.tenure, why);
  }

  /** Stops renewing, and leaves if `leave` is true. The node must own nothing any more. */
  async close(leave: boolean): Promise<void> {
    this.#closed = true;
    this.#watch?.cancel();
    this.#rejoin?.cancel();
    const standing = this.#standing;
    this.#standing = null;
    if (standing === null) return;
    const { tenure, keeper } = standing;
    const fenced = tenure.over;
    tenure.over = true;
    await keeper.stop();
    if (!leave || fenced) return;
    await this.#world.store.leave(tenure.node);
    this.#world.bus.publish('nodes');
  }

  #watchTrust(): void {
    const standing = this.#standing;
    if (standing === null) return;
    const leftMs = this.trustedUntil(standing) - this.#world.clock.mono();
    if (leftMs <= 0) {
      this.#end(standing.tenure, 'the lease was not renewed in time');
      return;
    }
    this.#watch = this.#world.clock.after(leftMs, () => this.#watchTrust());
  }

  #end(tenure: Tenure, why: string): void {
    const standing = this.#standing;
    if (tenure.over || standing?.tenure !== tenure) return;
    tenure.over = true;
    this.#standing = null;
    this.#watch?.cancel();
    this.#counters.fenced += 1;
    const fields = { node: tenure.node, name: this.#settings.name };
    this.#world.log.log('warn', `this node stopped its work: ${why}`, fields);
    standing.keeper.stop().catch(() => {});
    this.#host.fenced(tenure);
    this.#comeBack(rejoinMsMin);
  }

  /** M2 */
  #comeBack(delayMs: number): void {
    if (this.#closed) return;
    this.#rejoin = this.#world.clock.after(delayMs, () => {
      this.join().catch((error: unknown) => {
        const code = error instanceof HoldfastError ? error.code : 'internal.defect';
        if (code === 'store.closed') return;
        const fields = { code, error: String(error) };
        this.#world.log.log('warn', 'this node cannot join again yet', fields);
        this.#comeBack(Math.min(delayMs * 2, rejoinMsMax));
      });
    });
  }
}
