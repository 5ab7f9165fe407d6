/**
 * Owns which functions a runtime knows: those it was given, and by name those that nodes host.
 *
 * R1 A name stands for one definition in one runtime, or for several versions: the last that was
 *    given is the current one, with which runs are started, and older ones only execute runs that
 *    are pinned to them.
 * R2 A name without a definition is known while a node hosts it or did within the last day; its
 *    terms are those that the newest of these nodes told.
 */
import { invalid, nearest, shown } from '../core/check.ts';
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import { queueOf } from '../core/queue.ts';
import type { MonoMs } from '../core/time.ts';
import type { AnyFunction, FunctionParts } from '../define-function.ts';
import { partsOf } from '../define-function.ts';
import type { HostedCode, SignalCheck } from '../engine/hosted.ts';
import { checkBy } from '../engine/schema.ts';
import type { World } from '../engine/world.ts';
import type { NodeRow } from '../ports/store-nodes.ts';
import { partsOfTold, startTermsOf } from './start-terms.ts';

/** How long what nodes host is believed without looking again. */
const hostedKnownMs = 1_000;

/** A function that can be started. */
export interface Startable {
  readonly name: string;
  readonly parts: FunctionParts | null;
}

/** The functions of one runtime. */
export class Registry {
  /** Every definition, in the order given; the current one of each name. */
  readonly #all: readonly AnyFunction[];
  readonly #byName = new Map<string, AnyFunction>();
  #hosted: ReadonlyMap<string, FunctionParts | null> = new Map();
  #hostedAt: MonoMs | null = null;
  #looking: Promise<void> | null = null;

  /** Throws `function.duplicate`, and `request.invalid` for what is no definition. */
  constructor(functions: readonly AnyFunction[]) {
    if (functions.length > limits.functionsMax) {
      const rule = `${functions.length} were given and ${limits.functionsMax} are allowed`;
      throw invalid('functions', functions, rule);
    }
    const given = new Set<string>();
    for (const fn of functions) {
      if (partsOf(fn) === null) {
        throw invalid('a function', fn, 'give what defineFunction() returned');
      }
      const { name, version } = fn;
      const queue = queueOf(name, version);
      if (given.has(queue)) {
        const message =
          `two functions are called '${name}' in version '${version}'; ` +
          'a runtime hosts one definition of a version';
        throw new HoldfastError('function.duplicate', message, { details: { name, version } });
      }
      given.add(queue);
      this.#byName.set(name, fn);
    }
    this.#all = [...functions];
  }

  /** The definitions as the engine executes them. */
  hosted(): readonly HostedCode[] {
    return this.list().map(hostedCode);
  }

  /** The definitions, of each name the current one last. */
  list(): readonly AnyFunction[] {
    return this.#all;
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** Finds what is to be started without asking the store; null if only the store can tell. */
  find(fn: AnyFunction | string): Startable | null {
    if (typeof fn !== 'string') {
      const parts = partsOf(fn);
      if (parts !== null) return { name: fn.name, parts };
      throw invalid('the function', fn, 'give a definition or the name of a function');
    }
    const known = this.#byName.get(fn);
    if (known !== undefined) return { name: fn, parts: partsOf(known) };
    return null;
  }

  /**
   * The signals that a function takes, with their schemas where its definition is here; null:
   * nobody has said.
   */
  async signalsOf(world: World, name: string): Promise<FunctionParts['signals']> {
    const known = this.#byName.get(name);
    if (known !== undefined) return partsOf(known)?.signals ?? null;
    await this.look(world, name).catch((error: unknown) => {
      if (!(error instanceof HoldfastError) || error.code !== 'function.unknown') throw error;
    });
    return this.#hosted.get(name)?.signals ?? null;
  }

  /** R2. Throws `function.unknown` with the name that was probably meant. */
  async look(world: World, name: string): Promise<Startable> {
    const now = world.clock.mono();
    const fresh = this.#hostedAt !== null && now - this.#hostedAt < hostedKnownMs;
    if (!fresh || !this.#hosted.has(name)) await this.#readHosted(world);
    const parts = this.#hosted.get(name);
    if (parts !== undefined) return { name, parts };
    throw unknown(name, [...this.#byName.keys(), ...this.#hosted.keys()]);
  }

  /** Many callers in one moment are one look. */
  #readHosted(world: World): Promise<void> {
    this.#looking ??= world.store
      .nodes()
      .then((rows) => {
        this.#hosted = toldBy(rows);
        this.#hostedAt = world.clock.mono();
      })
      .finally(() => {
        this.#looking = null;
      });
    return this.#looking;
  }
}

/** What the newest node says of each function. */
function toldBy(rows: readonly NodeRow[]): ReadonlyMap<string, FunctionParts | null> {
  const told = new Map<string, FunctionParts | null>();
  for (const { functions } of rows.toSorted((a, b) => a.node - b.node)) {
    for (const { fn, start } of functions) {
      told.set(fn, start === undefined ? null : partsOfTold(fn, start));
    }
  }
  return told;
}

function unknown(name: string, known: readonly string[]): HoldfastError {
  const near = nearest(name, known);
  const hint =
    near === null
      ? 'no node has hosted it within the last day, and no definition was given'
      : `did you mean '${near}'?`;
  return new HoldfastError('function.unknown', `no function ${shown(name)} is known; ${hint}`, {
    details: { name, ...(near === null ? {} : { near }) },
  });
}

function hostedCode(fn: AnyFunction): HostedCode {
  const parts = partsOf(fn);
  if (parts === null) throw invalid('a function', fn, 'give what defineFunction() returned');
  const { digest, schema, signals, terms, run, batch } = parts;
  const checks = [...(signals ?? [])].map(([name, one]): [string, SignalCheck | null] => [
    name,
    one === null ? null : (data) => checkBy(one, data),
  ]);
  return {
    fn: fn.name,
    version: fn.version,
    digest,
    start: startTermsOf(parts),
    concurrency: terms.concurrency ?? null,
    signals: new Map(checks),
    read: schema === null ? null : (input) => checkBy(schema, input),
    run,
    ...(batch === null ? {} : { batch }),
  };
}
