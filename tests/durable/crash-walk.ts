/**
 * Owns one life of a run whose process dies at one point, on any store: the calls in which a node
 * takes a run, keeps steps and ends attempts are counted, and at one of them it is gone, before the
 * commit or behind it. Another node finds it dead, takes over and goes on.
 *
 * C1 A dead process does nothing any more: its calls are not made, its timers do not fire, what it
 *    waits for never comes.
 * C2 What was kept is noted before anybody can act upon the answer.
 */
import assert from 'node:assert/strict';
import { defineFunction, Holdfast, type RunContext, type RunStep } from 'holdfast';
import { memoryBus, memoryHub } from '../../src/bus/memory/memory-bus.ts';
import type { NodeKey } from '../../src/core/execution/run.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { silentLog } from '../../src/ports/log.ts';
import type { Store } from '../../src/ports/store.ts';
import type { JoinVerdict, Keeper } from '../../src/ports/store-nodes.ts';
import type { EndItem } from '../../src/ports/store-runs.ts';
import type { RecordItem } from '../../src/ports/store-steps.ts';
import { openRuntime } from '../../src/runtime.ts';
import { systemClock } from '../../src/system/clock.ts';
import { systemRandom } from '../../src/system/random.ts';
import { type StoreCall, wrapStore } from '../../src/testing/faulty-store.ts';
import { patienceMs, within } from '../process/wait.ts';
import { doom, type Hands, kidName, type Walk } from './walks.ts';

/** Where the process dies: at which call, before its commit or behind it. */
export interface Point {
  readonly at: number;
  readonly fail: 'before' | 'after';
}

/** What was seen of one life. */
export interface Life {
  /** Points that it came by. */
  readonly points: number;
  /** What the code of each attempt was given, as JSON. */
  readonly traces: readonly (readonly string[])[];
  readonly result: unknown;
  /** Keys of steps whose code was executed although their end was kept. */
  readonly again: readonly string[];
  /** What the store was told to keep of each step, as JSON, and has at the end. */
  readonly kept: ReadonlyMap<string, string>;
  readonly steps: readonly RunStep[];
  /** How many runs its code has started. */
  readonly children: number;
  /** How often the code of each step was executed. */
  readonly done: ReadonlyMap<string, number>;
}

const detail = { code: 'attempt.crashed', message: 'the process is gone' } as const;
const rowsMax = 100;
const never = <Value>(): Promise<Value> => new Promise(() => {});

let deeds = 0;
let pids = 1_000;

/** Lives one life of a walk on a store. */
export async function live(store: Store, walk: Walk, point: Point | null): Promise<Life> {
  const life = new LifeOf(store, walk, point);
  try {
    return await within(patienceMs, `'${walk.title}' ends`, life.live());
  } finally {
    await life.leave();
  }
}

/** What children do. */
const kid = defineFunction({
  ...{ name: kidName, crashesMax: 1_000, retry: false },
  run: (n: number) => n * 2,
});

/** A process of which timers die with it. */
class MortalClock implements Clock {
  readonly #real = systemClock();
  dead = false;
  wall = this.#real.wall;
  mono = this.#real.mono;
  after(ms: number, callback: () => void) {
    return this.#real.after(ms, () => this.#alive(callback));
  }
  turn(callback: () => void) {
    return this.#real.turn(() => this.#alive(callback));
  }
  #alive(callback: () => void): void {
    if (!this.dead) callback();
  }
}

/** One node. */
interface Mortal {
  readonly clock: MortalClock;
  node: NodeKey | null;
  keeper: Keeper | null;
  hf: Holdfast | null;
}

class LifeOf {
  readonly #store: Store;
  readonly #walk: Walk;
  readonly #point: Point | null;
  readonly #hub = memoryHub();
  readonly #traces: string[][] = [];
  readonly #again: string[] = [];
  readonly #kept = new Map<string, string>();
  readonly #done = new Map<string, number>();
  #points = 0;
  /** Nothing is counted before the run that is walked is there. */
  #run: string | null = null;
  #now: Mortal | null = null;
  #outside: Holdfast | null = null;
  #takingOver = Promise.resolve();
  #failed = Promise.withResolvers<never>();

