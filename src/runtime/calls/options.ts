/**
 * Owns the options of a runtime about its calls: what they may be, and what they are when nothing
 * is said.
 */
import { checkNumber, checkOptions, checkWhole, invalid } from '../../core/check.ts';
import { limits } from '../../core/limits.ts';
import type { Interceptor, Resolver } from '../../engine/calls/interceptors.ts';
import type { CallTenantTerms } from '../../engine/calls/tenant-gate.ts';

/** What `Holdfast.open` takes as `calls`. */
export interface CallsOptions {
  /** Calls that execute at once. Default 1,000. */
  readonly slots?: number;
  /** Calls that wait beside them. Past it they are refused: `call.full`. Default 10,000. */
  readonly queueMax?: number;
  /** How long a call may take whose function says nothing, in ms. Default 60,000. */
  readonly timeoutMs?: number;
  /** How long an id is remembered after its call, in ms. Default 60,000. */
  readonly tombstoneMs?: number;
  /** What a tenant may have that is not named below. Default: no limits of its own. */
  readonly tenant?: Partial<CallTenantTerms>;
  readonly tenants?: Readonly<Record<string, Partial<CallTenantTerms>>>;
  /** What stands around every call; more can be added later. */
  readonly interceptors?: readonly Interceptor[];
  /** What is found out about every caller before its call is let in, in this order. */
  readonly resolvers?: readonly Resolver[];
}

/** The same with all defaults. */
export interface CallsSettings {
  readonly slots: number;
  readonly queueMax: number;
  readonly timeoutMs: number;
  readonly tombstoneMs: number;
  readonly tenantTerms: (tenant: string) => CallTenantTerms;
  readonly interceptors: readonly Interceptor[];
  readonly resolvers: readonly Resolver[];
}

const names = [
  ...['slots', 'queueMax', 'timeoutMs', 'tombstoneMs', 'tenant', 'tenants'],
  ...['interceptors', 'resolvers'],
];
const countMax = 1_000_000;
const hourMs = 3_600_000;

/** Checks the options. Throws `request.invalid`. */
export function callsSettings(options: CallsOptions = {}): CallsSettings {
  checkOptions('calls', options, names);
  const { slots = 1_000, queueMax = 10_000, timeoutMs = 60_000, tombstoneMs = 60_000 } = options;
  const standard = tenantTermsOf('calls.tenant', options.tenant ?? {}, noLimits);
  const named = new Map(
    Object.entries(options.tenants ?? {}).map(([tenant, terms]) => [
      tenant,
      tenantTermsOf(`calls.tenants['${tenant}']`, terms, standard),
    ]),
  );
  return {
    slots: checkWhole('calls.slots', slots, 1, countMax),
    queueMax: checkWhole('calls.queueMax', queueMax, 0, countMax),
    timeoutMs: checkNumber('calls.timeoutMs', timeoutMs, 1, limits.callTimeoutMsMax),
    tombstoneMs: checkNumber('calls.tombstoneMs', tombstoneMs, 0, hourMs),
    tenantTerms: (tenant) => named.get(tenant) ?? standard,
    interceptors: listOf('calls.interceptors', options.interceptors),
    resolvers: listOf('calls.resolvers', options.resolvers).map(checkResolver),
  };
}

const noLimits: CallTenantTerms = {
  weight: 1,
  runningMax: Number.POSITIVE_INFINITY,
  waitingMax: Number.POSITIVE_INFINITY,
};

function tenantTermsOf(
  name: string,
  given: Partial<CallTenantTerms>,
  standard: CallTenantTerms,
): CallTenantTerms {
  checkOptions(name, given, ['weight', 'runningMax', 'waitingMax']);
  const { weight, runningMax, waitingMax } = given;
  const { weightMin, weightMax } = limits;
  if (weight !== undefined) checkNumber(`${name}.weight`, weight, weightMin, weightMax);
  if (runningMax !== undefined) checkWhole(`${name}.runningMax`, runningMax, 1, countMax);
  if (waitingMax !== undefined) checkWhole(`${name}.waitingMax`, waitingMax, 0, countMax);
  return { ...standard, ...given };
}

/** To say nothing means none; to say something else is a mistake that must not pass for none. */
function listOf<One>(name: string, given: readonly One[] | undefined): readonly One[] {
  if (given === undefined) return [];
  if (!Array.isArray(given)) throw invalid(name, given, 'it must be an array');
  return given;
}

function checkResolver(one: Resolver): Resolver {
  if (typeof one?.name === 'string' && typeof one.resolve === 'function') return one;
  throw invalid('a resolver', one, 'it must have a name and a function resolve');
}
