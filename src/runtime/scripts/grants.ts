/**
 * Owns what a script may do beyond computing: functions of the host, called by name.
 *
 * G1 Arguments and results are JSON, counted in bytes; nothing else passes.
 * G2 A grant has its own bounds on calls and on time, beside those of the script.
 * G3 What goes wrong is an error in the script with the message of the host's error, and no more.
 */
import { checkKey, checkOptions, checkWhole, invalid } from '../../core/check.ts';
import { limits } from '../../core/limits.ts';
import type { Clock } from '../../ports/clock.ts';
import { nestsTooDeeply } from './script-value.ts';

/** What a grant knows of the call that it serves. */
export interface GrantContext {
  readonly tenant: string;
  /** Aborts when nobody waits for the grant any more. */
  readonly signal: AbortSignal;
}

/** A function of the host that a script may call. */
export interface Grant {
  /** Gets the arguments of the call, and gives what JSON holds. */
  readonly run: (args: readonly unknown[], ctx: GrantContext) => unknown;
  /**
   * JavaScript only: the call gives the value itself, and the script stands still meanwhile; else
   * it gives a promise. In Lua every grant gives the value.
   */
  readonly sync?: boolean;
  /** How often one call of the script may call it. Default: as the script's `grantCalls`. */
  readonly callsMax?: number;
  /** How long one call of it may take. Default 30,000. */
  readonly timeoutMs?: number;
}

/** Grants as a definition has them: a function stands for a grant without options. */
export type Grants = Readonly<Record<string, Grant | Grant['run']>>;

const timeoutMsDefault = 30_000;
const names = ['run', 'sync', 'callsMax', 'timeoutMs'];

/** The grants of a definition, checked; throws `request.invalid` and `key.invalid`. */
export function grantsOf(script: string, given: Grants = {}): ReadonlyMap<string, Grant> {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw invalid(`grants of '${script}'`, given, 'it must be an object of functions');
  }
  const entries = Object.entries(given);
  if (entries.length > limits.scriptGrantsMax) {
    const rule = `${entries.length} were given and ${limits.scriptGrantsMax} are allowed`;
    throw invalid(`grants of '${script}'`, given, rule);
  }
  return new Map(entries.map(([name, one]) => [checkName(name), checkGrant(script, name, one)]));
}

/** A name must be one word in both languages. */
function checkName(name: string): string {
  if (/^[A-Za-z_]\w*$/.test(name)) return checkKey('the name of a grant', name, limits.keyCharsMax);
  throw invalid('the name of a grant', name, 'it must be a word of letters, digits and _');
}

function checkGrant(script: string, name: string, given: Grant | Grant['run']): Grant {
  if (typeof given === 'function') return { run: given };
  const what = `grant ${name} of '${script}'`;
  checkOptions(what, given, names);
  const { run, sync, callsMax, timeoutMs } = given;
  if (typeof run !== 'function') throw invalid(`run of ${what}`, run, 'it must be a function');
  if (sync !== undefined && typeof sync !== 'boolean') {
    throw invalid(`sync of ${what}`, sync, 'it must be a boolean');
  }
  if (callsMax !== undefined) {
    checkWhole(`callsMax of ${what}`, callsMax, 0, limits.scriptGrantCallsMax);
  }
  if (timeoutMs !== undefined) {
    checkWhole(`timeoutMs of ${what}`, timeoutMs, 1, limits.scriptTimeMsMax);
  }
  return given;
}

/** The grants of one call of a script. */
export class GrantSession {
  readonly #grants: ReadonlyMap<string, Grant>;
  readonly #clock: Clock;
  readonly #tenant: string;
  readonly #over = new AbortController();
  readonly #calls = new Map<string, number>();

  constructor(grants: ReadonlyMap<string, Grant>, clock: Clock, tenant: string) {
    this.#grants = grants;
    this.#clock = clock;
    this.#tenant = tenant;
  }

  /** Nobody waits for grants any more. */
  end(): void {
    this.#over.abort(new Error('the call of the script is over'));
  }

  /** Calls one, with its arguments as a JSON array; gives JSON. */
  async call(name: string, text: string): Promise<string> {
    const grant = this.#grants.get(name);
    if (grant === undefined) throw new Error(`there is no grant '${name}'`);
    const { callsMax = limits.scriptGrantCallsMax, timeoutMs = timeoutMsDefault } = grant;
    const calls = (this.#calls.get(name) ?? 0) + 1;
    this.#calls.set(name, calls);
    if (calls > callsMax) throw new Error(`grant '${name}' may be called ${callsMax} times`);
    checkBytes(name, text, 'arguments');
    if (nestsTooDeeply(text)) {
      const { scriptValueDepthMax } = limits;
      throw new Error(`the arguments of grant '${name}' nest deeper than ${scriptValueDepthMax}`);
    }
    const args: unknown = JSON.parse(text);
    if (!Array.isArray(args)) throw new Error(`grant '${name}' was called without arguments`);
    const value = await this.#within(name, timeoutMs, (signal) =>
      grant.run(args, { tenant: this.#tenant, signal }),
    );
    const json = JSON.stringify(value) ?? 'null';
    checkBytes(name, json, 'result');
    return json;
  }

  async #within(
    name: string,
    timeoutMs: number,
    run: (signal: AbortSignal) => unknown,
  ): Promise<unknown> {
    const late = new AbortController();
    const timer = this.#clock.after(timeoutMs, () => {
      late.abort(new Error(`grant '${name}' took longer than ${timeoutMs} ms`));
    });
    const signal = AbortSignal.any([this.#over.signal, late.signal]);
    const stopped = Promise.withResolvers<never>();
    const onAbort = (): void => stopped.reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      return await Promise.race([run(signal), stopped.promise]);
    } finally {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
    }
  }
}

function checkBytes(name: string, text: string, what: string): void {
  const { scriptGrantBytesMax } = limits;
  const bytes = Buffer.byteLength(text);
  if (bytes <= scriptGrantBytesMax) return;
  const rule = `${bytes} bytes, and ${scriptGrantBytesMax} are allowed`;
  throw new Error(`the ${what} of grant '${name}' have ${rule}`);
}
