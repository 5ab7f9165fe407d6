/**
 * Owns the functions with flow control of the simulated world: one for each term, and the terms
 * that their starts carry.
 */
import type { StartFlow } from '../../src/ports/store-flow.ts';

/** Their names. The last three go by a lane, the others by a key. */
export const flowNames = [
  ...(['debounced', 'throttled', 'rated', 'bucketed', 'single', 'pending'] as const),
  ...(['drops', 'cancels', 'replaces'] as const),
] as const;

/** One of them. */
export type FlowName = (typeof flowNames)[number];

/** Keys by which their starts meet. */
export const flowKeys = ['a', 'b'] as const;

export const debounceTerm = { quietMs: 1_500, maxMs: 4_000 } as const;

/** The paces of those that have one. */
export const paces = {
  throttled: { max: 2, perMs: 2_000, tenants: 'each' },
  rated: { max: 2, perMs: 6_000, tenants: 'each' },
  bucketed: { max: 3, perMs: 6_000, tenants: 'together' },
} as const;

/** One that has a pace. */
export type PacedName = keyof typeof paces;

export const isPaced = (name: FlowName): name is PacedName => name in paces;

/** Whether a function has flow control. */
export const isFlowName = (fn: string): fn is FlowName => flowNames.some((one) => one === fn);

/** Those whose runs go by a lane. */
export const goesByLane = (name: FlowName): boolean =>
  name === 'drops' || name === 'cancels' || name === 'replaces';

/** Those that decide themselves when a run is due. */
export const isDueByTerm = (fn: string): boolean => fn === 'debounced' || fn === 'throttled';

/** What a start carries. */
export function flowOf(name: FlowName, key: string): StartFlow {
  switch (name) {
    case 'debounced':
      return { debounce: { ...debounceTerm, key } };
    case 'throttled':
      return { throttle: { ...paces.throttled, key } };
    case 'rated':
      return { rateLimit: { ...paces.rated, key, algorithm: 'sliding' } };
    case 'bucketed':
      return { rateLimit: { ...paces.bucketed, key, algorithm: 'bucket' } };
    case 'single':
      return { unique: { while: 'unfinished', key } };
    case 'pending':
      return { unique: { while: 'queued', key } };
    case 'drops':
      return { onConflict: 'drop' };
    case 'cancels':
      return { onConflict: 'cancel-running' };
    case 'replaces':
      return { onConflict: 'replace-waiting' };
  }
}
