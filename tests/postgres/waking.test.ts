/**
 * Several connections at once on the waits of the same runs: no event falls between a wait that
 * begins and the event that comes, and no run sleeps through an end.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import pg from 'pg';
import type { ClaimedRun } from '../../src/ports/store-runs.ts';
import type { StepWrite } from '../../src/ports/store-steps.ts';
import type { PostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { parsePostgresAddress } from '../../src/system/postgres/address.ts';
import { approval, end, over, sleep, waitFor } from '../contract/store/step-words.ts';
import { type StoreScene, storeScene } from './store-scene.ts';

const runs = 60;

async function claimed(at: StoreScene, count: number): Promise<readonly ClaimedRun[]> {
  await at.scene.startMany(count, {});
  return at.scene.claim(await at.scene.join({ slots: 1_000 }), count);
}

const recordOf = ({ seq, fence, attempt }: ClaimedRun, writes: readonly StepWrite[]) => ({
  ...{ seq, fence, attempt, knows: 0 },
  writes,
});

const parkOf = ({ seq, fence }: ClaimedRun, seen: number, waits: readonly StepWrite[]) => ({
  ...{ seq, fence },
  end: { how: 'parked', waits, seen } as const,
});

/** One event for each run, in an order of its own, a few at once. */
async function emitAll(store: PostgresStore, list: readonly ClaimedRun[]): Promise<void> {
  for (let from = 0; from < list.length; from += 7) {
    const part = list.slice(from, from + 7);
    const { reply } = await store.emit(
      part.map(({ id }) => ({
        ...{ id: `paid ${id}`, name: 'paid', tenant: 'default' },
        data: JSON.stringify({ run: id }),
      })),
    );
    assert.ok(reply.every((one) => one.ok));
  }
}

/** A transaction of the database's own functions that stays open until it is told. */
async function transaction(at: StoreScene, text: string, values: readonly unknown[]) {
  const client = new pg.Client(parsePostgresAddress(at.url).config);
  await client.connect();
  await client.query('begin');
  await client.query(text.replaceAll('$s', `"${at.schema}"`), [...values]);
  return {
    async commit(): Promise<void> {
      await client.query('commit');
      await client.end();
    },
  };
}

/** Waits until a call is answered, or waits for a lock. */
async function underWay(at: StoreScene, call: Promise<unknown>): Promise<void> {
  let answered = false;
  const settled = (): void => {
    answered = true;
  };
  void call.then(settled, settled);
  for (;;) {
    const waiting = await at.sql('select 1 from pg_locks where not granted');
    if (answered || waiting.length > 0) return;
  }
}

describe('a call that meets an open transaction', () => {
  it('(R2) a wait that begins while an event is being told finds it', async () => {
    await using at = await storeScene();
    const list = await claimed(at, 2);
    const [parked, goesOn] = list;
    assert.ok(parked !== undefined && goesOn !== undefined);
    const item = { ord: 0, id: 'e', name: 'paid', tenant: 'default', data: '1' };
    const telling = await transaction(at, 'select $s.emit_plain($1)', [JSON.stringify([item])]);
    const calls = Promise.all([
      at.store.end([parkOf(parked, 0, [waitFor('paid')])]),
      at.store.record([recordOf(goesOn, [waitFor('paid')])]),
    ]);
    await underWay(at, calls);
    await telling.commit();
    await calls;
    assert.equal(await at.scene.stands(parked.id), 'slot');
    for (const { id } of list) {
      const page = await at.store.steps(id, 0, 10);
      assert.equal(page?.steps[0]?.end?.how, 'returned', id);
    }
  });

  it('(R2) an event that is told while a run parks wakes it', async () => {
    await using at = await storeScene();
    const [run] = await claimed(at, 1);
    assert.ok(run !== undefined);
    const { end: parking, ...owner } = parkOf(run, 0, [waitFor('paid')]);
    const item = { ...owner, ...parking };
    const parks = await transaction(at, 'select $s.park_plain($1)', [JSON.stringify([item])]);
    const tells = emitAll(at.store, [run]);
    await underWay(at, tells);
    await parks.commit();
    await tells;
    assert.equal(await at.scene.stands(run.id), 'slot');
  });

  it('(R3) an answer that comes while a run parks wakes it', async () => {
    await using at = await storeScene();
    const [run] = await claimed(at, 1);
    assert.ok(run !== undefined);
    await at.store.record([recordOf(run, [approval('t')])]);
    const { end: parking, ...owner } = parkOf(run, 0, [sleep('s', 3_600_000)]);
    const item = { ...owner, ...parking };
    const parks = await transaction(at, 'select $s.park_plain($1)', [JSON.stringify([item])]);
    const answers = at.store.answer([{ token: 't', tenant: null, value: '1' }]);
    await underWay(at, answers);
    await parks.commit();
    await answers;
    assert.equal(await at.scene.stands(run.id), 'slot');
  });

  it('(R1) an answer that comes while a step is being kept has the next number', async () => {
    await using at = await storeScene();
    const [run] = await claimed(at, 1);
    assert.ok(run !== undefined);
    await at.store.record([recordOf(run, [approval('t')])]);
    const item = { ord: 0, ...recordOf(run, [end('a', 1)]) };
    const keeps = await transaction(at, 'select $s.record($1)', [JSON.stringify([item])]);
    const answers = at.store.answer([{ token: 't', tenant: null, value: '1' }]);
    await underWay(at, answers);
    await keeps.commit();
    assert.ok((await answers).reply[0]?.ok);
    const page = await at.store.steps(run.id, 0, 10);
    assert.deepEqual(
      page?.steps.map((step) => [step.key, step.end?.nth]),
      [
        ['approval/t', 2],
        ['step/a', 1],
      ],
    );
  });
});

