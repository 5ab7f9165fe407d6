/**
 * Owns what a script may use of the machine, and what it gets when nothing is said.
 *
 * L1 Every limit has a default and a highest value; none can be switched off.
 */
import { checkOptions, checkWhole } from '../../core/check.ts';
import { limits as bounds } from '../../core/limits.ts';

/** What one call of a script may use. */
export interface ScriptLimits {
  /** Bytes of memory of its VM, 8 MiB to 1 GiB. Default 64 MiB. */
  readonly memoryBytes: number;
  /** From its first instruction to its end, with what it waits for. Default 5,000, at most 1 h. */
  readonly timeMs: number;
  /** Values that it may emit. Default 1,000, at most 100,000. */
  readonly outputValues: number;
  /** Bytes of all that it emits and returns, as JSON. Default 1 MiB, at most 8 MiB. */
  readonly outputBytes: number;
  /** How often it may call grants. Default 1,000, at most 1,000,000. */
  readonly grantCalls: number;
}

const mebibyte = 1_048_576;

/** V8 does not work in less. */
const memoryBytesMin = 8 * mebibyte;

/** The defaults. */
const scriptLimitsDefault: ScriptLimits = {
  memoryBytes: 64 * mebibyte,
  timeMs: 5_000,
  outputValues: 1_000,
  outputBytes: mebibyte,
  grantCalls: 1_000,
};

const highest: ScriptLimits = {
  memoryBytes: bounds.scriptMemoryBytesMax,
  timeMs: bounds.scriptTimeMsMax,
  outputValues: bounds.scriptOutputValuesMax,
  outputBytes: bounds.scriptOutputBytesMax,
  grantCalls: bounds.scriptGrantCallsMax,
};

const names = Object.keys(scriptLimitsDefault) as readonly (keyof ScriptLimits)[];

/** The limits with all defaults; throws `request.invalid` for one that breaks its rule. */
export function scriptLimitsOf(name: string, given: Partial<ScriptLimits> = {}): ScriptLimits {
  checkOptions(`limits of '${name}'`, given, names);
  const entries = names.map((limit) => {
    const least = limit === 'memoryBytes' ? memoryBytesMin : limit === 'grantCalls' ? 0 : 1;
    const value = given[limit] ?? scriptLimitsDefault[limit];
    return [limit, checkWhole(`limits.${limit} of '${name}'`, value, least, highest[limit])];
  });
  return Object.fromEntries(entries) as ScriptLimits;
}
