/**
 * Owns calls as users of a runtime have them.
 *
 * U1 Nothing here touches the store: calls go on while it is away.
 * U2 A call rejects with a HoldfastError, or with what its handler threw.
 */
import { checkTimeout } from '../../core/call/terms.ts';
import { checkKey, checkNumber, checkOptions, invalid } from '../../core/check.ts';
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { OutcomeKind } from '../../core/outcome.ts';
import type { AnyFunction } from '../../define-function.ts';
import { partsOf } from '../../define-function.ts';
import type { CallHandle, CallSink } from '../../engine/calls/call-record.ts';
import type { CallTarget, PlaceWords } from '../../engine/calls/call-target.ts';
import { HandOff } from '../../engine/calls/hand-off.ts';
import type { Interceptor } from '../../engine/calls/interceptors.ts';
import { type CallAsk, Switchboard } from '../../engine/calls/switchboard.ts';
import type { FunctionTimes } from '../../engine/meters.ts';
import type { World } from '../../engine/world.ts';
import { callTarget } from './call-target.ts';
import {
  type CallLaneView,
  type CallStats,
  type CallView,
  callView,
  laneView,
} from './call-views.ts';
import type { CallsSettings } from './options.ts';

/** How a function is called. Each word overrules the definition. */
export interface CallWords extends PlaceWords {
  /** From the call to its answer, 1 ms to a day. */
  readonly timeoutMs?: number;
  /** One call at a time has an id, and none for a minute after it: `call.duplicate`. */
  readonly id?: string;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
  /** By which a name with prefixes finds its function. */
  readonly route?: string;
  /** Hears of what the handler tells by `ctx.progress`. */
  readonly onProgress?: (value: unknown) => void;
}

/** Which of the functions of a name. */
export interface ServeOptions {
  /** It answers to calls whose first word begins like this. Default: to all of the name. */
  readonly prefix?: string;
}

/** Hears of names that can be called from now on (with their function), or no more (null). */
export type NameListener = (name: string, target: CallTarget | null) => void;

const wordNames = [
  ...['lane', 'tenant', 'priority', 'timeoutMs', 'id', 'signal', 'route', 'onProgress'],
];
const touchMsDefault = 10_000;

/** Calls of one runtime. */
export class Calls {
  readonly #board: Switchboard;
  readonly #settings: CallsSettings;
  readonly #world: World;
  readonly #listeners = new Set<NameListener>();

  /** Made by the runtime. */
  constructor(world: World, settings: CallsSettings, times: FunctionTimes) {
    this.#world = world;
    this.#settings = settings;
    this.#board = new Switchboard(world, settings, times);
    for (const one of settings.interceptors) this.#board.interceptors.add(one);
  }

