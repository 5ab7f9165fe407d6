/**
 * Owns the main thread's side of heartbeats: who is kept alive, and since when it may be sure of
 * that.
 *
 * K1 Joining is the first renewal. Until the first beat a node trusts the time at which it asked to
 *    join.
 */
import type { NodeKey } from '../../core/execution/run.ts';
import { type MonoMs, monoMs } from '../../core/time.ts';
import type { Clock } from '../../ports/clock.ts';
import type { JoinVerdict, KeepAlive, Keeper } from '../../ports/store-nodes.ts';
import type { Channel } from './channel.ts';
import type { Word } from './messages.ts';

/** The keepers of one store. */
export interface Keepers {
  /** Names the writer's channel, once it is open. */
  use(writer: Channel): void;
  hear(word: Extract<Word, { word: 'beat' | 'fenced' }>): void;
  /** Remembers when a join was asked for (K1). */
  joining(join: () => Promise<JoinVerdict>): Promise<JoinVerdict>;
  keepAlive(ask: KeepAlive): Keeper;
}

/** Makes the keeping. */
export function openKeepers(clock: Clock): Keepers {
  const kept = new Map<number, KeepAlive>();
  const joinedAt = new Map<NodeKey, MonoMs>();
  let channel: Channel | undefined;
  let lastKeeper = 0;
  return {
    use(writer) {
      channel = writer;
    },
    hear(word) {
      const ask = kept.get(word.keeper);
      if (word.word === 'beat') {
        ask?.onBeat(word.beat);
        return;
      }
      kept.delete(word.keeper);
      ask?.onFenced();
    },
    async joining(join) {
      const startedAt = clock.mono();
      const verdict = await join();
      if (verdict.ok) joinedAt.set(verdict.node, startedAt);
      return verdict;
    },
    keepAlive(ask) {
      lastKeeper += 1;
      const keeper = lastKeeper;
      const renewed = new SharedArrayBuffer(8);
      const shared = new BigInt64Array(renewed);
      const since = joinedAt.get(ask.node) ?? 0;
      joinedAt.delete(ask.node);
      Atomics.store(shared, 0, BigInt(Math.floor(since * 1e6)));
      kept.set(keeper, ask);
      channel?.tell({ order: 'keep', keeper, node: ask.node, everyMs: ask.everyMs, renewed });
      return {
        lastRenewalStarted: () => monoMs(Number(Atomics.load(shared, 0)) / 1e6),
        async stop() {
          if (!kept.delete(keeper)) return;
          // A store that is closed, or whose thread has died, beats no more either.
          await channel?.ask((id) => ({ order: 'drop', id, keeper })).catch(() => {});
        },
      };
    },
  };
}
