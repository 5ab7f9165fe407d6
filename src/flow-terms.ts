/**
 * Owns the terms of flow control in a definition: what may be said, and that it is right.
 *
 * F1 Each refusal names the function, the term, the rule, and what to do instead.
 * F2 Terms that would contradict each other are refused together, when the definition is made.
 */
import { checkKey, checkOptions, checkWhole, checkWord, invalid } from './core/check.ts';
import { limits } from './core/limits.ts';
import type { OnConflict } from './ports/store-flow.ts';

/** The key of a term: the same for all inputs, or computed from the input. Default: one for all. */
export type FlowKey<Input> = string | ((input: Input) => string);

/** So many within so long. */
export interface FlowPace<Input> {
  /** Counted for each key by itself. */
  readonly key?: FlowKey<Input>;
  readonly max: number;
  readonly perMs: number;
  /** `together`: the runs of all tenants count as one. Default `each`. */
  readonly tenants?: 'each' | 'together';
}

/** What decides, beside lanes and tenants, whether and when a start becomes a run. */
export interface FlowTerms<Input> {
  /**
   * Starts of one key become one run, which takes the newest input and waits until there was none
   * for `quietMs`; no longer than `maxMs` from the first.
   */
  readonly debounce?: {
    readonly key?: FlowKey<Input>;
    readonly quietMs: number;
    readonly maxMs: number;
  };
  /** At most `max` runs become due within any `perMs`, in order. Nothing is refused. */
  readonly throttle?: FlowPace<Input>;
  /**
   * At most `max` starts within `perMs`; further ones are refused with `rate.limited`. `sliding`
   * (the default): within any `perMs`, exactly. `bucket`: `max` at once, and then as many as
   * become free in time.
   */
  readonly rateLimit?: FlowPace<Input> & { readonly algorithm?: 'sliding' | 'bucket' };
  /**
   * A start that meets a run of its key is that run, while that is `queued` (has not begun) or
   * `unfinished` (the default).
   */
  readonly unique?: { readonly key?: FlowKey<Input>; readonly while?: 'queued' | 'unfinished' };
  /**
   * What a start does about others in its lane. `queue` (the default): it waits behind them.
   * `drop`: it is refused with `lane.busy`. `cancel-running`: those that have begun are cancelled.
   * `replace-waiting`: those that have not begun are cancelled.
   */
  readonly onConflict?: OnConflict;
}

const termNames = ['debounce', 'throttle', 'rateLimit', 'unique', 'onConflict'];
const paceNames = ['key', 'max', 'perMs', 'tenants'];
const conflicts = ['queue', 'drop', 'cancel-running', 'replace-waiting'] as const;

/** Checks the terms of the function `name`. */
export function checkFlow(name: string, flow: FlowTerms<never>, hasLane: boolean): void {
  const of = (term: string): string => `flow.${term} of '${name}'`;
  checkOptions(`flow of '${name}'`, flow, termNames);
  const { debounce, throttle, rateLimit, unique, onConflict } = flow;
  if (debounce !== undefined) checkDebounce(of('debounce'), debounce);
  if (throttle !== undefined) {
    checkOptions(of('throttle'), throttle, paceNames);
    checkPace(of('throttle'), throttle, limits.flowTimesMax);
  }
  if (rateLimit !== undefined) {
    checkOptions(of('rateLimit'), rateLimit, [...paceNames, 'algorithm']);
    const { algorithm = 'sliding' } = rateLimit;
    checkWord(`${of('rateLimit')}: algorithm`, algorithm, ['sliding', 'bucket']);
    const max = algorithm === 'bucket' ? limits.flowBucketMax : limits.flowTimesMax;
    checkPace(of('rateLimit'), rateLimit, max);
  }
  if (unique !== undefined) {
    checkOptions(of('unique'), unique, ['key', 'while']);
    checkFlowKey(of('unique'), unique.key);
    if (unique.while !== undefined) {
      checkWord(`${of('unique')}: while`, unique.while, ['queued', 'unfinished']);
    }
  }
  if (onConflict !== undefined) checkWord(of('onConflict'), onConflict, conflicts);
  checkTogether(name, flow, hasLane);
}

function checkDebounce(what: string, debounce: NonNullable<FlowTerms<never>['debounce']>): void {
  checkOptions(what, debounce, ['key', 'quietMs', 'maxMs']);
  checkFlowKey(what, debounce.key);
  checkWhole(`${what}: quietMs`, debounce.quietMs, 1, limits.flowPeriodMsMax);
  checkWhole(`${what}: maxMs`, debounce.maxMs, 1, limits.flowPeriodMsMax);
  if (debounce.maxMs >= debounce.quietMs) return;
  throw invalid(`${what}: maxMs`, debounce.maxMs, 'it must be no shorter than quietMs');
}

function checkPace(what: string, pace: FlowPace<never>, max: number): void {
  checkFlowKey(what, pace.key);
  checkWhole(`${what}: max`, pace.max, 1, max);
  checkWhole(`${what}: perMs`, pace.perMs, 1, limits.flowPeriodMsMax);
  if (pace.tenants === undefined) return;
  checkWord(`${what}: tenants`, pace.tenants, ['each', 'together']);
}

function checkFlowKey(what: string, key: unknown): void {
  if (key === undefined || typeof key === 'function') return;
  checkKey(`${what}: key`, key, limits.keyCharsMax);
}

/** F2 */
function checkTogether(name: string, flow: FlowTerms<never>, hasLane: boolean): void {
  const { debounce, throttle, unique, onConflict = 'queue' } = flow;
  const refuse = (rule: string) => invalid(`flow of '${name}'`, flow, rule);
  if (debounce !== undefined && throttle !== undefined) {
    throw refuse('debounce and throttle both decide when a run is due; give one of them');
  }
  if (debounce !== undefined && unique !== undefined) {
    throw refuse('debounce makes starts one run already, and unique would lose input; give one');
  }
  if (onConflict === 'queue') return;
  if (!hasLane) throw refuse(`onConflict '${onConflict}' is about a lane; give the function one`);
  if (debounce !== undefined || throttle !== undefined) {
    throw refuse(
      `onConflict '${onConflict}' acts when a run is started, and debounce and throttle let it ` +
        'into its lane later; give one of them',
    );
  }
}