  constructor(store: Store, walk: Walk, point: Point | null) {
    this.#store = store;
    this.#walk = walk;
    this.#point = point;
    this.#failed.promise.catch(() => {});
  }

  async live(): Promise<Life> {
    const fn = this.hosted(null);
    const options = { ...this.#common, functions: [fn, kid], execute: false };
    const outside = new Holdfast(await openRuntime(options, this.#world(null)));
    this.#outside = outside;
    const id = await this.#begin(outside, fn);
    await this.#act('accepted');
    this.#run = id;
    await this.#start();
    const result = await Promise.race([outside.runs.result(id), this.#failed.promise]);
    const { steps } = await outside.runs.steps(id);
    const children = (await outside.runs.children(id)).children.length;
    const { points, traces, again, kept, done } = {
      ...{ points: this.#points, traces: this.#traces, again: this.#again },
      ...{ kept: this.#kept, done: this.#done },
    };
    return { points, traces, again, kept, done, steps, children, result };
  }

  async leave(): Promise<void> {
    // It may go on behind the end of the run: nobody may be left who takes the next one.
    await this.#takingOver;
    if (this.#now?.clock.dead === false) await this.#now.hf?.close();
    await this.#outside?.close();
  }

  /** Starts the run that is walked; a fork's first run is done by then. */
  async #begin(outside: Holdfast, fn: ReturnType<LifeOf['hosted']>): Promise<string> {
    const { forkFrom } = this.#walk;
    const run = await outside.start(fn, null);
    this.#run = run.id;
    if (forkFrom === undefined) return run.id;
    this.#run = null;
    const calm = await this.#open();
    await run.result();
    await calm.hf?.close();
    this.#traces.length = 0;
    this.#done.clear();
    const fork = await outside.runs.fork(run.id, { from: forkFrom });
    for (const { key, value, state } of (await outside.runs.steps(fork.id)).steps) {
      if (state === 'returned') this.#kept.set(key, JSON.stringify(value));
    }
    this.#run = fork.id;
    return fork.id;
  }

  readonly #common = {
    ...{ store: 'memory:', pollMs: 50, drainGraceMs: 0, log: silentLog },
  } as const;

  #world(mortal: Mortal | null) {
    pids += 1;
    const pid = pids;
    const identity = { hostId: 'walk', hostName: 'walk', pid, startedAt: `start-${pid}` };
    return {
      clock: mortal?.clock ?? systemClock(),
      random: systemRandom(),
      store: mortal === null ? this.#store : this.#watched(mortal),
      bus: memoryBus({ hub: this.#hub }),
      // Who is dead is said by the walk itself.
      processes: { self: () => identity, look: () => 'alive' as const },
      log: silentLog,
    };
  }

  async #start(): Promise<void> {
    await this.#open().catch((error: unknown) => this.#failed.reject(error));
  }

  async #open(): Promise<Mortal> {
    const mortal: Mortal = { clock: new MortalClock(), node: null, keeper: null, hf: null };
    this.#now = mortal;
    const options = { ...this.#common, slots: 2, functions: [this.hosted(mortal), kid] };
    mortal.hf = new Holdfast(await openRuntime(options, this.#world(mortal)));
    return mortal;
  }

  #watched(mortal: Mortal): Store {
    const around = async <Reply>(call: StoreCall, make: () => Promise<Reply>): Promise<Reply> => {
      if (mortal.clock.dead) return never();
      const strikes = (nth: number, fail: Point['fail']): boolean =>
        nth > 0 && nth === this.#point?.at && fail === this.#point.fail;
      let nth = 0;
      if (call.verb === 'record' || call.verb === 'end') {
        nth = this.#count();
        if (strikes(nth, 'before')) return this.#die(mortal);
        if (call.verb === 'record') this.#note(call.args[0] as readonly RecordItem[]);
      }
      const reply = await make();
      if (mortal.clock.dead) return never();
      if (call.verb === 'join') mortal.node = nodeOf(reply as JoinVerdict);
      if (call.verb === 'claim' && handsOut(reply)) nth = this.#count();
      if (strikes(nth, 'after')) return this.#die(mortal);
      if (call.verb === 'end' && parks(call.args[0] as readonly EndItem[])) this.#tell('parked');
      return reply;
    };
    return {
      ...wrapStore(this.#store, around),
      keepAlive: (ask) => {
        mortal.keeper = this.#store.keepAlive(ask);
        return mortal.keeper;
      },
    };
  }

  /** The number of this point; 0: it is none of the run that is walked. */
  #count(): number {
    if (this.#run === null) return 0;
    this.#points += 1;
    return this.#points;
  }

  /** C2 */
  #note(items: readonly RecordItem[]): void {
    if (this.#run === null) return;
    for (const write of items.flatMap(({ writes }) => writes)) {
      if (write.does !== 'end' || this.#kept.has(write.key)) continue;
      this.#kept.set(write.key, write.end.value ?? 'null');
    }
  }

  /** C1; then somebody else takes over. */
  #die(mortal: Mortal): Promise<never> {
    mortal.clock.dead = true;
    this.#takingOver = this.#takeOver(mortal).catch((error: unknown) => {
      this.#failed.reject(error);
    });
    return never();
  }

  async #takeOver({ node, keeper }: Mortal): Promise<void> {
    await keeper?.stop();
    await this.#act('parked');
    await this.#act('orphaned');
    assert.ok(node !== null);
    const evidence = { kind: 'process-gone', detail } as const;
    for (let more = true; more; ) {
      const { reply } = await this.#store.recover(node, evidence, rowsMax);
      assert.ok(reply.ok);
      more = reply.more;
    }
    await this.#start();
  }

  #tell(moment: 'parked'): void {
    void this.#act(moment).catch((error: unknown) => this.#failed.reject(error));
  }

  async #act(moment: 'accepted' | 'parked' | 'orphaned'): Promise<void> {
    const [hf, id] = [this.#outside, this.#run];
    if (hf === null || id === null) return;
    if (moment === 'parked' && (await hf.runs.get(id))?.status !== 'parked') return;
    await this.#walk.outside?.(moment, hf, id);
  }

  /** The function as one process hosts it; null: to be started only. */
  hosted(mortal: Mortal | null) {
    return defineFunction({
      name: 'walk',
      crashesMax: 1_000,
      retry: false,
      signals: { tell: null, other: null },
      run: async (_input: unknown, ctx: RunContext) => {
        if (mortal === null) throw new Error('nothing is executed here');
        const trace: string[] = [];
        this.#traces.push(trace);
        return this.#walk.code(this.#hands(mortal, ctx, trace));
      },
    });
  }

  #hands(mortal: Mortal, ctx: RunContext, trace: string[]): Hands {
    return {
      ctx,
      see: (what) => {
        if (!mortal.clock.dead) trace.push(JSON.stringify(what));
      },
      step: (name, { ms = 0, fails = false } = {}) =>
        ctx.step(name, async ({ key }) => {
          if (mortal.clock.dead) return never();
          if (this.#kept.has(key)) this.#again.push(key);
          this.#done.set(key, (this.#done.get(key) ?? 0) + 1);
          deeds += 1;
          const deed = deeds;
          if (ms > 0) await new Promise<void>((passed) => mortal.clock.after(ms, passed));
          if (fails) throw doom(key);
          return `${key}, deed ${deed}`;
        }),
    };
  }
}

const nodeOf = (verdict: JoinVerdict): NodeKey | null => (verdict.ok ? verdict.node : null);

const handsOut = (reply: unknown): boolean => {
  const { ok, runs = [] } = reply as { readonly ok: boolean; readonly runs?: readonly unknown[] };
  return ok && runs.length > 0;
};

const parks = (items: readonly EndItem[]): boolean => items.some(({ end }) => end.how === 'parked');
