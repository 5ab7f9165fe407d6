import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Gather } from './gather.ts';

/** A sender whose calls are answered by hand. */
function sender(callsMax = 1, itemsMax = 100, waitingMax = 100, weightMax = 1_000) {
  const calls: { items: readonly number[]; answer: PromiseWithResolvers<readonly string[]> }[] = [];
  const gather = new Gather<number, string>({
    itemsMax,
    weightMax,
    weigh: (item) => item,
    waitingMax,
    callsMax,
    send: (items) => {
      const answer = Promise.withResolvers<readonly string[]>();
      calls.push({ items, answer });
      return answer.promise;
    },
  });
  const batches = (): number[][] => calls.map(({ items }) => [...items]);
  const answer = (index: number): void => {
    const call = calls[index];
    call?.answer.resolve(call.items.map((item) => `v${item}`));
  };
  return { gather, calls, batches, answer };
}

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

describe('gathering', () => {
  it('sends what is added in one turn together, and a lone item at once', async () => {
    const { gather, batches, answer } = sender();
    const both = [gather.add(1), gather.add(2)];
    await turn();
    assert.deepEqual(batches(), [[1, 2]]);
    answer(0);
    assert.deepEqual(await Promise.all(both), ['v1', 'v2']);
    const third = gather.add(3);
    await turn();
    assert.deepEqual(batches(), [[1, 2], [3]]);
    answer(1);
    assert.equal(await third, 'v3');
  });

  it('keeps what comes meanwhile for the next call, in order', async () => {
    const { gather, batches, answer } = sender();
    void gather.add(1);
    await turn();
    const rest = [gather.add(2), gather.addAll([3, 4]), gather.add(5)];
    await turn();
    assert.deepEqual(batches(), [[1]]);
    answer(0);
    await turn();
    assert.deepEqual(batches(), [[1], [2, 3, 4, 5]]);
    answer(1);
    assert.deepEqual(await Promise.all(rest), ['v2', ['v3', 'v4'], 'v5']);
  });

  it('has no more calls under way than allowed', async () => {
    const { gather, batches, answer } = sender(2);
    for (const item of [1, 2, 3, 4]) {
      void gather.add(item);
      await turn();
    }
    assert.deepEqual(batches(), [[1], [2]]);
    answer(1);
    await turn();
    assert.deepEqual(batches(), [[1], [2], [3, 4]]);
  });

  it('keeps calls to their size, and answers what was split as one', async () => {
    const { gather, batches, answer } = sender(1, 3);
    const all = gather.addAll([1, 2, 3, 4, 5]);
    void gather.addAll([6, 7]);
    await turn();
    for (const call of [0, 1, 2]) {
      answer(call);
      await turn();
    }
    assert.deepEqual(batches(), [
      [1, 2, 3],
      [4, 5],
      [6, 7],
    ]);
    assert.deepEqual(await all, ['v1', 'v2', 'v3', 'v4', 'v5']);
  });

  it('keeps calls to their weight, and sends alone what is too heavy for any', async () => {
    const { gather, batches, answer } = sender(1, 100, 100, 10);
    void gather.addAll([4, 5, 6]);
    void gather.add(3);
    void gather.add(50);
    void gather.add(1);
    await turn();
    for (const call of [0, 1, 2, 3]) {
      answer(call);
      await turn();
    }
    assert.deepEqual(batches(), [[4, 5], [6, 3], [50], [1]]);
  });

  it('refuses over its bound with store.busy, and goes on afterwards', async () => {
    const { gather, batches, answer } = sender(1, 100, 2);
    void gather.add(1);
    await turn();
    const waiting = [gather.add(2), gather.add(3)];
    await assert.rejects(gather.add(4), { code: 'store.busy', retry: 'after' });
    answer(0);
    await turn();
    answer(1);
    assert.deepEqual(await Promise.all(waiting), ['v2', 'v3']);
    assert.deepEqual(batches(), [[1], [2, 3]]);
  });

  it('gives a fault to each caller of the call and to nobody else', async () => {
    const { gather, calls, answer } = sender();
    const failing = [gather.add(1), gather.addAll([2, 3])];
    await turn();
    const next = gather.add(4);
    calls[0]?.answer.reject(new Error('disk gone'));
    for (const one of failing) await assert.rejects(one, /disk gone/);
    await turn();
    answer(1);
    assert.equal(await next, 'v4');
  });

  it('takes an answer of another length for a defect', async () => {
    const { gather, calls } = sender();
    const one = gather.add(1);
    await turn();
    calls[0]?.answer.resolve([]);
    await assert.rejects(one, { code: 'internal.defect' });
  });

  it('answers an empty parcel without a call', async () => {
    const { gather, calls } = sender();
    assert.deepEqual(await gather.addAll([]), []);
    await turn();
    assert.equal(calls.length, 0);
  });
});