describe('several connections at the waits of the same runs', () => {
  it('(R2) an event and the wait for it find each other, whichever comes first', async () => {
    await using at = await storeScene();
    const list = await claimed(at, runs);
    const [owner, teller] = await Promise.all([at.connect(), at.connect()]);
    const half = list.length / 2;
    const waits = async (): Promise<void> => {
      for (const [n, run] of list.entries()) {
        const wait = waitFor('paid', { run: run.id });
        if (n < half) {
          const { reply } = await owner.record([recordOf(run, [wait, end('a')])]);
          assert.ok(reply[0]?.ok);
        } else {
          const { reply } = await owner.end([parkOf(run, 0, [wait])]);
          assert.ok(reply[0]?.ok);
        }
      }
    };
    await Promise.all([waits(), emitAll(teller, [...list].reverse())]);
    for (const [n, { id }] of list.entries()) {
      const page = await at.store.steps(id, 0, 10);
      const step = page?.steps.find(({ key }) => key === 'event/paid');
      assert.equal(step?.end?.how, 'returned', `${id} has its event`);
      if (n >= half) assert.equal(await at.scene.stands(id), 'slot', `${id} is awake`);
    }
    await at.scene.nothingIsWrong();
  });

  it('(R3) no run sleeps through an end that comes while it parks', async () => {
    await using at = await storeScene();
    const list = await claimed(at, runs);
    const [owner, teller, judge] = await Promise.all([at.connect(), at.connect(), at.connect()]);
    const { reply: begun } = await owner.record(
      list.map((run) =>
        recordOf(run, [waitFor('paid', { run: run.id }), approval(`token ${run.id}`)]),
      ),
    );
    assert.ok(begun.every(({ ok }) => ok));
    const parks = async (): Promise<void> => {
      for (const run of list) {
        const { reply } = await owner.end([parkOf(run, 0, [sleep('s', 3_600_000)])]);
        assert.ok(reply[0]?.ok);
      }
    };
    const answers = async (): Promise<void> => {
      for (const { id } of [...list].reverse()) {
        await judge.answer([{ token: `token ${id}`, tenant: null, value: '1' }]);
      }
    };
    await Promise.all([parks(), emitAll(teller, [...list].reverse()), answers()]);
    for (const { id } of list) assert.equal(await at.scene.stands(id), 'slot', id);
    await at.scene.nothingIsWrong();
  });

  it('(R1, K3) numbers of steps and ends are given once, whoever writes', async () => {
    await using at = await storeScene();
    const list = await claimed(at, 20);
    const [owner, teller, judge] = await Promise.all([at.connect(), at.connect(), at.connect()]);
    const many = Array.from({ length: 6 }, (_, n) => n);
    await owner.record(
      list.map((run) =>
        recordOf(run, [
          ...many.map((n) => approval(`${run.id} ${n}`)),
          waitFor('paid', { run: run.id }, { afterMs: 1 }),
        ]),
      ),
    );
    const works = async (): Promise<void> => {
      for (const n of many) {
        await Promise.all([
          owner.record(list.map((run) => recordOf(run, [end(`step ${n}`, n)]))),
          owner.record([...list].reverse().map((run) => recordOf(run, [end(`other ${n}`, n)]))),
        ]);
      }
      await owner.record(list.map((run) => recordOf(run, [over('event/paid')])));
    };
    const answers = async (): Promise<void> => {
      for (const n of many) {
        const items = list.map(({ id }) => ({ token: `${id} ${n}`, tenant: null, value: `${n}` }));
        const { reply } = await judge.answer(items.reverse());
        assert.ok(reply.every(({ ok }) => ok));
      }
    };
    await Promise.all([works(), answers(), emitAll(teller, list)]);
    for (const { id } of list) {
      const page = await at.store.steps(id, 0, 100);
      assert.equal(page?.steps.length, 19);
      assert.deepEqual(
        page?.steps.map(({ ord }) => ord),
        Array.from({ length: 19 }, (_, n) => n + 1),
      );
      const nths = page?.steps.map(({ end: ended }) => ended?.nth ?? 0).sort((a, b) => a - b);
      assert.deepEqual(
        nths,
        Array.from({ length: 19 }, (_, n) => n + 1),
      );
    }
    await at.scene.nothingIsWrong();
  });
});
