/**
 * What the cases of the peer share: BullMQ with its defaults, results kept.
 */
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import type { Ask } from '../case.ts';
import type { Durability } from '../measure.ts';

/** What every case of the peer is opened with. */
export type PeerParams = Ask & {
  readonly redis: { readonly host: string; readonly port: number };
  readonly durability: Durability;
};

/** A queue that is deleted with all that is in it. */
export interface PeerQueue {
  readonly queue: Queue;
  readonly connection: { host: string; port: number; maxRetriesPerRequest: null };
  drop(): Promise<void>;
}

let queues = 0;

/** A queue, fresh unless it is named; workers of it take its connection's settings. */
export async function openQueue({ redis }: PeerParams, name?: string): Promise<PeerQueue> {
  // Workers insist on commands that are retried for ever.
  const connection = { ...redis, maxRetriesPerRequest: null };
  const queue = new Queue(name ?? `bench-${process.pid}-${queues++}`, { connection });
  await queue.waitUntilReady();
  return {
    queue,
    connection,
    async drop() {
      await queue.obliterate({ force: true });
      await queue.close();
    },
  };
}

/** Inserts jobs in calls of a part each. */
export async function addJobs(queue: Queue, parts: Iterable<readonly number[]>): Promise<void> {
  for (const part of parts) {
    await queue.addBulk(part.map((n) => ({ name: 'noop', data: { n } })));
  }
}

/** One section of what the server says of itself, by name. */
export async function serverInfo(
  { redis }: PeerParams,
  section: string,
): Promise<ReadonlyMap<string, string>> {
  const client = new Redis(redis);
  const lines = (await client.info(section)).split('\r\n');
  client.disconnect();
  return new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1)];
    }),
  );
}
