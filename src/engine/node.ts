/**
 * Owns one node: the parts that execute runs, and who tells whom.
 *
 * O1 Idle, it asks the store at most once a second in all: heartbeat, poll and sweep together. A
 *    poll is left out when something else has just asked.
 * O2 Wake-ups only ever make it look earlier; everything it does, the poll and the heartbeat bring
 *    about as well.
 */
import type { NodeKey } from '../core/execution/run.ts';
import { limits } from '../core/limits.ts';
import type { Outcome, OutcomeKind } from '../core/outcome.ts';
import type { Unsubscribe } from '../ports/bus.ts';
import type { Timer } from '../ports/clock.ts';
import type { Beat, SeenNode } from '../ports/store-nodes.ts';
import type { Retention } from '../ports/store-reads.ts';
import type { SettledItem, StartItem } from '../ports/store-runs.ts';
import { executable } from './batches.ts';
import type { Counters } from './counters.ts';
import { Detector } from './detector.ts';
import { Dispatcher, type DispatcherHost } from './dispatcher.ts';
import type { ChildMaker, ChildStarts } from './durable/child-starts.ts';
import { Recorder } from './durable/recorder.ts';
import { type Ending, Finaliser, type FinaliserHost } from './finaliser.ts';
import type { HostedCode } from './hosted.ts';
import { Membership, type MembershipHost } from './membership.ts';
import type { Meters } from './meters.ts';
import { Notes } from './notes.ts';
import { Parts } from './parts.ts';
import { Sweeper } from './sweeper.ts';
import type { Tenure } from './tenure.ts';
import type { Waits } from './waits.ts';
import { announce, type World } from './world.ts';

/** Every so many polls the store is swept, for what no timer knew of. */
const sweepEveryPolls = 4;
/** That lingering code has settled is told again after a fault. */
const settledRetryMs = 500;

/** How one node works. */
export interface NodeSettings {
  readonly name: string;
  readonly slots: number;
  readonly ttlMs: number;
  readonly heartbeatMs: number;
  readonly pollMs: number;
  readonly pruneEveryMs: number;
  readonly retention: Retention;
  readonly functions: readonly HostedCode[];
  /** Makes the children that its runs start. */
  readonly child: ChildMaker;
}

/** What a node shares with its runtime. */
export interface NodeShared {
  readonly counters: Counters;
  readonly meters: Meters;
  readonly waits: Waits;
  /** Starts runs. */
  readonly send: ChildStarts['send'];
}

const counterOf: Record<OutcomeKind, keyof Counters> = {
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'cancelled',
  'timed-out': 'timedOut',
  rejected: 'failed',
  lost: 'lost',
};

/** One node at work. */
export class Node implements DispatcherHost, FinaliserHost, MembershipHost {
  readonly #world: World;
  readonly #settings: NodeSettings;
  readonly #counters: Counters;
  readonly #waits: Waits;
  readonly #membership: Membership;
  readonly #finaliser: Finaliser;
  readonly #dispatcher: Dispatcher;
  readonly #detector: Detector;
  readonly #sweeper: Sweeper;
  readonly #cleared = new Set<NodeKey>();
  #subscriptions: Unsubscribe[] = [];
  #poll: Timer | null = null;
  #polls = 0;
  #readingStops = false;
  #readStopsAgain = false;
  #draining: Promise<void> | null = null;

