/**
 * Owns the slots of one node: claims runs into them, executes them, and frees them.
 *
 * D1 At most one claim is under way. It asks for what fits into free slots, and for as many ahead
 *    as the slots will take up within milliseconds (`Pace`), so that short handlers never wait for
 *    a commit and long ones hoard nothing. What is ahead and does not move is handed back.
 * D2 A slot is free when its handler has settled; the commit of its end goes on behind it, and how
 *    many may be open is bounded.
 * D3 Nothing starts in the name of a tenure that is not trusted.
 * D4 Ends and the next claim leave in the same turn, ends first: one transaction for both.
 * D5 A function that brought less than it was asked for is not asked again until somebody wakes us.
 * D6 A claim that failed may have taken effect, or may do so later: what is ours by the store's
 *    word only is looked for before the next claim, and now and then.
 */

import { HoldfastError } from '../core/errors.ts';
import { attemptMsLeft } from '../core/execution/deadline.ts';
import { limits } from '../core/limits.ts';
import type { MonoMs, WallMs } from '../core/time.ts';
import type { Timer } from '../ports/clock.ts';
import type {
  ClaimedFunction,
  ClaimedRun,
  EndOfAttempt,
  SettledItem,
  StopOrder,
} from '../ports/store-runs.ts';
import { Attempt, type AttemptHost, type StopCause } from './attempt.ts';
import type { Counters } from './counters.ts';
import type { Recorder } from './durable/recorder.ts';
import type { Ending, Finaliser } from './finaliser.ts';
import type { HostedCode } from './hosted.ts';
import { askFor, codeFor, type Lot, openLots } from './lots.ts';
import type { Meters } from './meters.ts';
import type { Notes } from './notes.ts';
import { Pace } from './pace.ts';
import type { Parts } from './parts.ts';
import type { Tenure } from './tenure.ts';
import type { World } from './world.ts';

/** Ends without a verdict, for each slot, over which nothing more is claimed. */
const openEndsPerSlotMax = 16;
const openEndsMin = 1_000;
/** Characters of results that wait for their commit, over which nothing more is claimed. */
const openCharsMax = 64 * limits.resultBytesMax;
/** How long a run may wait here for a slot before it is handed back. */
const stallMs = 100;
const claimRetryMsMin = 20;
const claimRetryMsMax = 1_000;
/** A claim may take effect long after it failed here: so often it is asked what is ours. */
const lookForLostMs = 60_000;

/** Whoever the dispatcher works for. */
export interface DispatcherHost {
  tenure(): Tenure | null;
  trusts(tenure: Tenure): boolean;
  distrust(why: string): void;
  /** When time alone will change something next. */
  due(at: WallMs | null): void;
  /** Code that was given up has stopped. */
  lingered(tenure: Tenure, attempt: SettledItem): void;
  /** A claim has failed and may have been committed: finds what it brought. Rejects by faults. */
  findLost(tenure: Tenure): Promise<void>;
  /** The last attempt of a tenure that is over has stopped. */
  cleared(tenure: Tenure): void;
}

interface Waiting {
  readonly run: ClaimedRun;
  readonly code: HostedCode;
  readonly lot: Lot;
  readonly tenure: Tenure;
  readonly askedAt: MonoMs;
}

/** The slots of one node. */
export class Dispatcher implements AttemptHost {
  readonly world: World;
  readonly notes: Notes;
  readonly parts: Parts;
  readonly recorder: Recorder;
  readonly #counters: Counters;
  readonly #host: DispatcherHost;
  readonly #finaliser: Finaliser;
  readonly #slots: number;
  readonly #lots: ReadonlyMap<string, Lot>;
  readonly #attempts = new Map<number, Attempt>();
  readonly #lingering = new Set<Attempt>();
  /** Their ends wait for notes and parts: not executing any more, not with the finaliser yet. */
  readonly #ending = new Set<Attempt>();
  readonly #pace: Pace;
  #ahead: Waiting[] = [];
  #busy = 0;
  #claiming = false;
  #told = false;
  #claimedAt: MonoMs;
  #retry: { readonly timer: Timer; readonly now: () => void } | null = null;
  #retryMs = claimRetryMsMin;
  /** A claim has failed, and what it may have brought was not looked for yet. */
  #unsure = false;
  #lookedAt: MonoMs;
  #scheduled = false;
  #pumping = false;
  #stall: Timer | null = null;
  #begun = 0;
  #open = true;
  #empty: PromiseWithResolvers<void> | null = null;

