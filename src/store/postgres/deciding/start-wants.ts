/**
 * Owns what starting looks at, and how a start is made again whose end is unknown.
 */
import type { Waking } from '../../../ports/store.ts';
import type { StartItem, StartVerdict } from '../../../ports/store-runs.ts';
import type { Wants } from './loaded.ts';

/** What starting will look at. */
export const startWants = (items: readonly StartItem[]): Wants => ({
  ids: items.filter(({ idempotent }) => idempotent).map(({ id }) => id),
  lanes: items.flatMap(({ lane }) => (lane === null ? [] : [lane])),
  tenants: items.map(({ tenant }) => tenant),
  fresh: items.length,
});

/** A run that was found under an id that only this caller knows is the one that it started. */
const own = (verdict: StartVerdict, item: StartItem | undefined): StartVerdict =>
  verdict.ok && item?.idempotent === false ? { ...verdict, created: true } : verdict;

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