  /**
   * Lets a function be called from now on; calls that are under way go to the one that they were
   * let in for. Throws `function.conflict` for a prefix that overlaps with another one of the name.
   */
  serve(fn: AnyFunction, options: ServeOptions = {}): void {
    checkOptions('serve', options, ['prefix']);
    const { prefix } = options;
    if (prefix !== undefined) checkKey('prefix', prefix, limits.keyCharsMax);
    const { routes } = this.#board;
    const before = partsOf(fn) === null ? null : routes.at(fn.name, prefix ?? null);
    const { timeoutMs } = this.#settings;
    const target = callTarget(fn, { clock: this.#world.clock, timeoutMs, before });
    if (prefix === undefined) routes.set(fn.name, target);
    else this.#servePrefix(fn.name, prefix, target);
    for (const listener of this.#listeners) listener(fn.name, target);
  }

  /** Serves all of these. */
  serveAll(functions: readonly AnyFunction[]): void {
    for (const fn of functions) this.serve(fn);
  }

  /** Lets a function, or one of its prefixes, be called no more; false if it could not be. */
  withdraw(fn: AnyFunction | string, options: ServeOptions = {}): boolean {
    checkOptions('withdraw', options, ['prefix']);
    const name = nameOf(fn);
    const { prefix } = options;
    const { routes } = this.#board;
    const gone = prefix === undefined ? routes.remove(name) : routes.removePrefix(name, prefix);
    if (gone && !this.has(name)) for (const listener of this.#listeners) listener(name, null);
    return gone;
  }

  /** Whether a name can be called here. */
  has(name: string): boolean {
    const found = this.#board.routes.find(name, undefined);
    return found.ok || found.missing === 'route';
  }

  /** Names that can be called here, each with a function of it. */
  served(): readonly CallTarget[] {
    const { routes } = this.#board;
    return routes.names().flatMap(([name, [prefix]]) => {
      const found = routes.find(name, prefix);
      return found.ok ? [found.target] : [];
    });
  }

  /** Everything that was served and not withdrawn. */
  targets(): readonly CallTarget[] {
    return this.#board.routes.targets();
  }

  /** Hears of names that come and go, until what it returns is called. */
  onNames(listener: NameListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Puts something around every call from now on, until what it returns is called. */
  intercept(one: Interceptor): () => void {
    return this.#board.interceptors.add(one);
  }

  /** A place where handlers hand work to somebody else within a bound. */
  handOff<Item>(room: number): HandOff<Item> {
    return new HandOff<Item>(this.#world.clock, room);
  }

  /** As `hf.call`. */
  call(fn: AnyFunction | string, input: unknown, words?: CallWords): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (words === undefined) this.#send({ name: nameOf(fn), input }, resolve, reject);
      else this.#ask(nameOf(fn), input, words, resolve, reject);
    });
  }

  /**
   * For protocols: lets a call in, or says why not. The sink gets its one answer, as early as here.
   */
  submit(ask: CallAsk, sink: CallSink): CallHandle | HoldfastError {
    return this.#board.submit(ask, sink);
  }

  /** Asks the call of an id to stop; false: none is under way, or it may not be stopped now. */
  cancel(id: string, reason?: string): boolean {
    return this.#board.cancelId(id, reason);
  }

  /** Leaves the call of an id `ms` more from now at the least; false: none is under way. */
  touch(id: string, ms = touchMsDefault): boolean {
    checkNumber('ms', ms, 0, limits.callTimeoutMsMax);
    const call = this.#board.find(id);
    call?.touch(ms);
    return call !== null;
  }

  /** Live calls, the oldest first: at most 1,000. */
  list(): readonly CallView[] {
    const now = this.#world.clock.mono();
    return this.#board.list(limits.callListMax).map((call) => callView(call, now));
  }

  /** Lanes that somebody holds or waits for, those with most who wait first: at most 1,000. */
  lanes(): readonly CallLaneView[] {
    return [...this.#board.lanes()]
      .filter((lane) => !lane.idle)
      .sort((a, b) => b.waiting - a.waiting)
      .slice(0, limits.callListMax)
      .map(laneView);
  }

  /** What happened so far, and what there is right now. */
  stats(): CallStats {
    const { slots, queueMax } = this.#settings;
    return { ...this.#board.counters, ...this.#board.gauges(), slots, queueMax };
  }

  /** Lets nobody in any more; resolves when all have their answers, `graceMs` at the latest. */
  drain(graceMs: number): Promise<void> {
    return this.#board.drain(graceMs);
  }

  #servePrefix(name: string, prefix: string, target: CallTarget): void {
    const { routes } = this.#board;
    const known = routes.names().find(([one]) => one === name)?.[1] ?? [];
    if (known.length >= limits.callPrefixesMax && !known.includes(prefix)) {
      throw invalid('prefix', prefix, `'${name}' has ${known.length}, as many as allowed`);
    }
    if (routes.setPrefix(name, prefix, target)) return;
    const message = `the prefix '${prefix}' overlaps with another one of '${name}'`;
    throw new HoldfastError('function.conflict', message, { details: { name, prefix } });
  }

  #ask(
    name: string,
    input: unknown,
    words: CallWords,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ): void {
    checkOptions('call', words, wordNames);
    const { id, timeoutMs, signal, onProgress, ...rest } = words;
    if (id !== undefined) checkKey('id', id, limits.idCharsMax);
    checkTimeout('timeoutMs', timeoutMs);
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const more = {
      ...(id === undefined ? {} : { id }),
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    };
    const cancel = (): void =>
      void (handle instanceof HoldfastError || handle?.cancel(signal?.reason));
    let handle: CallHandle | HoldfastError | null = null;
    const sink: CallSink = {
      answered(kind, value) {
        signal?.removeEventListener('abort', cancel);
        settle(kind, value, resolve, reject);
      },
      ...(onProgress === undefined ? {} : { progressed: onProgress }),
    };
    signal?.addEventListener('abort', cancel, { once: true });
    handle = this.#board.submit({ name, input, ...rest, ...more }, sink);
    if (handle instanceof HoldfastError) {
      signal?.removeEventListener('abort', cancel);
      reject(handle);
    } else if (signal?.aborted) {
      // By the code itself, while nobody could yet say which call is meant.
      cancel();
    }
  }

  /** The short way, for calls of which nothing more is said. */
  #send(ask: CallAsk, resolve: (value: unknown) => void, reject: (error: unknown) => void): void {
    const refused = this.#board.submit(ask, {
      answered: (kind, value) => settle(kind, value, resolve, reject),
    });
    if (refused instanceof HoldfastError) reject(refused);
  }
}

function settle(
  kind: OutcomeKind,
  value: unknown,
  resolve: (value: unknown) => void,
  reject: (error: unknown) => void,
): void {
  if (kind === 'succeeded') resolve(value);
  else reject(value);
}

function nameOf(fn: AnyFunction | string): string {
  if (typeof fn === 'string') return fn;
  if (partsOf(fn) !== null) return fn.name;
  throw invalid('the function', fn, 'give a definition or the name of a function');
}
