/**
 * Owns the making of a run from what a caller gave: checks at the edge, defaults from the
 * definition.
 *
 * I1 Nothing reaches the store that breaks a rule; each refusal names the value and the rule.
 * I2 What is stored is the input as it was given; the schema's output is for lanes, tenants and
 *    handlers.
 */
import {
  checkKey,
  checkNumber,
  checkOptions,
  checkTags,
  checkWhole,
  invalid,
  shown,
} from '../core/check.ts';
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import { type WallMs, wallMs, wallPlus } from '../core/time.ts';
import { traceParts, traceText } from '../core/traceparent.ts';
import { type LaneChoice, policyDefault } from '../define-function.ts';
import type { Checked } from '../engine/hosted.ts';
import { checkBy } from '../engine/schema.ts';
import type { World } from '../engine/world.ts';
import type { StartItem } from '../ports/store-runs.ts';
import type { CallerTransaction } from '../store/postgres/caller-transaction.ts';
import { startFlow } from './flow-item.ts';
import type { Startable } from './registry.ts';

/** What a caller may say about one run; each overrules the definition. */
export interface StartOptions {
  /** Makes starting idempotent: the same id with the same function and input is the same run. */
  readonly id?: string;
  readonly tenant?: string;
  /** Head start in seconds, -3,600 to 3,600. */
  readonly priority?: number;
  /** The key that serialises; with a width; or null for no lane. */
  readonly lane?: LaneChoice;
  /** Not before so many ms from now. Not together with `dueAt`. */
  readonly delayMs?: number;
  /** Not before this time (Date, or ms since the epoch). */
  readonly dueAt?: Date | number;
  readonly tags?: readonly string[];
  /** It must be done within so many ms from now, or ends as `timed-out`. */
  readonly deadlineMs?: number;
  /**
   * A transaction that you have open in the database of the store: a client of `pg`, what
   * `sql.begin` of `postgres` hands out, or any `{ query(text, values): Promise<{ rows }> }`. The
   * run is put into it and accepted when it commits; `hf.wake()` behind the commit lets it begin at
   * once. An id that another run has is found out after the commit; the start is dropped then.
   */
  readonly tx?: CallerTransaction;
  /**
   * The trace that the run belongs to, as the header `traceparent` of W3C. Default: what is active
   * in OpenTelemetry.
   */
  readonly traceparent?: string;
  /**
   * The key of the function's terms of flow control, for all of them, in place of what they are or
   * compute. Needed by name where they compute it.
   */
  readonly flowKey?: string;
}

const names = [
  ...['id', 'tenant', 'priority', 'lane', 'delayMs', 'dueAt', 'tags', 'deadlineMs', 'tx'],
  ...['traceparent', 'flowKey'],
];
const laneNames = ['key', 'width'];
const tenantDefault = 'default';

/** Makes the item, at once unless the schema answers later. */
export function startItem(
  world: World,
  inputBytesMax: number,
  fn: Startable,
  input: unknown,
  options: StartOptions,
): StartItem | Promise<StartItem> {
  checkOptions('start', options, names);
  const text = world.payloads.text(input, inputBytesMax, `the input of '${fn.name}'`);
  const schema = fn.parts?.schema ?? null;
  if (schema === null) return itemOf(world, fn, text, input, options);
  const finish = (checked: Checked): StartItem =>
    itemOf(world, fn, text, outputOf(fn.name, checked), options);
  const broken = (cause: unknown): never => {
    const message = `the schema of '${fn.name}' failed by itself: ${wordsOf(cause)}`;
    throw new HoldfastError('input.invalid', message, { cause });
  };
  let checked: Checked | Promise<Checked>;
  try {
    checked = checkBy(schema, input);
  } catch (cause) {
    return broken(cause);
  }
  return checked instanceof Promise ? checked.catch(broken).then(finish) : finish(checked);
}

const wordsOf = (cause: unknown): string => (cause instanceof Error ? cause.message : shown(cause));

function outputOf(name: string, checked: Checked): unknown {
  if (checked.ok) return checked.value;
  const message = `the input of '${name}' does not fit its schema: ${checked.issues.join('; ')}`;
  throw new HoldfastError('input.invalid', message, { details: { issues: checked.issues } });
}

