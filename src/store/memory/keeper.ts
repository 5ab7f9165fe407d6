/**
 * Owns the heartbeats of nodes on a memory store, by the clock of whoever is kept alive.
 *
 * B1 A node beats when its own clock says so: one that is frozen does not beat.
 * B2 Joining is the first renewal. Until the first beat a node trusts the time at which it asked to
 *    join.
 * B3 A refused beat ends the keeping, once and for good; a failed one is tried again soon.
 */
import type { NodeKey } from '../../core/execution/run.ts';
import { type MonoMs, monoMs } from '../../core/time.ts';
import type { Clock, Timer } from '../../ports/clock.ts';
import type { Beat, JoinVerdict, KeepAlive, Keeper } from '../../ports/store-nodes.ts';

const retryMsMax = 500;

/** The keepers of one view of a store. */
export interface Keepers {
  /** Remembers when a join was asked for (B2). */
  joining(join: () => Promise<JoinVerdict>): Promise<JoinVerdict>;
  keepAlive(ask: KeepAlive): Keeper;
  stopAll(): Promise<void>;
}

/** Makes the keeping; `beat` renews a lease in the store. */
export function openKeepers(clock: Clock, beat: (node: NodeKey) => Promise<Beat | null>): Keepers {
  const joinedAt = new Map<NodeKey, MonoMs>();
  const keepers = new Set<Beating>();
  return {
    async joining(join) {
      const startedAt = clock.mono();
      const verdict = await join();
      if (verdict.ok) joinedAt.set(verdict.node, startedAt);
      return verdict;
    },
    keepAlive(ask) {
      const since = joinedAt.get(ask.node) ?? monoMs(0);
      const keeper = new Beating(clock, ask, since, beat);
      keepers.add(keeper);
      return {
        lastRenewalStarted: () => keeper.renewed,
        hurry: () => keeper.hurry(),
        stop() {
          keepers.delete(keeper);
          return keeper.stop();
        },
      };
    },
    async stopAll() {
      await Promise.all([...keepers].map((keeper) => keeper.stop()));
      keepers.clear();
    },
  };
}

class Beating {
  readonly #clock: Clock;
  readonly #ask: KeepAlive;
  readonly #beat: (node: NodeKey) => Promise<Beat | null>;
  #renewed: MonoMs;
  #timer: Timer | null = null;
  #underWay: Promise<void>;
  #over = false;

  constructor(
    clock: Clock,
    ask: KeepAlive,
    since: MonoMs,
    beat: (node: NodeKey) => Promise<Beat | null>,
  ) {
    this.#clock = clock;
    this.#ask = ask;
    this.#renewed = since;
    this.#beat = beat;
    this.#underWay = this.#once();
  }

  get renewed(): MonoMs {
    return this.#renewed;
  }

  hurry(): void {
    if (this.#over || this.#timer === null) return;
    this.#timer.cancel();
    this.#timer = null;
    this.#underWay = this.#once();
  }

  async stop(): Promise<void> {
    this.#over = true;
    this.#timer?.cancel();
    await this.#underWay;
  }

  async #once(): Promise<void> {
    const { node, everyMs } = this.#ask;
    const startedAt = this.#clock.mono();
    let answer: Beat | null;
    try {
      answer = await this.#beat(node);
    } catch {
      this.#again(Math.min(everyMs, retryMsMax));
      return;
    }
    if (this.#over) return;
    if (answer === null) {
      this.#over = true;
      this.#ask.onFenced();
      return;
    }
    this.#renewed = startedAt;
    this.#again(Math.max(0, everyMs - (this.#clock.mono() - startedAt)));
    this.#ask.onBeat(answer);
  }

  #again(delayMs: number): void {
    if (this.#over) return;
    this.#timer = this.#clock.after(delayMs, () => {
      this.#timer = null;
      this.#underWay = this.#once();
    });
  }
}
