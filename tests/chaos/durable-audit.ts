/**
 * Owns the judgement of durable runs, by what their code did and was given.
 *
 * S1 A step whose end was known to be kept is not done again, neither by its owner nor by a later
 *    one. (An earlier one, thawed, may not know yet; what it sends is refused.)
 * S2 Each try of a step is done once under a fence.
 * S3 (G2) A step has one end: whatever was kept, given, or is in the store at last, is the same.
 * S4 (G1) No end of a step is kept under a fence that is over.
 * S5 Code is given the same in the same order in every attempt, and gives back what it was given.
 * S6 No wait ends before its time, but by what was told from outside.
 * S7 (G3) What was told from outside in time, and acknowledged, is given: no event and no decision
 *    is lost.
 */
import type { Account, FinalRun } from './account.ts';
import type { Evidence } from './auditor.ts';
import type { DeedDone, DurableAccount, Given, StepSent } from './durable-account.ts';
import { durable } from './functions.ts';
import type { SagaResult } from './saga.ts';

/** The store's clock and the ledger's are two, and the first counts in whole ms. */
const clockSlackMs = 50;

/** S1 to S7. */
export function auditDurable(
  account: Account,
  told: DurableAccount,
  { runs, resends }: Pick<Evidence, 'runs' | 'resends'>,
): readonly string[] {
  const byId = new Map(runs.map((run) => [run.id, run]));
  const ids = new Set([...told.deeds.keys(), ...told.sent.keys(), ...told.given.keys()]);
  return [...ids].flatMap((id) => {
    const run = { id, deeds: told.deeds.get(id) ?? [], sent: told.sent.get(id) ?? [] };
    const given = told.given.get(id) ?? [];
    const final = byId.get(id);
    return [
      ...doneAgain(run),
      ...oneEnd(run, given, final, resends),
      ...underFence(account, run),
      ...sameOrder(id, given, final),
      ...waits(told, id, given),
    ];
  });
}

interface OfRun {
  readonly id: string;
  readonly deeds: readonly DeedDone[];
  readonly sent: readonly StepSent[];
}

/** S1, S2 */
function doneAgain({ id, deeds, sent }: OfRun): readonly string[] {
  const found: string[] = [];
  const tries = new Set<string>();
  for (const { fence, key, tries: nth, who, at } of deeds) {
    const mark = `${fence} ${key} ${nth}`;
    if (tries.has(mark))
      found.push(`S2 run ${id}: try ${nth} of ${key} began twice under ${fence}`);
    tries.add(mark);
    const kept = sent.find(
      (end) =>
        end.key === key &&
        end.became === 'kept' &&
        end.fence <= fence &&
        (end.answeredAt ?? Number.POSITIVE_INFINITY) < at,
    );
    if (kept === undefined) continue;
    found.push(`S1 run ${id}: ${who} does ${key} under ${fence}, kept under ${kept.fence} before`);
  }
  return found;
}

/** S3 */
function oneEnd(
  { id, sent }: OfRun,
  given: readonly Given[],
  final: FinalRun | undefined,
  resends: boolean,
): readonly string[] {
  const found: string[] = [];
  // A first sending may have been kept, and others have taken over before the second.
  const mayBeKept = ({ became }: StepSent): boolean =>
    became === 'kept' || became === 'unknown' || (resends && became === 'refused');
  const keys = new Set([...sent.map(({ key }) => key), ...(final?.steps ?? []).map((s) => s.key)]);
  for (const key of keys) {
    const mine = sent.filter((end) => end.key === key);
    const textOf = ({ how, value }: Pick<StepSent, 'how' | 'value'>): string => `${how} ${value}`;
    const kept = new Set(mine.filter(({ became }) => became === 'kept').map(textOf));
    const last = final?.steps?.find((step) => step.key === key);
    if (last !== undefined) kept.add(textOf(last));
    if (kept.size > 1) found.push(`S3 run ${id}: ${key} has the ends ${[...kept].join(' | ')}`);
    if (last !== undefined && !mine.some((end) => textOf(end) === textOf(last))) {
      found.push(`S3 run ${id}: ${key} ended as ${textOf(last)}, and nobody sent that`);
    }
    // What was caught is a word of the code's own.
    for (const { value, fence } of given.filter((one) => one.key === key)) {
      if (mine.filter(mayBeKept).some((end) => end.value === value || end.value === null)) continue;
      found.push(`S3 run ${id}: under ${fence} ${key} gave ${value}, which no end of it is`);
    }
  }
  return found;
}

/** S4 */
function underFence({ claims, ends }: Account, { id, sent }: OfRun): readonly string[] {
  return sent
    .filter(({ became }) => became === 'kept')
    .flatMap(({ key, fence, who, calledAt }) => {
      const heir = claims.get(id)?.find((claim) => claim.fence > fence && claim.at < calledAt);
      const own = ends
        .get(id)
        ?.find(
          (end) =>
            end.fence === fence &&
            end.answer?.ok === true &&
            (end.answeredAt ?? Number.POSITIVE_INFINITY) < calledAt,
        );
      if (heir !== undefined) {
        return [`S4 (G1) run ${id}: ${who} kept ${key} under ${fence} after ${heir.fence}`];
      }
      return own === undefined
        ? []
        : [`S4 (G1) run ${id}: ${who} kept ${key} under ${fence}, which had ended: ${own.how}`];
    });
}

/** S5 */
function sameOrder(
  id: string,
  given: readonly Given[],
  final: FinalRun | undefined,
): readonly string[] {
  const found: string[] = [];
  const first = new Map<number, Given>();
  for (const one of given) {
    const before = first.get(one.nth);
    if (before === undefined) first.set(one.nth, one);
    else if (before.key !== one.key || before.value !== one.value) {
      const was = `${before.key} ${before.value} under ${before.fence}`;
      const is = `${one.key} ${one.value} under ${one.fence}`;
      found.push(`S5 run ${id} was given at ${one.nth} ${was}, and then ${is}`);
    }
  }
  if (final?.seen.outcome !== 'succeeded' || !durable.includes(final.fn)) return found;
  const result = JSON.parse(final.seen.result ?? 'null') as SagaResult;
  const list = [...first.values()].sort((a, b) => a.nth - b.nth).map(({ value }) => value);
  if (JSON.stringify(result.given) !== JSON.stringify(list)) {
    found.push(`S5 run ${id} gave back ${result.given}, and was given ${list}`);
  }
  return found;
}

/** S6, S7 */
function waits(told: DurableAccount, id: string, given: readonly Given[]): readonly string[] {
  return given.flatMap(({ key, value, at }) => {
    const asked = told.asked.get(`${id} ${key}`);
    if (asked === undefined) return [];
    const overAt = asked.at + asked.ms;
    const byTime = value === 'null' || value === '"slept"' || value === '"timed-out"';
    if (byTime && at < overAt - clockSlackMs) {
      return [`S6 run ${id}: ${key} was over ${(overAt - at).toFixed(0)} ms before its time`];
    }
    const words = (told.told.get(id) ?? []).filter((one) => one.key === key);
    const event = words.find(
      ({ state, answeredAt }) => state === null && answeredAt < overAt - clockSlackMs,
    );
    if (event !== undefined && byTime) {
      return [`S7 (G3) run ${id}: ${key} was not told of its event, which was acknowledged`];
    }
    const decided = words.find(({ state }) => state !== null);
    if (decided === undefined || value === JSON.stringify(decided.state)) return [];
    return [`S7 (G3) run ${id}: ${key} gave ${value}, and ${decided.state} was acknowledged`];
  });
}
