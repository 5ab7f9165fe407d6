/**
 * Owns the list of contestants: who they are, in which versions and at which settings.
 */
import { packageVersion } from '../machine.ts';
import { type Durability, peerTitles, type StorePeer } from '../measure.ts';
import { redisVersion } from '../redis-server.ts';
import type { Peers } from '../result.ts';
import { serverSettings, serverVersion } from './server.ts';

/** The peers that are job systems by themselves. */
type JobSystem = Exclude<StorePeer, 'bare'>;

export interface Entry {
  readonly side: 'ours' | JobSystem;
  readonly durability: Durability;
  /** How it is called on the terminal. */
  readonly title: string;
  /** Whether it works off jobs in batches; others get fewer of them. */
  readonly batched: boolean;
}

interface PeerEntry {
  readonly package: string;
  readonly batched: boolean;
  readonly settings: string;
}

const peers: Readonly<Record<JobSystem, PeerEntry>> = {
  'graphile-batched': {
    ...{ package: 'graphile-worker', batched: true },
    settings:
      'localQueue.size 500 (not for latency), completeJobBatchDelay 0, failJobBatchDelay 0, ' +
      'maxPoolSize slots + 1; starts through a pool of 10; keeps no results',
  },
  graphile: {
    ...{ package: 'graphile-worker', batched: false },
    settings: 'defaults, maxPoolSize slots + 1; starts through a pool of 10; keeps no results',
  },
  'pg-boss': {
    ...{ package: 'pg-boss', batched: true },
    settings:
      'burstWhenBatchFull; burn-down: 2 fetchers of batchSize 500, no notify, completed by the ' +
      'batch and so without results; held: the same with notify; elsewhere notify, 1 fetcher of ' +
      'batchSize 24 (latency) or slots / 4 of batchSize 4; takeover: heartbeatSeconds 10, ' +
      'superviseIntervalSeconds 1, monitorIntervalSeconds 1; tenants: groupConcurrency slots / 2',
  },
  bullmq: {
    ...{ package: 'bullmq', batched: false },
    settings:
      'appendonly yes, appendfsync always, no snapshots; one Worker with concurrency slots, ' +
      'results kept; takeover: lockDuration and stalledInterval 5 s',
  },
  'bullmq-postgres': {
    ...{ package: 'bullmq', batched: false },
    settings:
      'createPostgresBackend, a pool as large as concurrency; starts through a pool of 10; ' +
      'results kept; takeover: lockDuration and stalledInterval 5 s',
  },
  dbos: {
    ...{ package: '@dbos-inc/dbos-sdk', batched: false },
    settings:
      'a queue of workflows with one step, workerConcurrency 100, minPollingIntervalMs 50, ' +
      'a pool of 20; starts through a DBOSClient with a pool of 10; results kept; tenants: ' +
      'partitions with partitionWorkerConcurrency slots / 2',
  },
};

const names = Object.keys(peers) as readonly JobSystem[];
const ours: readonly Entry[] = [
  { side: 'ours', durability: 'full', title: 'holdfast', batched: true },
  { side: 'ours', durability: 'relaxed', title: 'holdfast (relaxed)', batched: true },
];

/** The contestants of a part that are wanted and can be measured here. */
export function rosterOf(
  wanted: readonly string[],
  can: (entry: Entry) => boolean = () => true,
): readonly Entry[] {
  const theirs = names.map(
    (side): Entry => ({
      ...{
        side,
        durability: 'full',
        title: side === 'bullmq' ? 'BullMQ on Redis' : peerTitles[side],
      },
      batched: peers[side].batched,
    }),
  );
  return [...ours, ...theirs].filter(
    (entry) =>
      can(entry) &&
      (entry.side !== 'bullmq' || redisVersion() !== undefined) &&
      (wanted.length === 0 || wanted.includes(entry.side === 'ours' ? 'holdfast' : entry.side)),
  );
}

/** All peers, for the result. */
export function peerVersions(): Peers {
  const server = `PostgreSQL ${serverVersion()} (${Object.entries(serverSettings)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')})`;
  const redis = redisVersion();
  const entries = names
    .filter((peer) => peer !== 'bullmq' || redis !== undefined)
    .map((peer) => {
      const { package: name, settings } = peers[peer];
      const on = peer === 'bullmq' ? `Redis ${redis}` : server;
      return [peer, { version: packageVersion(name), server: on, settings }] as const;
    });
  return Object.fromEntries(entries);
}
