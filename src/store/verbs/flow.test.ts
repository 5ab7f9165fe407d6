/** What flow control keeps: how long, and that it is forgotten. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { plainPolicy } from '../../../tests/contract/store/scene.ts';
import { monoMs, type WallMs, wallMs } from '../../core/time.ts';
import type { StartFlow } from '../../ports/store-flow.ts';
import type { StartItem } from '../../ports/store-runs.ts';
import { openTables } from '../memory/tables.ts';
import { pruneFlows } from './flow.ts';
import { start } from './start.ts';
import { openTxn, type Txn } from './txn.ts';

const began = 1_700_000_000_000;
const minute = 60_000;

/** Tables, and transactions on them at any time. */
function world() {
  const tables = openTables();
  const at = (ms: number): Txn =>
    openTxn(tables, { wall: wallMs(began + ms), judge: monoMs(ms), boot: 'one' });
  let runs = 0;
  const id = (): string => {
    runs += 1;
    return `run-${runs}`;
  };
  const item = (flow: StartFlow): StartItem => ({
    ...{ id: id(), idempotent: true, fn: 'work', input: 'null', lane: null },
    ...{ laneWidth: 1, tenant: 'default', prioritySeconds: 0, dueAt: null, deadlineAt: null },
    ...{ tags: [], policy: plainPolicy, flow },
  });
  const ask = (ms: number, ...flows: readonly StartFlow[]) =>
    start(
      at(ms),
      flows.map((flow) => item(flow)),
    ).reply;
  return { tables, at, ask, item };
}

const each = { key: '', tenants: 'each' } as const;
const rateLimit = { ...each, max: 1, perMs: minute, algorithm: 'sliding' } as const;

describe('what flow control keeps', () => {
  it('is forgotten when it says nothing any more, and no sooner', () => {
    const { tables, at, ask } = world();
    ask(0, { rateLimit }, { rateLimit: { ...rateLimit, algorithm: 'bucket' } });
    ask(0, { throttle: { ...each, max: 1, perMs: minute } });
    ask(0, { throttle: { ...each, max: 1, perMs: minute } });
    assert.equal(tables.flows.count(), 3);
    assert.equal(pruneFlows(at(minute - 1), 100), 0);
    assert.equal(pruneFlows(at(minute), 100), 2);
    assert.equal(tables.flows.count(), 1, 'the throttle has a run to come');
    assert.equal(pruneFlows(at(2 * minute), 100), 1);
    assert.equal(tables.flows.count(), 0);
  });

  it('is looked at in bounded steps', () => {
    const { tables, at, ask } = world();
    for (const key of ['a', 'b', 'c']) ask(0, { rateLimit: { ...rateLimit, key } });
    assert.equal(pruneFlows(at(minute), 2), 2);
    assert.equal(tables.flows.count(), 1);
  });

  it('stays while its run goes on, looked at ever more seldom', () => {
    const { tables, at, ask } = world();
    const unique = { key: 'k', while: 'unfinished' } as const;
    ask(0, { unique });
    const next = (): WallMs => {
      const [row] = tables.flows.expired(wallMs(Number.MAX_SAFE_INTEGER), 1);
      assert.ok(row !== undefined);
      return row.expiresAt;
    };
    const looks: number[] = [];
    for (let look = 0; look < 4; look += 1) {
      looks.push((next() - began) / minute);
      pruneFlows(at(next() - began), 10);
    }
    assert.deepEqual(looks, [5, 20, 80, 320]);
    assert.deepEqual(ask(minute, { unique })[0], {
      ...{ ok: true, id: 'run-1', created: false, how: 'unique' },
    });
  });

  it('lets nothing vanish that arrives from a transaction', () => {
    const { tables, at, item } = world();
    const items = [item({ rateLimit }), item({ rateLimit })];
    const { reply, woken } = start(at(0), items, true);
    assert.deepEqual(
      reply.map(({ ok }) => ok),
      [true, true],
    );
    assert.equal(woken.done, true);
    const refused = tables.runs.byId('run-2');
    assert.deepEqual([refused?.stage, refused?.outcome], ['done', 'rejected']);
    assert.match(refused?.error ?? '', /"code":"rate.limited"/);
    assert.equal(tables.runs.live(), 1);
  });

  it('moves along when the clock steps back, with a start that is refused too', () => {
    const { ask } = world();
    for (const algorithm of ['sliding', 'bucket'] as const) {
      const rate = { rateLimit: { ...rateLimit, algorithm } };
      assert.equal(ask(0, rate)[0]?.ok, true);
      assert.equal(ask(-60 * minute, rate)[0]?.ok, false);
      assert.equal(ask(-59 * minute, rate)[0]?.ok, true, 'as it was told');
    }
  });

  it('uses nothing up for a start that is refused', () => {
    const { tables, ask } = world();
    ask(0, { rateLimit });
    const place = { fn: 'work', tenant: 'default', key: '', term: 'sliding' } as const;
    const before = tables.flows.get(place);
    const [refused] = ask(1, { rateLimit, throttle: { ...each, max: 1, perMs: minute } });
    assert.equal(refused?.ok, false);
    assert.deepEqual(tables.flows.get(place), before);
    assert.equal(tables.flows.count(), 1);
  });
});
