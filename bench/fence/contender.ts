/**
 * Owns the contract of a system in the fence test, and the list of them.
 *
 * F1 A system runs as its documentation says, recovering from a dead worker as fast as its own
 *    settings allow or its maintainers advise. They are printed with the verdict.
 * F2 A handler is deaf: it does not listen to signals, and returns when it is told to. What keeps
 *    its late result out is the system.
 */
import type { Sight } from './history.ts';

/** What a handler gives back. */
export type Done = { readonly by: string };

/** One process that executes. */
export interface Work {
  readonly url: string;
  handle(): Promise<Done>;
  /** What the system's code says in this process. */
  say(words: string): void;
}

/** The referee's own way to the system: starts jobs and looks at them, but executes nothing. */
export interface Desk {
  /** Accepts a job and gives its id. */
  start(): Promise<string>;
  look(id: string): Promise<Sight>;
  /** What an operator can do about a job whose owner is gone, if the system does nothing. */
  unlock?(id: string): Promise<void>;
  close(): Promise<void>;
}

export interface Contender {
  /** Puts schema and queue in place. */
  prepare(url: string): Promise<void>;
  desk(url: string): Promise<Desk>;
  /** Goes to work, and resolves when it is ready for a job. The process is killed at the end. */
  work(work: Work): Promise<void>;
}

/** What a system runs on. */
export type Ground = 'sqlite' | 'postgres' | 'redis';

export interface Entry {
  readonly title: string;
  readonly package: string;
  readonly ground: Ground;
  readonly settings: string;
  /** How long the referee waits for the system's own recovery. */
  readonly recoveryMsMax: number;
  /** What the referee does then, if the system's documentation offers something. */
  readonly operator?: string;
}

const bossTerms =
  'heartbeatSeconds 10 (the least it allows), superviseIntervalSeconds 1, ' +
  'monitorIntervalSeconds 1, retryLimit 3, retryDelay 0, pollingIntervalSeconds 0.5';
const bullTerms = 'lockDuration and stalledInterval 5 s (the least that its maintainers advise)';

/** Every system, ours first. */
export const entries = {
  'holdfast-sqlite': {
    ...{ title: 'holdfast on SQLite', package: 'holdfast', ground: 'sqlite' },
    ...{ settings: 'leaseTtlMs 2,000', recoveryMsMax: 20_000 },
  },
  'holdfast-postgres': {
    ...{ title: 'holdfast on Postgres', package: 'holdfast', ground: 'postgres' },
    ...{ settings: 'leaseTtlMs 2,000', recoveryMsMax: 20_000 },
  },
  'graphile-worker': {
    ...{ title: 'graphile-worker', package: 'graphile-worker', ground: 'postgres' },
    settings: 'pollInterval 500; its lock lasts 4 hours, which no setting shortens',
    ...{ recoveryMsMax: 20_000, operator: 'forceUnlockWorkers' },
  },
  'pg-boss': {
    ...{ title: 'pg-boss', package: 'pg-boss', ground: 'postgres' },
    ...{ settings: `work(); ${bossTerms}`, recoveryMsMax: 45_000 },
  },
  'pg-boss-by-id': {
    ...{ title: 'pg-boss, completed by id', package: 'pg-boss', ground: 'postgres' },
    settings:
      'fetch(), touch() every 5 s, complete(queue, job.id, result), which is fenced only if it ' +
      `is given the job in the place of its id; ${bossTerms}`,
    recoveryMsMax: 45_000,
  },
  'bullmq-redis': {
    ...{ title: 'BullMQ on Redis', package: 'bullmq', ground: 'redis' },
    ...{ settings: `${bullTerms}; appendfsync always`, recoveryMsMax: 45_000 },
  },
  'bullmq-postgres': {
    ...{ title: 'BullMQ on Postgres', package: 'bullmq', ground: 'postgres' },
    ...{ settings: bullTerms, recoveryMsMax: 45_000 },
  },
} as const satisfies Readonly<Record<string, Entry>>;

export type System = keyof typeof entries;
export const systems = Object.keys(entries) as readonly System[];

/** What is known about a system before it plays. */
export const entryOf = (system: System): Entry => entries[system];

/** Whether it is ours, and its verdict decides the exit code. */
export const isOurs = (system: System): boolean => system.startsWith('holdfast-');

/** The system itself. Only its own packages are loaded. */
export async function contenderOf(system: System): Promise<Contender> {
  switch (system) {
    case 'holdfast-sqlite':
    case 'holdfast-postgres':
      return (await import('./systems/holdfast.ts')).holdfast;
    case 'graphile-worker':
      return (await import('./systems/graphile.ts')).graphile;
    case 'pg-boss':
      return (await import('./systems/pg-boss.ts')).pgBossWorking;
    case 'pg-boss-by-id':
      return (await import('./systems/pg-boss.ts')).pgBossById;
    case 'bullmq-redis':
      return (await import('./systems/bullmq.ts')).bullmqOnRedis;
    case 'bullmq-postgres':
      return (await import('./systems/bullmq.ts')).bullmqOnPostgres;
  }
}
