/**
 * Owns what is known of runs that only one version of a function may go on with, and how such runs
 * are sent on with another.
 */
import { checkKey } from '../core/check.ts';
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import { queueOf } from '../core/queue.ts';
import { announce, type World } from '../engine/world.ts';
import type { NodeRow } from '../ports/store-nodes.ts';
import type { PinnedRuns } from '../ports/store-reads.ts';

/** Says whether a live node hosts a version of a function. */
export function hostsOf(rows: readonly NodeRow[]): (fn: string, version: string) => boolean {
  const hosted = new Set<string>();
  for (const { state, leaseOver, functions } of rows) {
    if (state !== 'live' || leaseOver) continue;
    for (const { fn, version } of functions) hosted.add(queueOf(fn, version));
  }
  return (fn, version) => hosted.has(queueOf(fn, version));
}

/** Unfinished runs whose version no live node hosts. */
export async function unhostedRuns({
  store,
}: Pick<World, 'store'>): Promise<readonly PinnedRuns[]> {
  const pinned = await store.pinned(limits.pageRowsMax);
  if (pinned.length === 0) return [];
  const hosts = hostsOf(await store.nodes());
  return pinned.filter(({ fn, version }) => !hosts(fn, version));
}

/** A version that somebody gives; null: any. */
export const checkPin = (version: string | null): string | null =>
  version === null ? null : checkKey('the version', version, limits.tagCharsMax);

/** Sends a run on. */
export async function repinned(
  world: World,
  id: string,
  version: string | null,
): Promise<{ readonly before: string | null }> {
  const { reply, woken } = await world.store.repin([{ id, pin: checkPin(version) }]);
  announce(world, woken);
  const [verdict] = reply;
  if (verdict?.ok === true) return { before: verdict.before };
  const { code, message } = verdict ?? unanswered;
  throw new HoldfastError(code, message, { details: { id, version } });
}

const unanswered = { code: 'internal.defect', message: 'the store gave no verdict' } as const;
