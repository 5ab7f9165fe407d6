/** Calls of functions that take many at once. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type BatchItem, defineBatchFunction, type Holdfast } from 'holdfast';
import { silentLog } from '../../src/ports/log.ts';
import { SimulatedClock } from '../../src/testing/index.ts';
import { settle } from '../../src/testing/simulated-clock.ts';
import { openOn } from './scene.ts';

type Item = BatchItem<number, number>;

let clock: SimulatedClock;
let hf: Holdfast;
/** What the code was given, batch by batch. */
let batches: (readonly Item[])[];
/** What it does with it. */
let answer: (items: readonly Item[]) => unknown;

const double = (items: readonly Item[]): void => {
  for (const item of items) item.succeed(item.input * 2);
};

beforeEach(async () => {
  clock = new SimulatedClock();
  batches = [];
  answer = double;
  const many = defineBatchFunction({
    ...{ name: 'many', batch: { max: 3, waitMs: 20 }, timeouts: { graceMs: 50 } },
    run: (items: readonly Item[]) => {
      batches.push(items);
      return answer(items) as undefined;
    },
  });
  const ordered = defineBatchFunction({
    ...{ name: 'ordered', lane: 'one', batch: { max: 10, waitMs: 5 } },
    run: (items: readonly Item[]) => {
      batches.push(items);
      double(items);
    },
  });
  hf = await openOn(clock, { functions: [many, ordered] }, silentLog);
});
afterEach(() => hf.close());

const sizes = (): readonly number[] => batches.map(({ length }) => length);
const codeOf = (call: Promise<unknown>): Promise<unknown> =>
  call.catch((error: { code?: string; message: string }) => error.code ?? error.message);

describe('calls of a function that takes many at once', { timeout: 20_000 }, () => {
  it('are gathered until they are enough, or for long enough', async () => {
    const calls = [1, 2, 3, 4].map((n) => hf.call('many', n, { id: `call-${n}` }));
    await settle();
    assert.deepEqual(sizes(), [3]);
    await clock.advance(20);
    assert.deepEqual(await Promise.all(calls), [2, 4, 6, 8]);
    assert.deepEqual(sizes(), [3, 1]);
    const [first] = batches[0] ?? [];
    assert.deepEqual([first?.runId, first?.attempt, first?.tenant], ['call-1', 1, 'default']);
    const { succeeded, running, deadlines } = hf.calls.stats();
    assert.deepEqual([succeeded, running, deadlines], [4, 0, 0]);
  });

  it('have their own verdicts, also those that get none', async () => {
    answer = (items) => {
      const [good, bad] = items;
      good?.succeed(1);
      bad?.fail(new Error('not this one'));
    };
    const codes = await Promise.all([1, 2, 3].map((n) => codeOf(hf.call('many', n))));
    assert.deepEqual(codes, [1, 'not this one', 'batch.no_verdict']);
    answer = () => {
      throw new Error('none of them');
    };
    const all = await Promise.all([1, 2, 3].map((n) => codeOf(hf.call('many', n))));
    assert.deepEqual(all, new Array(3).fill('none of them'));
  });

  it('leave their batch when they are cancelled, or out of time, before it goes', async () => {
    const controller = new AbortController();
    const gone = codeOf(hf.call('many', 1, { signal: controller.signal }));
    const late = codeOf(hf.call('many', 2, { timeoutMs: 5 }));
    controller.abort();
    const stays = hf.call('many', 3);
    assert.equal(await gone, 'call.cancelled');
    await clock.advance(25);
    assert.equal(await late, 'call.timed_out');
    assert.equal(await stays, 6);
    assert.deepEqual(sizes(), [1]);
    const { running, stuck, deadlines } = hf.calls.stats();
    assert.deepEqual([running, stuck, deadlines], [0, 0, 0]);
  });

  it('are told by their own signals when the batch has gone', async () => {
    const open = Promise.withResolvers<void>();
    answer = async (items) => {
      await open.promise;
      double(items);
    };
    const controller = new AbortController();
    const calls = [1, 2, 3].map((n) =>
      codeOf(hf.call('many', n, n === 2 ? { signal: controller.signal } : {})),
    );
    await settle();
    controller.abort();
    const aborted = batches[0]?.map(({ signal }) => signal.aborted);
    assert.deepEqual(aborted, [false, true, false]);
    await clock.advance(80);
    assert.equal(await calls[1], 'call.cancelled');
    assert.equal(hf.calls.stats().stuck, 1, 'its code goes on');
    open.resolve();
    assert.deepEqual(await Promise.all(calls), [2, 'call.cancelled', 6]);
    assert.equal(hf.calls.stats().stuck, 0);
  });

  it('keep the order of their lane, and end within the bound of a drain', async () => {
    const calls = [1, 2].map((n) => hf.call('ordered', n));
    await clock.advance(5);
    await settle();
    await clock.advance(5);
    assert.deepEqual(await Promise.all(calls), [2, 4]);
    assert.deepEqual(sizes(), [1, 1]);
    const waits = codeOf(hf.call('many', 1));
    await hf.calls.drain(0);
    assert.equal(await waits, 'call.cancelled');
    assert.deepEqual(sizes(), [1, 1]);
  });

  it('are gathered apart from runs', async () => {
    const run = await hf.start('many', 1);
    const call = hf.call('many', 2);
    await clock.advance(100);
    assert.equal(await call, 4);
    assert.equal(await run.result(), 2);
    assert.deepEqual(sizes(), [1, 1]);
  });
});
