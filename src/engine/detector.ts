/**
 * Owns the watch over other nodes, and the taking over of what dead ones owned.
 *
 * V1 Looking costs the store nothing: the rows come with the heartbeat, and anew when a node joined
 *    or left. Only processes of this host are looked up.
 * V2 Several nodes may act at once; the store takes each run from its owner once.
 * V3 Recovery goes in bounded steps, and goes on after a fault at the next look.
 * V4 Silence is judged by rows that were heard of lately: an observer that was frozen itself reads
 *    them anew before it takes anybody for dead.
 * V5 A lease is over at a known time: it is looked at then. Where the store's clock stands between
 *    two heartbeats one is asked for first, and the judgement is that of what it brings.
 */
import type { NodeKey } from '../core/execution/run.ts';
import { limits } from '../core/limits.ts';
import type { MonoMs } from '../core/time.ts';
import type { Timer } from '../ports/clock.ts';
import type { ProcessState } from '../ports/process-table.ts';
import type { DeathEvidence, SeenNode } from '../ports/store-nodes.ts';
import type { Counters } from './counters.ts';
import { deathOf } from './death.ts';
import { announce, type World } from './world.ts';

/** Between two looks at the process table. */
const lookMs = 500;
/** Between two heartbeats that are asked for. */
const hurryMs = 250;

/** What the detector asks about its own runtime. */
export interface DetectorHost {
  /** The key of the current tenure, which never judges itself. */
  self(): NodeKey | null;
  /** Whether this is a former tenure of this runtime with nothing running any more. */
  stoppedHere(node: NodeKey): boolean;
  /** Asks for a heartbeat now; false where the store's clock needs none to move. */
  hurry(): boolean;
}

/** Watches the other nodes of a store. */
export class Detector {
  readonly #world: World;
  readonly #counters: Counters;
  readonly #host: DetectorHost;
  #rows: readonly SeenNode[] = [];
  #seenAt: MonoMs;
  #timer: Timer | null = null;
  #reading = false;
  #readAgain = false;
  #open = true;
  /** Until the next lease that nobody renewed is over. */
  #soonestMs = Number.POSITIVE_INFINITY;
  readonly #recovering = new Map<NodeKey, Promise<void>>();

  constructor(world: World, counters: Counters, host: DetectorHost) {
    this.#world = world;
    this.#counters = counters;
    this.#host = host;
    this.#seenAt = world.clock.mono();
  }

  /** Reads the nodes and recovers from dead ones, then looks again and again until closed. */
  async start(): Promise<void> {
    await this.refresh();
    await Promise.all(this.#recovering.values());
    this.#arm();
  }

  /** The nodes as they were when they were last heard of. */
  get rows(): readonly SeenNode[] {
    return this.#rows;
  }

  see(rows: readonly SeenNode[]): void {
    this.#rows = rows;
    this.#seenAt = this.#world.clock.mono();
    this.look(true);
    if (this.#timer !== null) this.#arm();
  }

  /** Reads the nodes from the store: somebody joined, left or died. */
  async refresh(): Promise<void> {
    if (this.#reading) {
      this.#readAgain = true;
      return;
    }
    this.#reading = true;
    try {
      do {
        this.#readAgain = false;
        const rows = await this.#world.store.nodes();
        if (this.#open) this.see(rows);
      } while (this.#readAgain && this.#open);
    } catch {
      // The next heartbeat brings the nodes as well.
      this.#counters.storeFaults += 1;
    } finally {
      this.#reading = false;
    }
  }

  /** Judges every other node by what is known. `heard`: right now. */
  look(heard = false): void {
    if (!this.#open) return;
    const { clock, processes } = this.#world;
    const { hostId } = processes.self();
    const sinceMs = clock.mono() - this.#seenAt;
    let stale = false;
    let old = false;
    this.#soonestMs = Number.POSITIVE_INFINITY;
    for (const row of this.#rows) {
      if (row.node === this.#host.self() || this.#recovering.has(row.node)) continue;
      const ended = row.state === 'left' || row.state === 'dead';
      if (ended && row.running === 0) continue;
      const here = row.process.hostId === hostId && !ended;
      const process: ProcessState = here ? processes.look(row.process) : 'unknown';
      const silentMs = row.renewedAgoMs + sinceMs;
      const stoppedHere = this.#host.stoppedHere(row.node);
      const evidence = deathOf({ row, process, silentMs, stoppedHere });
      if (evidence === null) {
        if (silentMs <= row.ttlMs)
          this.#soonestMs = Math.min(this.#soonestMs, row.ttlMs - silentMs);
        continue;
      }
      if (evidence.kind === 'lease-over' && sinceMs > row.ttlMs) stale = true;
      else if (evidence.kind === 'lease-over' && !heard && this.#host.hurry()) old = true;
      else this.#recover(row, evidence);
    }
    if (stale) void this.refresh();
    if (old) this.#soonestMs = hurryMs;
  }

  async close(): Promise<void> {
    this.#open = false;
    this.#timer?.cancel();
    await Promise.all(this.#recovering.values());
  }

  #arm(): void {
    if (!this.#open) return;
    this.#timer?.cancel();
    // V5: right behind that time, not at it.
    const waitMs = Math.min(lookMs, Math.ceil(this.#soonestMs) + 1);
    this.#timer = this.#world.clock.after(waitMs, () => {
      this.look();
      this.#arm();
    });
  }

  #recover(row: SeenNode, evidence: DeathEvidence): void {
    const work = this.#takeAll(row, evidence).catch((error: unknown) => {
      this.#counters.storeFaults += 1;
      const fields = { node: row.name, error: String(error) };
      this.#world.log.log('warn', 'taking over from a dead node failed; trying again', fields);
    });
    const done = work.finally(() => this.#recovering.delete(row.node));
    this.#recovering.set(row.node, done);
  }

  async #takeAll(row: SeenNode, evidence: DeathEvidence): Promise<void> {
    const { store, bus, log } = this.#world;
    let taken = 0;
    for (;;) {
      const { reply, woken } = await store.recover(row.node, evidence, limits.sweepRowsMax);
      announce(this.#world, woken);
      if (!reply.ok) break;
      taken += reply.requeued + reply.quarantined + reply.ended;
      if (!reply.more || !this.#open) break;
    }
    this.#counters.takenOver += taken;
    if (taken > 0) {
      const fields = { node: row.name, kind: evidence.kind, runs: taken };
      log.log('warn', evidence.detail.message, fields);
    }
    if (row.state === 'live' || row.state === 'draining') bus.publish('nodes');
    // Until it is heard of again the row must not be judged again.
    this.#rows = this.#rows.filter((other) => other.node !== row.node);
  }
}
