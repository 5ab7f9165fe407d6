/**
 * Owns where the store of a chaos run is, and the faults that can be made there: a file whose lock
 * is held, or a Postgres of its own behind a network that can be broken.
 *
 * I1 Half of the processes reach a Postgres directly and half by way of the proxy, so that most
 *    faults of the network split the crew. Workers behind the proxy pass for another machine.
 * I2 After `heal` the store can be reached by everybody.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { judgeStepMsMax, renewalAheadMs } from '../../src/store/judge-clock.ts';
import { type Cluster, startCluster } from '../postgres/cluster.ts';
import { type NetProxy, startProxy } from '../postgres/proxy.ts';
import { patienceMs } from '../process/wait.ts';
import type { Fault, Rhythm } from './nemesis.ts';
import { pause } from './pause.ts';

/** A store and what can go wrong with it. */
export interface Place {
  readonly kind: 'sqlite' | 'postgres';
  /** Undisturbed but for what happens to the server itself. */
  readonly direct: string;
  /** For the process of this number. */
  storeFor(index: number): string;
  readonly faults: readonly Fault[];
  readonly rhythm: Rhythm;
  /** After so long without a renewal others hold a lease to be over. */
  readonly leaseOverMs: number;
  /** See ProcessTerms. */
  between(freeze: () => Promise<void>): Promise<void>;
  heal(): Promise<void>;
  close(): Promise<void>;
}

/** A store in a file. */
export function sqlitePlace(folder: string, leaseTtlMs: number): Place {
  const path = join(folder, 'store.db');
  let before = Promise.resolve();
  // One after another: waiting for the lock stops this process, and so whoever would let it go.
  const hold = (act: () => Promise<void>): Promise<void> => {
    const turn = before.then(() => locked(act));
    before = turn.catch(() => {});
    return turn;
  };
  const locked = async (act: () => Promise<void>): Promise<void> => {
    const db = new DatabaseSync(path, { timeout: patienceMs });
    try {
      db.exec('BEGIN IMMEDIATE');
      await act();
      db.exec('ROLLBACK');
    } finally {
      db.close();
    }
  };
  return {
    kind: 'sqlite',
    direct: path,
    storeFor: () => path,
    faults: [
      {
        kind: 'lock-held',
        cards: 1,
        async strike({ random, pen, signal }) {
          pen({ what: 'fault', kind: 'lock-held', target: 'store', on: true });
          await hold(() => pause(random.int(leaseTtlMs * 1.5), signal));
          pen({ what: 'fault', kind: 'lock-held', target: 'store', on: false });
          return 1;
        },
      },
    ],
    rhythm: { restMsMin: 3_000, restMsMax: 8_000 },
    leaseOverMs: leaseTtlMs,
    // Frozen inside a transaction it would hold the lock of the file for everybody.
    between: hold,
    heal: async () => {},
    close: async () => {},
  };
}

/** A Postgres of its own. */
export async function postgresPlace(leaseTtlMs: number): Promise<Place> {
  const leaseOverMs = leaseTtlMs + renewalAheadMs(leaseTtlMs, judgeStepMsMax);
  const cluster = await startCluster({ settings: { max_connections: '200' } });
  const direct = await cluster.createDatabase('chaos');
  const proxy = await startProxy(cluster.port);
  return {
    kind: 'postgres',
    direct,
    storeFor: (index) => (index % 2 === 0 ? direct : proxy.url(direct)),
    faults: [
      ...serverFaults(cluster, direct, leaseTtlMs),
      ...networkFaults(proxy, leaseTtlMs, leaseOverMs),
    ],
    rhythm: { restMsMin: 1_000, restMsMax: 4_000 },
    leaseOverMs,
    between: (freeze) => freeze(),
    async heal() {
      proxy.heal();
      if (cluster.pid === null) await cluster.start();
    },
    async close() {
      await proxy.close();
      await cluster.dispose();
    },
  };
}

function serverFaults(cluster: Cluster, url: string, leaseTtlMs: number): readonly Fault[] {
  return [
    {
      kind: 'server-stop',
      cards: 3,
      async strike({ random, pen, signal }) {
        pen({ what: 'fault', kind: 'server-stop', target: 'server', on: true });
        await cluster.stop('immediate');
        const down = cluster.pid === null ? 1 : 0;
        const longer = random.chance(0.3) ? leaseTtlMs * 1.5 : leaseTtlMs * 0.4;
        await pause(random.int(longer), signal);
        await cluster.start();
        pen({ what: 'fault', kind: 'server-stop', target: 'server', on: false });
        return down;
      },
    },
    {
      kind: 'backends-terminated',
      cards: 3,
      async strike({ random, pen }) {
        pen({ what: 'fault', kind: 'backends-terminated', target: 'server', on: true });
        return terminate(url, random.chance(0.3) ? 1 : 0.4);
      },
    },
  ];
}

/** Ends a share of the sessions of the crew; how many it ended. */
async function terminate(url: string, share: number): Promise<number> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: patienceMs });
  // The server may be stopped under this session like under any other.
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ ended: boolean }>(
      `select pg_terminate_backend(pid) as ended from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and random() < $1`,
      [share],
    );
    return rows.filter(({ ended }) => ended).length;
  } catch {
    return 0;
  } finally {
    await client.end().catch(() => {});
  }
}

function networkFaults(proxy: NetProxy, leaseTtlMs: number, leaseOverMs: number): readonly Fault[] {
  const fault = (
    kind: string,
    strike: (
      pass: (msMin: number, msMax: number) => Promise<void>,
      chance: () => number,
    ) => Promise<number>,
    cards = 1,
  ): Fault => ({
    kind,
    cards,
    async strike({ random, pen, signal }) {
      pen({ what: 'fault', kind, target: 'network', on: true });
      try {
        return await strike(
          (msMin, msMax) => pause(random.between(msMin, msMax), signal),
          () => random.next(),
        );
      } finally {
        proxy.heal();
        pen({ what: 'fault', kind, target: 'network', on: false });
      }
    },
  });
  return [
    fault('network-slow', async (pass, chance) => {
      const before = proxy.counters.bytesUp;
      proxy.delay(20 + chance() * 400);
      await pass(leaseTtlMs / 2, leaseTtlMs * 2);
      return proxy.counters.bytesUp > before ? 1 : 0;
    }),
    // What is under way then arrives after the lease is over, and others have taken over.
    fault(
      'network-hangs',
      async (pass) => {
        proxy.hang();
        await pass(leaseOverMs * 1.2, leaseOverMs * 1.6);
        return proxy.counters.bytesHeld > 0 ? 1 : 0;
      },
      3,
    ),
    fault('network-half-closed', async (pass, chance) => {
      const { open } = proxy.counters;
      proxy.halfClose(chance() < 0.5 ? 'client' : 'server');
      await pass(leaseTtlMs / 4, leaseTtlMs);
      return open;
    }),
    fault('network-cut', async (pass) => {
      const before = proxy.counters.cut;
      proxy.cut();
      await pass(50, 200);
      return proxy.counters.cut - before;
    }),
    fault('network-refused', async (pass) => {
      const before = proxy.counters.refused;
      proxy.refuse();
      await pass(leaseTtlMs / 4, leaseTtlMs);
      return proxy.counters.refused - before;
    }),
  ];
}