  constructor(parts: {
    readonly world: World;
    readonly counters: Counters;
    readonly meters: Meters;
    readonly host: DispatcherHost;
    readonly finaliser: Finaliser;
    readonly notes: Notes;
    readonly outlets: Parts;
    readonly recorder: Recorder;
    readonly slots: number;
    readonly functions: readonly HostedCode[];
  }) {
    this.world = parts.world;
    this.notes = parts.notes;
    this.parts = parts.outlets;
    this.recorder = parts.recorder;
    this.#counters = parts.counters;
    this.#host = parts.host;
    this.#finaliser = parts.finaliser;
    this.#slots = parts.slots;
    this.#pace = new Pace(parts.slots);
    this.#claimedAt = parts.world.clock.mono();
    this.#lookedAt = this.#claimedAt;
    this.#lots = openLots(parts.functions, parts.meters);
  }

  /** Slots with a handler in them, and among these the ones whose code ignores its end. */
  get running(): number {
    return this.#busy;
  }

  get stuck(): number {
    return this.#lingering.size;
  }

  /** Runs that were claimed and have not got their end. */
  get holding(): number {
    return this.#attempts.size + this.#ahead.length;
  }

  /** Whether a claim may have brought runs that are not known here. */
  get unsure(): boolean {
    return this.#unsure;
  }

  /** When the store was last asked for runs. */
  get claimedAt(): MonoMs {
    return this.#claimedAt;
  }

  hosts(fn: string): boolean {
    return this.#lots.has(fn);
  }

  /** There may be runs: asks in this turn if there is room. `told`: somebody said so. */
  wake(told = false): void {
    this.#told ||= told;
    for (const lot of this.#lots.values()) lot.wanted = true;
    this.schedule();
  }

  /** Asks at the end of this turn, if something is wanted and fits. */
  schedule(): void {
    if (this.#scheduled || this.#claiming || !this.#open) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#claim();
    });
  }

  /** Passes on what others want stopped. Orders for runs that are not here are old news. */
  obey(orders: readonly StopOrder[]): void {
    for (const order of orders) {
      const attempt = this.#attempts.get(order.seq);
      if (attempt?.run.fence === order.fence) {
        attempt.stop(order.cause, order.reason);
        continue;
      }
      const waits = ({ run }: Waiting): boolean =>
        run.seq === order.seq && run.fence === order.fence;
      const found = this.#ahead.find(waits);
      if (found === undefined) continue;
      this.#ahead = this.#ahead.filter((waiting) => waiting !== found);
      found.lot.ahead -= 1;
      this.#finaliser.add({ ...found, end: { how: 'stopped', settled: true } });
    }
  }

