/**
 * Proves the auditors of worlds with several machines: a database that breaks what it promises must
 * be caught.
 */
import { describe, it } from 'node:test';
import { caught } from './caught.ts';
import type { FaultKind, Scenario } from './scenario.ts';

const faults = (...kinds: FaultKind[]): Partial<Scenario> => ({
  faults: new Set(kinds),
  faultEveryMs: 1_500,
  keptMs: null,
  activeMs: 60_000,
  restMsMax: 600_000,
});

/** Nobody sees the process of another place. */
const apart = { hosts: 4, hostOf: [0, 1, 2, 3] } as const;

describe('the auditors catch', () => {
  it('a judge of leases that follows the wall clock of the database', async () => {
    await caught(/^D1 .* was declared dead, renewed/, {
      kind: 'cluster',
      change: { ...faults('database-clock', 'cut'), judge: 'wall' },
    });
    await caught(/^D2 .* nothing kept them from renewing/, {
      kind: 'cluster',
      change: { ...faults('database-clock'), judge: 'wall' },
    });
  });

  it('a judge that follows it by bounded steps, once somebody is cut off', async () => {
    await caught(/^D1 .* was declared dead, renewed/, {
      kind: 'cluster',
      change: { ...faults('database-clock', 'cut'), ...apart, judge: 'bounded-wall' },
    });
  });

  it('a failover that loses what was acknowledged where nothing may be lost', async () => {
    await caught(/^G3 run /, {
      kind: 'cluster',
      silentLossMs: 1_000,
      change: faults('failover'),
    });
  });

  it('fences and keys that are given out again after a failover has lost them', async () => {
    await caught(/^R2 .* belongs to node/, {
      kind: 'lossy',
      change: { ...faults('failover', 'cut'), epochs: false, lostMsMax: 3_000 },
    });
    await caught(/^L1 run .* is executed twice under fence/, {
      kind: 'lossy',
      change: { ...faults('failover', 'cut'), epochs: false, lostMsMax: 3_000 },
    });
  });

  it('a database that accepts ends under a stale fence', async () => {
    await caught(/^(G2 run .* has the result|L7 .* begins run)/, {
      kind: 'cluster',
      plant: (store, world) => ({
        ...store,
        end: (items) =>
          store.end(
            items.map((item) => {
              const row = [...world.rows()].find(({ seq }) => seq === item.seq);
              return { ...item, fence: row?.fence ?? item.fence };
            }),
          ),
      }),
      change: {
        ...faults('pause', 'stall', 'cut', 'store-delay'),
        ...apart,
        ...{ leaseTtlMs: 2_000, heartbeatMs: 400, storeFaultShare: 0.6 },
      },
    });
  });
});
