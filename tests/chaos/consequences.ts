/**
 * Owns what the faults of a chaos run led to, by the ledger. A fault that was made and led to
 * nothing has tested nothing.
 */
import type { Account, AccountedEnd, Op, Recovery } from './account.ts';
import type { DurableAccount } from './durable-account.ts';
import type { Answer, Line } from './ledger.ts';
import { lateKey } from './straggler.ts';

/** What must have happened in every run that is long enough. */
const always = [
  'taken over from a killed process',
  'taken over when a lease was over',
  'taken over from a frozen process',
  'late end refused',
  'late success refused while others had the run',
  'late step refused',
  'step cut off and done again by another owner',
  'kept step given to another owner after a death',
  'wait ended by an event',
  'wait ended by a decision',
  'wait ended by a signal',
  'answer heard by its sender',
  'start that became another run',
] as const;

/** What only a server that goes away brings about. */
const byOutages = [
  'start with an unknown end',
  'unknown start that was committed',
  'unknown end of an attempt',
] as const;

export type Consequence = (typeof always)[number] | (typeof byOutages)[number];

/** How often each came about. */
export function consequencesOf(
  account: Account,
  durable: DurableAccount,
  lines: readonly Line[],
): ReadonlyMap<Consequence, number> {
  const granted = account.recoveries.filter((one) => one.granted === true);
  const ends = [...account.ends.values()].flat();
  const starts = [...account.ops.values()].map((list) =>
    list.filter(({ ask }) => ask.verb === 'start'),
  );
  return new Map<Consequence, number>([
    ['taken over from a killed process', count(granted, ({ kind }) => kind === 'process-gone')],
    ['taken over when a lease was over', count(granted, ({ kind }) => kind === 'lease-over')],
    ['taken over from a frozen process', count(granted, (one) => wasFrozen(account, one))],
    [
      'late end refused',
      count(ends, ({ answer }) => answer?.ok === false && answer.code === 'fence.stale'),
    ],
    [
      'late success refused while others had the run',
      count(ends, (end) => overtaken(account, end)),
    ],
    ['start with an unknown end', count(starts.flat(), unknown)],
    ['unknown start that was committed', count(starts, committedUnknown)],
    ['unknown end of an attempt', count(ends, ({ answer }) => answer === null)],
    ...durableOf(account, durable),
    ...toldOf(durable, lines),
  ]);
}

/** What came of signals and of starts that met. */
function toldOf({ given }: DurableAccount, lines: readonly Line[]): [Consequence, number][] {
  const all = [...given.values()].flat();
  const answers = lines.flatMap((line) => (line.what === 'answer' ? [line.answer] : []));
  const isHeard = (answer: Answer): boolean =>
    'heard' in answer && !answer.heard.includes('unanswered');
  return [
    [
      'wait ended by a signal',
      count(all, ({ key, value }) => /^signal/.test(key) && value !== 'null'),
    ],
    ['answer heard by its sender', count(answers, isHeard)],
    ['start that became another run', count(answers, (answer) => 'joined' in answer)],
  ];
}

/** Of durable runs, each counted once. */
function durableOf(account: Account, durable: DurableAccount): readonly [Consequence, number][] {
  const { deeds, given, sent, told } = durable;
  const late = [...sent.values()].flat().filter(({ key }) => key === lateKey);
  // An owner that neither ended its attempt nor handed it back was taken away.
  const died = (run: string, fence: number): boolean =>
    !(account.ends.get(run) ?? []).some((end) => end.fence === fence && end.answer?.ok === true);
  const again = [...deeds].filter(([run, list]) =>
    list.some((one) =>
      list.some(({ key, fence }) => key === one.key && fence > one.fence && died(run, one.fence)),
    ),
  );
  const replayed = [...given].filter(([run, list]) =>
    list.some((one) =>
      list.some(({ nth, fence }) => nth === one.nth && fence > one.fence && died(run, one.fence)),
    ),
  );
  const heard = [...told].flatMap(([run, list]) =>
    list.filter(({ key, state }) =>
      given
        .get(run)
        ?.some(
          (one) =>
            one.key === key && (state === null ? one.value !== 'null' : one.value.includes(state)),
        ),
    ),
  );
  return [
    ['late step refused', count(late, ({ became }) => became === 'refused')],
    ['step cut off and done again by another owner', again.length],
    ['kept step given to another owner after a death', replayed.length],
    ['wait ended by an event', count(heard, ({ state }) => state === null)],
    ['wait ended by a decision', count(heard, ({ state }) => state !== null)],
  ];
}

const count = <One>(list: readonly One[], holds: (one: One) => boolean): number =>
  list.filter(holds).length;

/** A success was refused, and from before it until after it another owner had the run. */
function overtaken({ claims, ends }: Account, late: AccountedEnd): boolean {
  const { id, fence, how, calledAt, answeredAt, answer } = late;
  if (how !== 'succeeded' || answer === null || answer.ok || answer.code !== 'fence.stale') {
    return false;
  }
  const heirs = (claims.get(id ?? '') ?? []).filter(
    (one) => one.fence > fence && one.at < calledAt,
  );
  const mine = ends.get(id ?? '') ?? [];
  return heirs.some((heir) =>
    mine.some((end) => end.fence === heir.fence && end.calledAt > (answeredAt ?? Infinity)),
  );
}

const unknown = ({ answer }: Op): boolean => answer === null || 'fault' in answer;

const said = ({ answer }: Op): string | null =>
  answer !== null && 'start' in answer ? answer.start : null;

/** Nobody was told that he created it, and still it is there. */
const committedUnknown = (starts: readonly Op[]): boolean =>
  starts.some((op) => said(op) === 'known') && !starts.some((op) => said(op) === 'created');

function wasFrozen({ nodes, lives }: Account, { node, answeredAt }: Recovery): boolean {
  const who = nodes.get(node)?.who;
  if (who === undefined || answeredAt === null) return false;
  const { frozen = [] } = lives.get(who) ?? {};
  return frozen.some(({ from, to }) => answeredAt > from && answeredAt < (to ?? Infinity));
}

/** What should have come about on such a store, and did not: of outages any one is enough. */
export function missing(
  consequences: ReadonlyMap<Consequence, number>,
  store: 'sqlite' | 'postgres',
): readonly string[] {
  const none = (one: Consequence): boolean => (consequences.get(one) ?? 0) === 0;
  const unmet: readonly string[] = always.filter(none);
  const calm = store === 'postgres' && byOutages.every(none);
  return calm ? [...unmet, byOutages.join(', or ')] : unmet;
}