  /** Somebody has ended a wait of a run that is executed somewhere. */
  heard(): void {
    for (const attempt of this.#attempts.values()) attempt.heard();
  }

  /** Whether an attempt (and its fence, if given) is known here: waiting, running or ending. */
  knows({ seq, attempt, fence }: SettledItem & { readonly fence?: number }): boolean {
    const same = ({ run }: Pick<Ending, 'run'>): boolean =>
      run.seq === seq && run.attempt === attempt && (fence === undefined || run.fence === fence);
    const current = this.#attempts.get(seq);
    if ((current !== undefined && same(current)) || this.#ahead.some(same)) return true;
    for (const lingering of this.#lingering) if (same(lingering)) return true;
    for (const ending of this.#ending) if (same(ending)) return true;
    return this.#finaliser.holds(same);
  }

  /** Stops everything of a tenure that is over; sends nothing. */
  fenced(tenure: Tenure): void {
    for (const { lot } of this.#ahead) lot.ahead -= 1;
    this.#ahead = [];
    this.#finaliser.drop(tenure);
    const message = 'this node lost its lease and stopped its work';
    for (const attempt of [...this.#attempts.values()]) attempt.stop('fenced', message);
    const why = new HoldfastError('node.fenced', message);
    for (const attempt of this.#ending) if (attempt.tenure === tenure) attempt.letGo(why);
    if (!this.#holdsAny(tenure)) this.#host.cleared(tenure);
  }

  /** Claims no more and hands back what has not begun. */
  close(): void {
    this.#open = false;
    this.#retry?.timer.cancel();
    this.#retry?.now();
    this.#handBackAhead();
  }

  /** Tells every running attempt to stop. */
  stopAll(cause: StopCause, message: string): void {
    for (const attempt of [...this.#attempts.values()]) attempt.stop(cause, message);
  }

  /** Resolves when no attempt runs that has not got its end. */
  async empty(): Promise<void> {
    if (this.#isEmpty()) return;
    this.#empty ??= Promise.withResolvers();
    await this.#empty.promise;
  }

  ending(attempt: Attempt): void {
    this.#ending.add(attempt);
  }

  ended(attempt: Attempt, end: EndOfAttempt): void {
    const { run, tenure } = attempt;
    this.#ending.delete(attempt);
    if (tenure.over) this.#counters.endsDropped += 1;
    else this.#finaliser.add({ run, end, tenure });
    this.#tellEmpty();
  }

  lingers(attempt: Attempt): void {
    this.#forget(attempt);
    this.#lingering.add(attempt);
    const { id, fn } = attempt.run;
    this.world.log.log('warn', `the code of '${fn}' ignores its signal and holds a slot`, {
      run: id,
    });
    this.#tellEmpty();
  }

  settled(attempt: Attempt, lingered: boolean): void {
    this.#busy -= 1;
    const now = this.world.clock.mono();
    const lot = this.#lots.get(attempt.run.fn);
    if (lot !== undefined) {
      lot.running -= 1;
      lot.attempts.observe(now - attempt.startedAt);
    }
    this.#forget(attempt);
    const { tenure } = attempt;
    if (this.#lingering.delete(attempt) && lingered && !tenure.over) {
      this.#host.lingered(tenure, attempt.run);
    }
    this.#pace.settled(now - attempt.startedAt, now);
    if (tenure.over && !this.#holdsAny(tenure)) this.#host.cleared(tenure);
    this.#tellEmpty();
    if (!this.#pumping) this.#pump();
  }

  #forget(attempt: Attempt): void {
    const { seq } = attempt.run;
    if (this.#attempts.get(seq) === attempt) this.#attempts.delete(seq);
  }

  #holdsAny(tenure: Tenure): boolean {
    for (const attempt of this.#attempts.values()) if (attempt.tenure === tenure) return true;
    for (const attempt of this.#lingering) if (attempt.tenure === tenure) return true;
    return false;
  }

  #isEmpty(): boolean {
    return this.#attempts.size === 0 && this.#ending.size === 0 && !this.#claiming;
  }

  #tellEmpty(): void {
    if (this.#empty === null || !this.#isEmpty()) return;
    this.#empty.resolve();
    this.#empty = null;
  }

  #claim(): void {
    const tenure = this.#host.tenure();
    if (tenure === null || !this.#open || this.#claiming || this.#retry !== null) return;
    if (!this.#host.trusts(tenure)) {
      this.#host.distrust('the lease ran out before a claim');
      return;
    }
    const runsMax = this.#room();
    if (runsMax <= 0) return;
    const lots: Lot[] = [];
    const functions: ClaimedFunction[] = [];
    for (const lot of this.#lots.values()) {
      const ask = lot.wanted ? askFor(lot, runsMax) : null;
      if (ask === null) continue;
      lot.wanted = false;
      lots.push(lot);
      functions.push(ask);
    }
    if (functions.length > 0) void this.#ask(tenure, lots, functions, runsMax);
  }

  /** How many runs to ask for now; 0 when it is better to wait. */
  #room(): number {
    const openEndsMax = Math.max(openEndsMin, this.#slots * openEndsPerSlotMax);
    if (this.#finaliser.pending >= openEndsMax) return 0;
    if (this.#finaliser.pendingChars >= openCharsMax) return 0;
    const aheadMax = this.#pace.ahead(this.world.clock.mono());
    const taken = this.#busy + this.#ahead.length;
    const room = Math.min(this.#slots + aheadMax - taken, limits.claimRunsMax);
    const idle = this.#slots - taken > 0;
    return idle || room >= aheadMax * this.#pace.missingMin ? room : 0;
  }

  async #ask(
    tenure: Tenure,
    lots: readonly Lot[],
    functions: readonly ClaimedFunction[],
    runsMax: number,
  ): Promise<void> {
    this.#claiming = true;
    try {
      const now = this.world.clock.mono();
      if (this.#unsure || now - this.#lookedAt >= lookForLostMs) {
        await this.#host.findLost(tenure);
        this.#lookedAt = now;
      }
      this.#unsure = false;
      this.#counters.claims += 1;
      this.#claimedAt = this.world.clock.mono();
      const told = this.#told;
      this.#told = false;
      const reply = await this.world.store.claim({ node: tenure.node, functions, runsMax, told });
      this.#retryMs = claimRetryMsMin;
      this.#claiming = false;
      if (reply.ok) {
        const tookMs = this.world.clock.mono() - this.#claimedAt;
        if (reply.runs.length > 0) this.#pace.claimed(tookMs);
        this.#take(tenure, lots, functions, reply.runs, runsMax);
        this.#host.due(reply.nextDueAt);
      } else if (!tenure.over) {
        for (const lot of lots) lot.wanted = true;
        if (this.#open) this.#host.distrust(reply.message);
      }
    } catch {
      this.#unsure = true;
      for (const lot of lots) lot.wanted = true;
      await this.#waitOut(tenure);
      this.#claiming = false;
    }
    this.#tellEmpty();
    this.#pump();
  }

  #take(
    tenure: Tenure,
    lots: readonly Lot[],
    functions: readonly ClaimedFunction[],
    runs: readonly ClaimedRun[],
    runsMax: number,
  ): void {
    this.#counters.claimed += runs.length;
    // A tenure that is over owns them in the store only; whoever recovers it takes them from there.
    if (tenure.over) return;
    const brought = new Map<Lot, number>();
    for (const run of runs) {
      const lot = this.#lots.get(run.fn);
      const code = lot && codeFor(lot, run);
      if (lot === undefined || code === undefined) {
        this.#finaliser.add({ run, tenure, end: { how: 'handed-back' } });
        continue;
      }
      lot.ahead += 1;
      this.#ahead.push({ run, code, lot, tenure, askedAt: this.#claimedAt });
      if (lots.length > 1) brought.set(lot, (brought.get(lot) ?? 0) + 1);
    }
    const full = runs.length >= runsMax;
    for (const [index, lot] of lots.entries()) {
      const count = lots.length > 1 ? (brought.get(lot) ?? 0) : runs.length;
      if (full || count >= (functions[index]?.runsMax ?? 0)) lot.wanted = true;
    }
    if (!this.#open) this.#handBackAhead();
  }

  /** Gives the store a moment after a fault. */
  async #waitOut(tenure: Tenure): Promise<void> {
    this.#counters.storeFaults += 1;
    if (!this.#open || tenure.over) return;
    const pause = Promise.withResolvers<void>();
    const timer = this.world.clock.after(this.#retryMs, pause.resolve);
    this.#retry = { timer, now: pause.resolve };
    this.#retryMs = Math.min(this.#retryMs * 2, claimRetryMsMax);
    await pause.promise;
    this.#retry = null;
  }

  /** Starts what waits, for as long as there are slots. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    while (this.#busy < this.#slots) {
      const [first] = this.#ahead;
      if (first === undefined) break;
      if (!this.#host.trusts(first.tenure)) {
        this.#host.distrust('the lease ran out before a start');
        break;
      }
      // Few wait here (see `Pace`), so that moving them up costs less than remembering where they
      // begin.
      this.#ahead.shift();
      this.#begin(first);
    }
    this.#pumping = false;
    if (this.#ahead.length > 0) this.#watchStall();
    this.schedule();
  }

  #begin({ run, code, lot, tenure, askedAt }: Waiting): void {
    lot.ahead -= 1;
    this.#begun += 1;
    const now = this.world.clock.mono();
    const timeoutMs = attemptMsLeft(run.policy, now - askedAt);
    if (timeoutMs === null) {
      lot.wanted = true;
      this.#finaliser.add({ run, tenure, end: { how: 'handed-back' } });
      return;
    }
    lot.running += 1;
    this.#busy += 1;
    if (run.attempt === 1) lot.lags.observe(this.world.clock.wall() - run.acceptedAt);
    const attempt = new Attempt(this, { run, code, tenure }, now, timeoutMs);
    this.#attempts.set(run.seq, attempt);
    attempt.begin();
  }

  /** D1: what was claimed ahead and finds no slot goes to somebody else. */
  #watchStall(): void {
    if (this.#stall !== null) return;
    const before = this.#begun;
    this.#stall = this.world.clock.after(stallMs, () => {
      this.#stall = null;
      if (this.#ahead.length === 0) return;
      if (this.#begun !== before) {
        this.#watchStall();
        return;
      }
      this.#pace.reset();
      this.#handBackAhead();
    });
  }

  #handBackAhead(): void {
    const ahead = this.#ahead;
    this.#ahead = [];
    for (const { run, lot, tenure } of ahead) {
      lot.ahead -= 1;
      lot.wanted = true;
      this.#finaliser.add({ run, tenure, end: { how: 'handed-back' } });
    }
  }
}
