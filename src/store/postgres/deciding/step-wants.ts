/**
 * Owns what decisions about steps look at, as far as it can be foreseen.
 */
import type { EndItem } from '../../../ports/store-runs.ts';
import type { ForkItem, StepWrite } from '../../../ports/store-steps.ts';
import { lookBackFirstRows } from '../../verbs/recording.ts';
import type { Wants } from './loaded.ts';
import type { LookBack, StepWants } from './loaded-steps.ts';

/** What forking looks at. */
export const forkWants = (items: readonly ForkItem[]): Wants => ({
  ids: items.flatMap(({ id, newId }) => [id, newId]),
  fresh: items.length,
  forks: items.map(({ id, from }) => ({ id, from })),
});

/** What deciding about steps of running runs looks at. */
export function recordWants(
  items: readonly { readonly seq: number; readonly writes: readonly StepWrite[] }[],
): StepWants {
  const lookBacks: LookBack[] = [];
  for (const { seq, writes } of items) {
    for (const write of writes) {
      if (write.does !== 'wait' || write.event === null) continue;
      const { name, after, paths, values: vals } = write.event;
      lookBacks.push({ seq, name, after, paths, vals, max: lookBackFirstRows });
    }
  }
  const steps = items.map(({ seq, writes }) => ({ seq, keys: writes.map(({ key }) => key) }));
  return { steps, ...(lookBacks.length > 0 && { lookBacks }) };
}

/** What deciding about parked runs looks at. */
export function parkWants(items: readonly EndItem[]): StepWants {
  const parks = items.flatMap(({ seq, end }) =>
    end.how === 'parked' ? [{ seq, writes: end.waits }] : [],
  );
  if (parks.length === 0) return {};
  return { ...recordWants(parks), wakes: parks.map(({ seq }) => seq) };
}
