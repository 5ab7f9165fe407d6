/**
 * Proves the auditors: a world with a planted fault must be caught. An auditor that finds nothing
 * in a broken world says nothing about a sound one.
 */
import { describe, it } from 'node:test';
import { fenceOf } from '../../src/core/fence.ts';
import { monoMs } from '../../src/core/time.ts';
import type { Store } from '../../src/ports/store.ts';
import type { ClaimReply } from '../../src/ports/store-runs.ts';
import { type Broken, caught as caughtIn } from './caught.ts';
import type { FaultKind, Scenario } from './scenario.ts';
import type { SimWorld } from './sim-world.ts';

/** In worlds of one machine. */
const caught = (
  expected: RegExp,
  plant: Broken['plant'] & {},
  change: Partial<Scenario>,
): Promise<void> => caughtIn(expected, { kind: 'host', plant, change });

const faults = (...kinds: FaultKind[]): Partial<Scenario> => ({
  faults: new Set(kinds),
  faultEveryMs: 1_500,
  leaseTtlMs: 2_000,
  heartbeatMs: 400,
  keptMs: null,
  restMsMax: 600_000,
});

describe('the auditors catch', () => {
  it('a store that accepts ends under a stale fence', async () => {
    await caught(
      /^(L5 run .* succeeded under fence|G2 run .* has the result)/,
      (store, world) => ({
        ...store,
        end: (items) =>
          store.end(
            items.map((item) => {
              const row = [...world.rows()].find(({ seq }) => seq === item.seq);
              return { ...item, fence: row?.fence ?? item.fence };
            }),
          ),
      }),
      { ...faults('pause', 'stall', 'stuck', 'store-delay'), storeFaultShare: 0.6 },
    );
  });

  it('steps that are forgotten, and so done again', async () => {
    // Once for each run: code that never sees the end of a wait would be parked and woken for ever.
    const forgotten = new Set<string>();
    await caught(
      /^K2 run .* again, which has ended/,
      (store) => ({
        ...store,
        steps: async (...ask) => {
          const page = await store.steps(...ask);
          if (page === null || page.steps.length === 0 || forgotten.has(ask[0])) return page;
          forgotten.add(ask[0]);
          return { ...page, steps: [] };
        },
      }),
      faults('crash'),
    );
  });

  it('a lane that lets two in', async () => {
    const wide = <T extends { readonly laneWidth: number }>(item: T): T => ({
      ...item,
      laneWidth: 9,
    });
    const plant = (store: Store): Store => ({
      ...store,
      start: (items) => store.start(items.map(wide)),
    });
    await caught(/^R5 .* entered a lane of width/, plant, faults());
    await caught(/^L2 lane .* executes/, plant, faults());
  });

  it('a run that was acknowledged and never written', async () => {
    let starts = 0;
    await caught(
      /^(U1|G3) run .* was acknowledged/,
      (store) => ({
        ...store,
        start: async (items) => {
          starts += 1;
          if (starts % 5 !== 0) return store.start(items);
          const reply = items.map(({ id }) => ({ ok: true, id, created: true }) as const);
          return { reply, woken: { ready: false, stop: false, done: false } };
        },
      }),
      faults(),
    );
  });

  it('an outcome that is told otherwise than it is kept', async () => {
    await caught(
      /^U2 a waiter of run .* was told/,
      (store) => ({
        ...store,
        ends: async (ids) => {
          const { ended, unknown } = await store.ends(ids);
          const failed = { kind: 'lost', error: null } as const;
          return { ended: ended.map((one) => ({ ...one, outcome: failed })), unknown };
        },
      }),
      faults(),
    );
  });

  it('one claim that is handed to two nodes', async () => {
    const handedOut = new WeakMap<SimWorld, ClaimReply>();
    await caught(
      /^L1 run .* is executed twice under fence/,
      (store, world) => ({
        ...store,
        claim: async (ask) => {
          const reply = await store.claim(ask);
          const before = handedOut.get(world);
          if (reply.ok && reply.runs.length > 0) handedOut.set(world, reply);
          return reply.ok && reply.runs.length === 0 && before?.ok ? before : reply;
        },
      }),
      faults(),
    );
  });

  it('a node that trusts its lease for ever', async () => {
    await caught(
      /^L4 .* acts for run .* (is dead|lost its lease)/,
      (store, world) => ({
        ...store,
        keepAlive: (ask) => {
          const keeper = store.keepAlive(ask);
          return { ...keeper, lastRenewalStarted: () => monoMs(world.clock.mono()) };
        },
      }),
      { ...faults('stuck', 'blind-process-table'), activeMs: 60_000 },
    );
  });

  it('a place that is never given back', async () => {
    await caught(
      /^(S2|G3) /,
      (store) => ({
        ...store,
        settled: async () => ({
          reply: undefined,
          woken: { ready: false, stop: false, done: false },
        }),
      }),
      faults('stall'),
    );
  });

  it('ends that never get to the store', async () => {
    await caught(
      /^G3 run .* is still running/,
      (store) => ({
        ...store,
        end: (items) => store.end(items.map((item) => ({ ...item, fence: fenceOf(0) }))),
      }),
      faults(),
    );
  });
});