function itemOf(
  world: World,
  { name, parts }: Startable,
  input: string,
  output: unknown,
  options: StartOptions,
): StartItem {
  const now = world.clock.wall();
  const { id } = options;
  const { lane, laneWidth } = laneOf(name, parts, output, options);
  const flow = startFlow({
    ...{ name, flow: parts?.terms.flow, flowKey: options.flowKey },
    timed: options.delayMs !== undefined || options.dueAt !== undefined,
    compute: (what, key) => computed(what, name, key, output),
  });
  return {
    id: id === undefined ? world.random.id() : checkKey('id', id, limits.idCharsMax),
    idempotent: id !== undefined,
    fn: name,
    input,
    lane,
    laneWidth,
    tenant: tenantOf(name, parts, output, options),
    prioritySeconds: priorityOf(name, parts, output, options),
    dueAt: dueAtOf(now, options),
    deadlineAt: deadlineAtOf(now, parts, options),
    tags: tagsOf(name, parts, output, options),
    policy: parts?.policy ?? policyDefault,
    ...(options.traceparent === undefined ? {} : { trace: traceOf(options.traceparent) }),
    ...(flow === undefined ? {} : { flow }),
  };
}

function traceOf(given: string): string {
  const parts = traceParts(given);
  if (parts !== null) return traceText(parts);
  throw invalid('traceparent', given, 'it must be a traceparent of W3C: 00-<trace>-<span>-01');
}

type Parts = Startable['parts'];

/** Calls an option function; what it throws is the author's mistake and names the option. */
function computed<T>(
  what: string,
  name: string,
  compute: (input: unknown) => T,
  input: unknown,
): T {
  try {
    return compute(input);
  } catch (cause) {
    const why = wordsOf(cause);
    const message = `the ${what} of '${name}' could not be computed from the input: ${why}`;
    throw new HoldfastError('request.invalid', message, { cause });
  }
}

/** The lane of a run or a call. */
export function laneOf(
  name: string,
  parts: Parts,
  output: unknown,
  options: Pick<StartOptions, 'lane'>,
): { readonly lane: string | null; readonly laneWidth: number } {
  const given = parts?.terms.lane;
  let choice: LaneChoice | undefined = options.lane;
  if (choice === undefined) {
    choice = typeof given === 'function' ? computed('lane', name, given, output) : (given ?? null);
  }
  const widthDefault = parts?.laneWidth ?? 1;
  if (choice === null) return { lane: null, laneWidth: widthDefault };
  if (typeof choice === 'string') {
    return { lane: checkKey('lane', choice, limits.keyCharsMax), laneWidth: widthDefault };
  }
  if (choice === undefined) throw invalid('lane', choice, 'it must be a key, or null for none');
  checkOptions('lane', choice, laneNames);
  const lane = checkKey('lane', choice.key, limits.keyCharsMax);
  return { lane, laneWidth: checkWhole('lane width', choice.width, 1, limits.laneWidthMax) };
}

/** For whom it executes. */
export function tenantOf(
  name: string,
  parts: Parts,
  output: unknown,
  options: Pick<StartOptions, 'tenant'>,
): string {
  const given = parts?.terms.tenant;
  const choice =
    options.tenant ??
    (typeof given === 'function' ? computed('tenant', name, given, output) : given);
  return choice === undefined && given === undefined
    ? tenantDefault
    : checkKey('tenant', choice, limits.keyCharsMax);
}

/** Its head start in seconds. */
export function priorityOf(
  name: string,
  parts: Parts,
  output: unknown,
  options: Pick<StartOptions, 'priority'>,
): number {
  const given = parts?.terms.priority;
  const choice =
    options.priority ??
    (typeof given === 'function' ? computed('priority', name, given, output) : (given ?? 0));
  const { prioritySecondsMax } = limits;
  return checkNumber('priority', choice, -prioritySecondsMax, prioritySecondsMax);
}

function tagsOf(
  name: string,
  parts: Parts,
  output: unknown,
  options: StartOptions,
): readonly string[] {
  const given = parts?.terms.tags;
  const choice =
    options.tags ?? (typeof given === 'function' ? computed('tags', name, given, output) : given);
  return choice === undefined && given === undefined ? [] : checkTags(choice);
}

function dueAtOf(now: WallMs, { delayMs, dueAt }: StartOptions): WallMs | null {
  if (delayMs !== undefined) {
    if (dueAt !== undefined) throw invalid('dueAt', dueAt, 'give it or delayMs, not both');
    const delay = checkNumber('delayMs', delayMs, 0, limits.delayMsMax);
    return delay === 0 ? null : wallPlus(now, Math.ceil(delay));
  }
  if (dueAt === undefined) return null;
  const at = dueAt instanceof Date ? dueAt.getTime() : dueAt;
  checkNumber('dueAt', at, 0, now + limits.delayMsMax);
  return at <= now ? null : wallMs(Math.ceil(at));
}

function deadlineAtOf(now: WallMs, parts: Parts, { deadlineMs }: StartOptions): WallMs | null {
  const ms = deadlineMs ?? parts?.totalMs ?? null;
  if (ms === null) return null;
  return wallPlus(now, Math.ceil(checkNumber('deadlineMs', ms, 1, limits.delayMsMax)));
}
