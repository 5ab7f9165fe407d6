/**
 * Owns what starting looks at, and how a start is made again whose end is unknown.
 */
import type { Waking } from '../../../ports/store.ts';
import type { StartItem, StartVerdict } from '../../../ports/store-runs.ts';
import { flowPlaces } from '../../verbs/flow.ts';
import type { Wants } from './loaded.ts';

/** Places in a lane that are looked at when runs give way to one that is started. */
const holdersFirst = 16;

/** What starting will look at. */
export const startWants = (items: readonly StartItem[]): Wants => ({
  ...flowWants(items),
  ids: items.filter(({ idempotent }) => idempotent).map(({ id }) => id),
  seqs: [...new Set(items.flatMap(({ parent }) => parent?.seq ?? []))],
  lanes: items.flatMap(({ lane }) => (lane === null ? [] : [lane])),
  tenants: items.map(({ tenant }) => tenant),
  fresh: items.length,
});

/** A run that was found under an id that only this caller knows is the one that it started. */
const own = (verdict: StartVerdict, item: StartItem | undefined): StartVerdict => {
  const found = verdict.ok && verdict.how === undefined && item?.idempotent === false;
  return found ? { ...verdict, created: true } : verdict;
};

/** What was sent once may be there: every id is looked for then. */
export const again = {
  sent: (items: readonly StartItem[]): readonly StartItem[] =>
    items.map((item) => ({ ...item, idempotent: true })),
  answered: (
    reply: Waking<readonly StartVerdict[]>,
    items: readonly StartItem[],
  ): Waking<readonly StartVerdict[]> => ({
    ...reply,
    reply: reply.reply.map((verdict, at) => own(verdict, items[at])),
  }),
};

/** What the terms of flow control will look at. */
function flowWants(items: readonly StartItem[]): Wants {
  if (items.every(({ flow }) => flow === undefined)) return {};
  const ranges = items.flatMap(({ lane, flow }) =>
    lane === null || flow?.onConflict === undefined
      ? []
      : [{ kind: 'holders', key: lane, max: holdersFirst } as const],
  );
  return { flows: items.flatMap((item) => flowPlaces(item)), ranges };
}
