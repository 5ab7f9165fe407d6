/**
 * Owns the judgement of what runs side by side: lanes, tenants, slots, and late acting.
 *
 * P1 (G4) At most `width` handlers of a lane execute at once. A handler counts from its beginning
 *    to its end, whatever it ignores. It no longer counts once its node is lost (tenures.ts judges
 *    whether rightly), or once its node, which was asked to end, has handed its run back.
 * P2 No more runs of a tenant are owned at once than its limit. A run is owned for certain from the
 *    answer of its claim to the first call that may have ended it or taken it away.
 * P3 (G6) No process executes more than it has slots.
 * P4 (G7) A handler that nobody told to stop does not act for a node that was lost for certain a
 *    while ago, but for a process that has just been thawed and cannot know yet.
 */
import type { Account, Claim, Execution } from './account.ts';
import { laneWidth, tenantLimits, type WorkInput } from './functions.ts';
import { lossTimes, ownersOf, takenTimes } from './tenures.ts';

/** How long after its loss a node that was not frozen may take to stop acting. */
const actMsMax = 1_000;

interface Interval {
  readonly from: number;
  readonly to: number;
  readonly name: string;
}

/** P1 to P4. */
export function auditPlaces(
  account: Account,
  inputs: ReadonlyMap<string, WorkInput>,
  slots: number,
): readonly string[] {
  const lostAt = lossTimes(account);
  const owners = ownersOf(account);
  const takenAt = takenTimes(account);
  const of = (times: ReadonlyMap<number, number>) => (one: Execution) =>
    times.get(owners.get(`${one.run}/${one.fence}`) ?? -1) ?? Infinity;
  return [
    ...lanesOf(account, inputs, of(lostAt)),
    ...tenantsOf(account, inputs, lostAt),
    ...slotsOf(account, slots),
    ...lateActs(account, of(takenAt)),
  ];
}

/** Says where more than `max` intervals lie over each other, the first time only. */
function crowd(intervals: readonly Interval[], max: number): readonly Interval[] | null {
  const byStart = intervals.filter(({ from, to }) => to > from).sort((a, b) => a.from - b.from);
  let open: Interval[] = [];
  for (const one of byStart) {
    open = open.filter(({ to }) => to > one.from);
    open.push(one);
    if (open.length > max) return open;
  }
  return null;
}

const names = (intervals: readonly Interval[]): string =>
  intervals
    .map(({ name, from, to }) => `${name} [${from.toFixed(1)}, ${to.toFixed(1)}]`)
    .join(', ');

/** Adds to the list of a key. */
function add(groups: Map<string, Interval[]>, key: string, interval: Interval): void {
  const list = groups.get(key);
  if (list === undefined) groups.set(key, [interval]);
  else list.push(interval);
}

function lanesOf(
  account: Account,
  inputs: ReadonlyMap<string, WorkInput>,
  lossOf: (one: Execution) => number,
): readonly string[] {
  const groups = new Map<string, Interval[]>();
  for (const one of account.executions.values()) {
    const { run, fence, who, begunAt, doneAt } = one;
    const lane = inputs.get(run)?.lane;
    if (!lane) continue;
    const back = handedBackAt(account, one);
    const to = Math.min(doneAt ?? Infinity, lossOf(one), back);
    add(groups, lane, { from: begunAt, to, name: `${run}/${fence} in ${who}` });
  }
  return [...groups].flatMap(([lane, list]) => {
    const over = crowd(list, laneWidth(lane));
    return over === null ? [] : [`P1 lane ${lane} executes at once ${names(over)}`];
  });
}

function handedBackAt({ ends, lives }: Account, { run, fence, who }: Execution): number {
  if ((lives.get(who)?.closingAt ?? null) === null) return Infinity;
  const back = ends.get(run)?.find((end) => end.fence === fence && end.how === 'handed-back');
  return back?.calledAt ?? Infinity;
}

function tenantsOf(
  account: Account,
  inputs: ReadonlyMap<string, WorkInput>,
  lostAt: ReadonlyMap<number, number>,
): readonly string[] {
  const groups = new Map<string, Interval[]>();
  for (const [run, claims] of account.claims) {
    const tenant = inputs.get(run)?.tenant;
    if (tenant === undefined || (tenantLimits[tenant] ?? null) === null) continue;
    const cancels = (account.ops.get(run) ?? []).filter(({ ask }) => ask.verb === 'cancel');
    for (const claim of claims) {
      const from = claim.at;
      const cancelAt = cancels.map(({ calledAt }) => calledAt).find((at) => at > claim.from);
      const lossAt = lostAt.get(claim.node) ?? Infinity;
      const to = Math.min(ownedUntil(account, run, claim, claims), lossAt, cancelAt ?? Infinity);
      add(groups, tenant, { from, to, name: `${run}/${claim.fence} in ${claim.who}` });
    }
  }
  return [...groups].flatMap(([tenant, list]) => {
    const over = crowd(list, tenantLimits[tenant] ?? Infinity);
    return over === null ? [] : [`P2 tenant ${tenant} owns at once ${names(over)}`];
  });
}

function ownedUntil(
  { ends }: Account,
  run: string,
  claim: Claim,
  claims: readonly Claim[],
): number {
  const own = (ends.get(run) ?? []).filter(({ fence }) => fence === claim.fence);
  const next = claims.filter(({ fence }) => fence > claim.fence);
  const times = [...own.map(({ calledAt }) => calledAt), ...next.map(({ from }) => from)];
  return Math.min(Infinity, ...times);
}

function slotsOf(account: Account, slots: number): readonly string[] {
  const groups = new Map<string, Interval[]>();
  for (const { run, fence, who, begunAt, doneAt } of account.executions.values()) {
    add(groups, who, { from: begunAt, to: doneAt ?? Infinity, name: `${run}/${fence}` });
  }
  return [...groups].flatMap(([who, list]) => {
    const over = crowd(list, slots);
    return over === null ? [] : [`P3 ${who} with ${slots} slots executes ${names(over)}`];
  });
}

function lateActs(account: Account, takenOf: (one: Execution) => number): readonly string[] {
  return [...account.executions.values()].flatMap((one) => {
    const takenAt = takenOf(one);
    const { frozen = [] } = account.lives.get(one.who) ?? {};
    const dazed = (at: number): boolean =>
      frozen.some(({ from, to }) => at > from && (to === null || at < to + actMsMax));
    const late = one.stepsAt.find((at) => at > takenAt + actMsMax && !dazed(at));
    if (late === undefined) return [];
    const ms = (late - takenAt).toFixed(0);
    return [`P4 ${one.who} acts for ${one.run}/${one.fence}, ${ms} ms after it was lost`];
  });
}
