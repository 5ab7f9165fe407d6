/**
 * Owns the measure of what a call costs the server that does not depend on the machine: pages.
 */
import type { StoreScene } from './store-scene.ts';

/** Pages that a call reads, those of what it calls included. It is executed. */
async function once(at: StoreScene, call: string): Promise<number> {
  const rows = await at.sql(`explain (analyze, buffers, format json) select ${call}`);
  const [{ Plan: plan }] = Object.values(rows[0] ?? {})[0] as [{ Plan: Record<string, number> }];
  return (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0);
}

/** The least of three looks: the first call of a connection reads catalogues as well. */
export async function pagesOf(at: StoreScene, call: string): Promise<number> {
  return Math.min(await once(at, call), await once(at, call), await once(at, call));
}
