/**
 * Owns what decisions about steps look at, as far as it can be foreseen.
 */
import { groupOfWait } from '../../../core/durable/keys.ts';
import type { EndItem } from '../../../ports/store-runs.ts';
import type { SignalItem } from '../../../ports/store-signals.ts';
import type { ForkItem, StepWrite } from '../../../ports/store-steps.ts';
import { lookBackFirstRows } from '../../verbs/recording.ts';
import type { Wants } from './loaded.ts';
import type { KinWants } from './loaded-kin.ts';
import type { Inbox, SignalWants } from './loaded-signals.ts';
import type { LookBack, StepWants } from './loaded-steps.ts';

/** Only a decision knows whether they are all over. */
export const waitsForChildren = (write: StepWrite): boolean =>
  write.does === 'wait' && write.kind === 'child';

/** What forking looks at. */
export const forkWants = (items: readonly ForkItem[]): Wants => ({
  ids: items.flatMap(({ id, newId }) => [id, newId]),
  fresh: items.length,
  forks: items.map(({ id, from }) => ({ id, from })),
});

/** What deciding about signals looks at. */
export const signalWants = (items: readonly SignalItem[]): Wants => ({
  ids: items.map(({ runId }) => runId),
  signalsTo: items.map(({ runId: run, id }) => ({ run, id })),
});

/** What deciding about steps of running runs looks at. */
export function recordWants(
  items: readonly { readonly seq: number; readonly writes: readonly StepWrite[] }[],
): StepWants & SignalWants & KinWants {
  const lookBacks: LookBack[] = [];
  const inboxes: Inbox[] = [];
  for (const { seq, writes } of items) {
    for (const write of writes) {
      if (write.does !== 'wait' || write.event === null) continue;
      const { name, after, paths, values: vals } = write.event;
      if (write.kind === 'signal') inboxes.push({ seq, names: paths, max: lookBackFirstRows });
      else lookBacks.push({ seq, name, after, paths, vals, max: lookBackFirstRows });
    }
  }
  const steps = items.map(({ seq, writes }) => ({ seq, keys: writes.map(({ key }) => key) }));
  const groups = items.flatMap(({ seq, writes }) =>
    writes.filter(waitsForChildren).map(({ key }) => ({ seq, group: groupOfWait(key) })),
  );
  return {
    steps,
    ...(lookBacks.length > 0 && { lookBacks }),
    ...(inboxes.length > 0 && { inboxes }),
    ...(groups.length > 0 && { groups }),
  };
}

/** What deciding about parked runs looks at. */
export function parkWants(items: readonly EndItem[]): StepWants & SignalWants & KinWants {
  const parks = items.flatMap(({ seq, end }) =>
    end.how === 'parked' ? [{ seq, writes: end.waits }] : [],
  );
  if (parks.length === 0) return {};
  return { ...recordWants(parks), wakes: parks.map(({ seq }) => seq) };
}