  constructor(world: World, settings: NodeSettings, shared: NodeShared) {
    const { counters, meters, waits, send } = shared;
    this.#world = world;
    this.#settings = settings;
    this.#counters = counters;
    this.#waits = waits;
    const { slots, functions, retention, pruneEveryMs } = settings;
    const hosted = functions.map(({ fn, version, digest, start }) => ({
      ...{ fn, version, digest },
      ...(start === undefined ? {} : { start }),
    }));
    this.#membership = new Membership(world, { ...settings, functions: hosted }, counters, this);
    this.#finaliser = new Finaliser(world, counters, this);
    const notes = new Notes(world, counters);
    const starts = { make: settings.child, send };
    const recorder = new Recorder(world, counters, starts);
    const outlets = new Parts(world, counters);
    const parts = { world, counters, host: this, finaliser: this.#finaliser };
    const ways = { notes, outlets, recorder };
    const codes = functions.map((code) => executable(code, world.clock));
    this.#dispatcher = new Dispatcher({ ...parts, ...ways, meters, slots, functions: codes });
    this.#detector = new Detector(world, counters, {
      self: () => this.#membership.tenure?.node ?? null,
      stoppedHere: (node) => this.#cleared.has(node),
      hurry: () => this.#membership.hurry(),
    });
    this.#sweeper = new Sweeper(world, counters, retention, pruneEveryMs);
  }

  /** Joins and goes to work. Rejects with `function.conflict` or a fault of the store. */
  async start(): Promise<void> {
    // Dead nodes first: the definitions that they hosted are no conflict any more.
    await this.#detector.start();
    await this.#membership.join();
    const { bus } = this.#world;
    this.#subscriptions = [
      bus.subscribe('ready', () => this.#woken(() => this.#dispatcher.wake(true))),
      bus.subscribe('stop', () => this.#woken(() => this.#stopped())),
      bus.subscribe('nodes', () => this.#woken(() => void this.#detector.refresh())),
    ];
    this.#sweeper.start();
    this.#sweeper.sweep();
    this.#armPoll();
  }

  get key(): NodeKey | null {
    return this.#membership.tenure?.node ?? null;
  }

  get running(): number {
    return this.#dispatcher.running;
  }

  get stuck(): number {
    return this.#dispatcher.stuck;
  }

  /** Whether it was told to drain: it claims no more. */
  get draining(): boolean {
    return this.#draining !== null;
  }

  /** The nodes as they were last heard of. */
  get rows(): readonly SeenNode[] {
    return this.#detector.rows;
  }

  hosts(fn: string): boolean {
    return this.#dispatcher.hosts(fn);
  }

  /** Starts of this runtime are on their way to the store: what comes next may be for us. */
  sent(items: readonly StartItem[]): void {
    let mine = false;
    for (const { fn, dueAt, deadlineAt } of items) {
      this.#sweeper.due(dueAt);
      this.#sweeper.due(deadlineAt);
      mine ||= dueAt === null && this.#dispatcher.hosts(fn);
    }
    if (mine) this.#dispatcher.wake(true);
  }

  /**
   * Claims no more, gives what runs `graceMs` to end, then signals it and hands back what is left.
   * Code that ignores the signal past its own grace goes on until the process ends, in nobody's
   * name.
   */
  drain(graceMs: number): Promise<void> {
    this.#draining ??= this.#drain(graceMs);
    return this.#draining;
  }

  /** Drains without waiting if that has not been done, and leaves. Never rejects. */
  async close(): Promise<void> {
    await this.drain(0);
    for (const unsubscribe of this.#subscriptions) unsubscribe();
    this.#poll?.cancel();
    await Promise.all([this.#sweeper.close(), this.#detector.close()]);
    await this.#membership.close(this.#finaliser.pending === 0).catch((error: unknown) => {
      this.#world.log.log('warn', 'the node could not leave', { error: String(error) });
    });
  }

  // What the parts ask and tell.

  tenure(): Tenure | null {
    return this.#membership.tenure;
  }

  trusts(tenure: Tenure): boolean {
    return this.#membership.trusts(tenure);
  }

  distrust(why: string): void {
    this.#membership.distrust(why);
  }

  due(at: Parameters<Sweeper['due']>[0]): void {
    this.#sweeper.due(at);
  }

  progressed(): void {
    this.#dispatcher.schedule();
  }

  committed(ending: Ending, outcome: Outcome | null, repeated: boolean): void {
    const { run, end } = ending;
    this.#codeOf(ending, false);
    if (end.how === 'handed-back') {
      if (!repeated) this.#counters.handedBack += 1;
      return;
    }
    if (outcome === null) {
      this.#counters[end.how === 'parked' || end.how === 'diverged' ? end.how : 'retried'] += 1;
      // The next claim says when the retry is due.
      this.#dispatcher.wake();
      return;
    }
    this.#counters[counterOf[outcome.kind]] += 1;
    const { id } = run;
    if (id === null || repeated || !this.#waits.has(id)) return;
    if (outcome.kind !== 'succeeded') this.#waits.ended({ id, outcome, result: null });
    else if (end.how === 'succeeded') this.#waits.ended({ id, outcome, result: end.result });
  }

  refused(ending: Ending): void {
    this.#codeOf(ending, true);
  }

  joined(): void {
    this.#dispatcher.wake();
  }

  beat(_tenure: Tenure, beat: Beat): void {
    this.#dispatcher.obey(beat.stops);
    this.#dispatcher.heard();
    this.#detector.see(beat.nodes);
  }

  fenced(tenure: Tenure): void {
    this.#dispatcher.fenced(tenure);
  }

  cleared(tenure: Tenure): void {
    this.#cleared.add(tenure.node);
    this.#detector.look();
  }

  lingered(tenure: Tenure, { seq, attempt }: SettledItem): void {
    const again = (): void => {
      // Its code goes on, or its end has no verdict yet: whoever hears of that comes back.
      if (!this.trusts(tenure) || this.#dispatcher.knows({ seq, attempt })) return;
      this.#world.store.settled(tenure.node, [{ seq, attempt }]).then(
        ({ woken }) => announce(this.#world, woken),
        () => {
          this.#counters.storeFaults += 1;
          this.#world.clock.after(settledRetryMs, again);
        },
      );
    };
    again();
  }

  /** Looks for what a claim had brought whose answer was lost, and hands it back. */
  async findLost(tenure: Tenure): Promise<void> {
    const owned = await this.#world.store.owned(tenure.node, limits.batchItemsMax);
    for (const { lingers, ...run } of owned) {
      if (lingers) {
        this.lingered(tenure, run);
        continue;
      }
      if (tenure.over || this.#dispatcher.knows(run)) continue;
      this.#finaliser.add({ run: { ...run, id: null }, tenure, end: { how: 'handed-back' } });
    }
  }

  /**
   * An end has its verdict. If the run was left its places because its code went on, or because
   * others ended it in our place, and the code has stopped by now, then nobody else will say so.
   */
  #codeOf({ run, end, tenure }: Ending, refused: boolean): void {
    const left = refused || ('settled' in end && !end.settled);
    if (left) this.lingered(tenure, run);
  }

  /** Orders to stop, or ends of waits. */
  #stopped(): void {
    this.#dispatcher.heard();
    void this.#readStops();
  }

  #woken(act: () => void): void {
    this.#counters.wakeUps += 1;
    act();
  }

  #armPoll(): void {
    this.#poll = this.#world.clock.after(this.#settings.pollMs, () => {
      this.#armPoll();
      this.#polls += 1;
      this.#counters.polls += 1;
      const { clock } = this.#world;
      // With all slots taken nothing is claimed, and so only a sweep tells what is due next.
      const full = this.#dispatcher.running >= this.#settings.slots;
      if (full || this.#polls % sweepEveryPolls === 0) this.#sweeper.sweep();
      else if (clock.mono() - this.#dispatcher.claimedAt < this.#settings.pollMs / 2) return;
      this.#dispatcher.wake();
    });
  }

  async #readStops(): Promise<void> {
    const tenure = this.tenure();
    if (tenure === null || this.#dispatcher.holding === 0) return;
    if (this.#readingStops) {
      this.#readStopsAgain = true;
      return;
    }
    this.#readingStops = true;
    try {
      do {
        this.#readStopsAgain = false;
        const orders = await this.#world.store.stops(tenure.node);
        if (!tenure.over) this.#dispatcher.obey(orders);
      } while (this.#readStopsAgain && !tenure.over);
    } catch {
      // The next heartbeat brings the orders as well.
      this.#counters.storeFaults += 1;
    } finally {
      this.#readingStops = false;
    }
  }

  async #drain(graceMs: number): Promise<void> {
    const { clock, store, log } = this.#world;
    const tenure = this.tenure();
    this.#dispatcher.close();
    if (tenure !== null) {
      await store.drain(tenure.node).catch((error: unknown) => {
        log.log('warn', 'draining could not be told', { error: String(error) });
      });
    }
    const signal = clock.after(graceMs, () => {
      this.#dispatcher.stopAll('drain', 'this node drains: end soon, or be tried elsewhere');
    });
    await this.#dispatcher.empty();
    signal.cancel();
    if (tenure !== null && !tenure.over && this.#dispatcher.unsure) {
      // Whoever recovers this node once it has left finds them as well, but would count a crash.
      await this.findLost(tenure).catch(() => {});
    }
    const patience = Promise.withResolvers<void>();
    const timer = clock.after(this.#settings.ttlMs, () => patience.resolve());
    await Promise.race([this.#finaliser.idle(), patience.promise]);
    timer.cancel();
  }
}
