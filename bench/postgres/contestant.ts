/**
 * Owns the contract of a contestant: one job system, as the parts of the benchmark use it. What is
 * not in it, such as databases, processes and figures, is the field's and the parts'.
 *
 * C1 A contestant runs as its own documentation says, at the settings that are best for the part.
 *    They are written down in the roster and printed with the figures.
 * C2 It is opened on a place that is its own and empty but for what `prepare` and the part put
 *    there.
 */
import type { Ask } from '../case.ts';
import type { Durability } from '../measure.ts';
import type { Entry } from './roster.ts';

/** Where a contestant works: a database of its own, or the Redis of BullMQ. */
export type Place = Ask & { readonly url: string; readonly durability: Durability };

/** What a part is after; settings that are best for one may be bad for another. */
export type Style = 'throughput' | 'steady' | 'latency' | 'takeover' | 'tenants';

/** A job that is numbered, stamped, and sent by somebody. */
export type Job = {
  readonly n: number;
  /** On the clock that all processes of the host share. */
  readonly atMs: number;
  readonly tenant: string;
};

/** Whoever starts jobs. */
export interface Producer {
  /** Accepts one job; resolves when that is committed. */
  add(job: Job): Promise<void>;
  /** Accepts many, in the way that is quickest. */
  addMany(jobs: readonly Job[]): Promise<void>;
  close(): Promise<void>;
}

/** What a process that executes is told. */
export interface WorkTerms {
  readonly slots: number;
  /** Steps of each job, the last of which executes it; 0: as its documentation shows a job. */
  readonly steps: number;
  readonly style: Style;
  /** Executes one job. What it gives back is the result. */
  handle(job: Job): Promise<unknown>;
  /** Whether this process is to look as if it ran on another host. */
  readonly far: boolean;
}

/** Whoever executes them. */
export interface Worker {
  /** How many outcomes this process knows to be committed, or null if it cannot tell. */
  settled(): number | null;
  close(): Promise<void>;
}

/** How many jobs stand where. Those that are kept after their end are not counted everywhere. */
export type Survey = {
  readonly waiting: number;
  readonly active: number;
  readonly ended: number | null;
};

export interface Contestant {
  /** Puts schema and queue in place. */
  prepare(place: Place): Promise<void>;
  produce(place: Place, style: Style): Promise<Producer>;
  work(place: Place, terms: WorkTerms): Promise<Worker>;
  /** Asks the store, while all is quiet or to know whether it is. */
  survey(place: Place): Promise<Survey>;
}

/** The contestant behind a side's name. Only its own packages are loaded. */
export async function contestantOf(side: Entry['side']): Promise<Contestant> {
  // As in graphile-worker's own performance test: read when its package is loaded.
  process.env.NO_LOG_SUCCESS = '1';
  switch (side) {
    case 'ours':
      return (await import('./systems/holdfast.ts')).holdfast;
    case 'graphile-batched':
      return (await import('./systems/graphile.ts')).graphile({ batched: true });
    case 'graphile':
      return (await import('./systems/graphile.ts')).graphile({ batched: false });
    case 'pg-boss':
      return (await import('./systems/pg-boss.ts')).pgBoss;
    case 'bullmq':
      return (await import('./systems/bullmq.ts')).bullmqOnRedis;
    case 'bullmq-postgres':
      return (await import('./systems/bullmq.ts')).bullmqOnPostgres;
    case 'dbos':
      return (await import('./systems/dbos.ts')).dbos;
  }
}
