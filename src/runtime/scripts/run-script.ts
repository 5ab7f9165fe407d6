/**
 * Owns the execution of a script without a store: its values as they come, and its result.
 *
 * R1 The channel of values gives what was emitted, in order, and is closed then: by the end of the
 *    script, or with its error. Values that nobody has read wait, within the script's own limits.
 * R2 Whoever stops reading, or aborts the signal, ends the script.
 */
import { checkKey, checkOptions, invalid } from '../../core/check.ts';
import { limits } from '../../core/limits.ts';
import type { FunctionDefinition } from '../../define-function.ts';
import { scriptHostOf } from '../../define-script.ts';

/** Options of `runScript`. */
export interface RunScriptOptions {
  /** For whom it runs: tenants never share a VM. Default `default`. */
  readonly tenant?: string;
  readonly signal?: AbortSignal;
}

/** A script under way. */
export interface RunningScript {
  /** What it emits, as it comes. Rejects with the script's error behind the last value. */
  readonly values: AsyncIterable<unknown>;
  /** What it returned, or else the last value, or else null. */
  readonly result: Promise<unknown>;
}

/**
 * Executes a script once, here and now, without a store. Throws `request.invalid` at once for what
 * is no script; the result rejects with `script.*` and `sandbox.*`.
 *
 * @example
 * const double = defineScript({ name: 'double', language: 'js', source: 'return input * 2' });
 * await runScript(double, 21).result; // => 42
 */
export function runScript<Input>(
  script: FunctionDefinition<string, Input, unknown>,
  input: Input,
  options: RunScriptOptions = {},
): RunningScript {
  checkOptions('runScript', options, ['tenant', 'signal']);
  const host = scriptHostOf(script);
  const tenant = checkKey('tenant', options.tenant ?? 'default', limits.keyCharsMax);
  const { signal } = options;
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw invalid('signal', signal, 'it must be an AbortSignal');
  }
  const left = new AbortController();
  const either = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]);
  const channel = new Channel(() => left.abort(new Error('nobody reads the values any more')));
  const result = host.run({
    ...{ input, tenant, signal: either },
    onValue: (value) => channel.push(value),
  });
  // Whoever reads only the values must not be told of an error twice.
  result.then(
    () => channel.close(),
    (error: unknown) => channel.fail(error),
  );
  return { values: channel, result };
}

/** R1 */
class Channel implements AsyncIterable<unknown> {
  readonly #onLeave: () => void;
  readonly #values: unknown[] = [];
  #end: { readonly error: unknown } | 'open' | 'closed' = 'open';
  #wake = Promise.withResolvers<void>();

  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  push(value: unknown): void {
    this.#values.push(value);
    this.#ring();
  }

  close(): void {
    this.#end = 'closed';
    this.#ring();
  }

  fail(error: unknown): void {
    this.#end = { error };
    this.#ring();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<unknown, void, void> {
    try {
      for (;;) {
        while (this.#values.length > 0) yield this.#values.shift();
        if (this.#end === 'closed') return;
        if (this.#end !== 'open') throw this.#end.error;
        await this.#wake.promise;
      }
    } finally {
      if (this.#end === 'open') this.#onLeave();
    }
  }

  #ring(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }
}
