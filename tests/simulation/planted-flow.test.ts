/**
 * Proves the auditors of flow control and of dead letters: a store that breaks one of their rules
 * must be caught.
 */
import { describe, it } from 'node:test';
import type { Store } from '../../src/ports/store.ts';
import type { StartFlow } from '../../src/ports/store-flow.ts';
import type { StartItem, StartVerdict } from '../../src/ports/store-runs.ts';
import { type Broken, caught as caughtIn } from './caught.ts';
import type { FlowName } from './flow-terms.ts';
import type { Meddling, Scenario } from './scenario.ts';
import type { SimWorld } from './sim-world.ts';

const calm: Partial<Scenario> = {
  faults: new Set(),
  keptMs: null,
  restMsMax: 600_000,
  runs: 4,
};

/** In worlds of one machine in which nothing but this goes wrong. */
const caught = (
  expected: RegExp,
  names: readonly FlowName[],
  plant: Broken['plant'] & {},
  meddlings: readonly Meddling[] = [],
): Promise<void> => {
  const change = { ...calm, flows: new Set(names), meddlings: new Set(meddlings) };
  return caughtIn(expected, { kind: 'host', plant, change });
};

/** A store that starts under other terms than it is told. */
const otherTerms =
  (change: (flow: StartFlow, item: StartItem) => StartFlow) =>
  (store: Store): Store => ({
    ...store,
    start: (items) =>
      store.start(
        items.map((item) => {
          const { flow } = item;
          return flow === undefined ? item : { ...item, flow: change(flow, item) };
        }),
      ),
  });

const noTerms = otherTerms(() => ({}));

/** What a plant remembers, of each world by itself. */
function perWorld<Memory>(make: () => Memory): (world: SimWorld) => Memory {
  const known = new WeakMap<SimWorld, Memory>();
  return (world) => {
    const memory = known.get(world) ?? make();
    known.set(world, memory);
    return memory;
  };
}

/** A store that gives some starts this verdict, and is not even asked; null: it is asked. */
const otherVerdict = <Memory>(
  make: () => Memory,
  verdictOf: (item: StartItem, memory: Memory) => StartVerdict | null,
  heard: (item: StartItem, verdict: StartVerdict, memory: Memory) => void = () => {},
): Broken['plant'] & {} => {
  const memories = perWorld(make);
  return (store, world) => ({
    ...store,
    async start(items) {
      const memory = memories(world);
      const own = items.map((item) => verdictOf(item, memory));
      const asked = items.filter((_, at) => own[at] === null);
      const { reply, woken } = await store.start(asked);
      for (const [at, item] of asked.entries()) {
        const verdict = reply[at];
        if (verdict !== undefined) heard(item, verdict, memory);
      }
      const rest = [...reply];
      return { reply: own.flatMap((one) => one ?? rest.shift() ?? []), woken };
    },
  });
};

/** Every start is the first run of its key, for ever. */
const joins = (fn: FlowName, how: 'debounced' | 'unique'): Broken['plant'] & {} => {
  const keyOf = ({ tenant, tags }: StartItem): string => `${tenant} ${tags.join()}`;
  return otherVerdict(
    () => new Map<string, string>(),
    (item, firsts) => {
      const id = item.fn === fn ? firsts.get(keyOf(item)) : undefined;
      return id === undefined ? null : { ok: true, id, created: false, how };
    },
    (item, verdict, firsts) => {
      if (item.fn === fn && verdict.ok) firsts.set(keyOf(item), verdict.id);
    },
  );
};

describe('the auditors of paces catch', () => {
  it('a window and a bucket that let more through', async () => {
    await caught(/^P1 start .* of rated/, ['rated'], noTerms);
    await caught(/^P1 start .* of bucketed/, ['bucketed'], noTerms);
  });

  it('tenants that count apart where they should count together', async () => {
    const apart = otherTerms(({ rateLimit, ...flow }) =>
      rateLimit === undefined ? flow : { ...flow, rateLimit: { ...rateLimit, tenants: 'each' } },
    );
    await caught(/^P1 start .* of bucketed .* is over its bucket/, ['bucketed'], apart);
  });

  it('a throttle that makes too many due', async () => {
    const wider = otherTerms(({ throttle, ...flow }) =>
      throttle === undefined ? flow : { ...flow, throttle: { ...throttle, max: 3 } },
    );
    await caught(/^P2 start .* makes 3 due within/, ['throttled'], wider);
  });

  it('a start that is refused although there was room', async () => {
    const message = 'there is no room';
    const stingy = otherTerms(({ rateLimit, ...flow }) =>
      rateLimit === undefined ? flow : { ...flow, rateLimit: { ...rateLimit, max: 1 } },
    );
    await caught(/^P3 start .* of rated .* was refused/, ['rated'], stingy);
    const refused = { ok: false, code: 'rate.limited', message, retryAfterMs: 1 } as const;
    const now = otherVerdict(
      () => ({ starts: 0 }),
      ({ fn }, memory) => {
        if (fn === 'bucketed') memory.starts += 1;
        return fn === 'bucketed' && memory.starts % 9 === 1 ? refused : null;
      },
    );
    await caught(/^P3 start .* of bucketed .* was refused/, ['bucketed'], now);
  });
});

describe('the auditors of flow control catch', () => {
  it('a debounce that waits for more quiet, and one without a deadline', async () => {
    const longer = (term: 'quietMs' | 'maxMs') =>
      otherTerms(({ debounce, ...flow }) =>
        debounce === undefined ? flow : { ...flow, debounce: { ...debounce, [term]: 30_000 } },
      );
    await caught(/^F1 run .* is due/, ['debounced'], longer('quietMs'));
    await caught(/^F1 run .* is due/, ['debounced'], longer('maxMs'));
  });

  it('a debounce that keeps the first input', async () => {
    const firsts = perWorld(() => new Map<string, string>());
    const stale: Broken['plant'] & {} = (store, world) => ({
      ...store,
      start: (items) =>
        store.start(
          items.map((item) => {
            if (item.fn !== 'debounced') return item;
            const key = `${item.tenant} ${item.tags.join()}`;
            const input = firsts(world).get(key) ?? item.input;
            firsts(world).set(key, input);
            return { ...item, input };
          }),
        ),
    });
    await caught(/^F2 run .* is given .* its last start gave/, ['debounced'], stale);
  });

  it('starts that are not merged, and such as are merged into what has begun', async () => {
    await caught(/^F2 run .* was made beside .* waits for its quiet/, ['debounced'], (store) => ({
      ...store,
      start: (items) =>
        store.start(
          items.map((item) =>
            item.flow?.debounce === undefined
              ? item
              : { ...item, flow: { debounce: { ...item.flow.debounce, key: item.id } } },
          ),
        ),
    }));
    await caught(
      /^F1 start .* became run .* which is .* already/,
      ['debounced'],
      joins('debounced', 'debounced'),
    );
  });

  it('a start that is forgotten, and so becomes another run when it is sent again', async () => {
    const seen = perWorld(() => new Set<string>());
    const forgets: Broken['plant'] & {} = (store, world) => ({
      ...store,
      start: (items) =>
        store.start(
          items.map((item) => {
            if (item.fn !== 'debounced') return item;
            const again = seen(world).has(item.id);
            seen(world).add(item.id);
            return again ? { ...item, id: `${item.id}-again` } : item;
          }),
        ),
    });
    await caught(/^F2 start .* became run .* and then .*-again/, ['debounced'], forgets);
  });

  it('two runs that should be one, and one that is over', async () => {
    await caught(/^F3 run .* of single was made beside/, ['single'], noTerms);
    await caught(/^F3 run .* of pending was made beside/, ['pending'], noTerms);
    await caught(
      /^F3 start .* was told of run .* which is done/,
      ['single'],
      joins('single', 'unique'),
    );
  });

  it('lanes in which nobody gives way', async () => {
    await caught(/^F4 run .* \(drops\) found its lane taken/, ['drops'], noTerms);
    await caught(/^F4 run .* \(cancels\) leaves alone/, ['cancels'], noTerms);
    await caught(/^F4 run .* \(replaces\) leaves waiting/, ['replaces'], noTerms);
  });

  it('somebody who gives way where nobody has to, and a refusal without a reason', async () => {
    const harsh = otherTerms((flow, { fn }) =>
      fn === 'drops' ? { onConflict: 'replace-waiting' } : flow,
    );
    await caught(/^F4 run .* gave way .* and says/, ['drops'], harsh);
    const busy = { ok: false, code: 'lane.busy', message: 'somebody is there' } as const;
    const shut = otherVerdict(
      () => null,
      ({ fn }) => (fn === 'drops' ? busy : null),
    );
    await caught(/^F4 start .* was refused, and nobody is in its lane/, ['drops'], shut);
  });
});

describe('the auditor of dead letters catches', () => {
  const deals = ['dead-letters'] as const;

  it('one that is redriven twice', async () => {
    await caught(
      /^D4 run .* was redriven as .* and again/,
      ['single', 'pending'],
      (store) => ({ ...store, redrive: (items) => store.retry(items) as never }),
      deals,
    );
  });

  it('one that is discarded and stays', async () => {
    await caught(
      /^D3 run .* is listed as a dead letter/,
      ['single', 'pending'],
      (store) => ({
        ...store,
        discard: async (items) => ({
          reply: items.map(() => ({ ok: true }) as const),
          woken: { ready: false, stop: false, done: false },
        }),
      }),
      deals,
    );
  });

  it('one that somebody took off the list', async () => {
    await caught(
      /^D3 run .* is no dead letter of the store/,
      ['single', 'pending'],
      (store) => ({
        ...store,
        redrive: async (items) => {
          await store.discard(items.map(({ id }) => ({ id, reason: 'planted' })));
          const verdict = { ok: false, code: 'dead.not_found', message: 'it is gone' } as const;
          return {
            reply: items.map(() => verdict),
            woken: { ready: false, stop: false, done: false },
          };
        },
      }),
      deals,
    );
  });
});
