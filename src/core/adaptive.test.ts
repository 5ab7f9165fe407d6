import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type AdaptiveState, adapt, adaptiveStart } from './adaptive.ts';

const bounds = { min: 1, max: 16 };
const sample = (busy: number, waiting: number, ended: number, chance = 0.5) => ({
  ...{ busy, waiting, ended, chance },
});

/** Ticks with every place taken. */
function full(from: AdaptiveState, ticks: number, waiting: number, ended: number): AdaptiveState {
  let state = from;
  for (let tick = 0; tick < ticks; tick += 1) {
    state = adapt(state, sample(state.size, waiting, ended), bounds);
  }
  return state;
}

describe('the size of an adaptive pool', () => {
  it('stays as it is while a place is free, or nobody waits', () => {
    const start = { ...adaptiveStart(bounds), size: 4 };
    assert.equal(adapt(start, sample(3, 9, 10), bounds).size, 4);
    assert.equal(adapt(start, sample(4, 0, 10), bounds).size, 4);
  });

  it('grows by what waits for each place, within a quarter of what is and of the maximum', () => {
    const at = (size: number) => ({ ...adaptiveStart(bounds), size });
    assert.equal(adapt(at(1), sample(1, 2, 10), bounds).size, 3);
    assert.equal(adapt(at(1), sample(1, 1_000, 10), bounds).size, 5);
    assert.equal(adapt(at(8), sample(8, 1, 10), bounds).size, 10);
    assert.equal(adapt(at(15), sample(15, 99, 10), bounds).size, 16);
    assert.equal(adapt(at(16), sample(16, 99, 10), bounds).size, 16);
  });

  it('keeps a step that achieves more', () => {
    const begun = full(adaptiveStart(bounds), 1, 2, 100);
    assert.equal(begun.size, 3);
    const after = full(begun, 4, 2, 300);
    assert.deepEqual([after.size, after.probe, after.restTicks], [3, null, 0]);
  });

  it('takes back a step that achieves no more, and waits twice as long each time', () => {
    let state = adaptiveStart(bounds);
    const rests: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      state = full({ ...state, restTicks: 0 }, 5, 8, 100);
      assert.equal(state.size, 1);
      rests.push(state.restTicks);
    }
    assert.deepEqual(rests, [8, 16, 32]);
    assert.equal(full(state, 3, 8, 100).size, 1, 'rests before the next probe');
  });

  it('decides within the noise by whether fewer wait', () => {
    const begun = full(adaptiveStart(bounds), 1, 8, 100);
    const after = full(begun, 4, 3, 100);
    assert.equal(after.size, begun.size);
  });

  it('gives the rest a jitter of a quarter', () => {
    const begun = full(adaptiveStart(bounds), 1, 8, 100);
    const almost = full(begun, 3, 8, 100);
    assert.equal(adapt(almost, sample(5, 8, 100, 0), bounds).restTicks, 6);
    assert.equal(adapt(almost, sample(5, 8, 100, 0.999_999), bounds).restTicks, 10);
  });

  it('probes again at once when the load has changed', () => {
    const resting = { ...adaptiveStart(bounds), begun: true, mean: 100, variance: 4 };
    const before = { ...resting, restTicks: 500, failures: 9 };
    const after = adapt(before, sample(0, 0, 1_000), bounds);
    assert.deepEqual([after.restTicks, after.failures], [0, 0]);
  });

  it('shrinks by one, after eight ticks below half, never below one more than is taken', () => {
    let state: AdaptiveState = { ...adaptiveStart(bounds), size: 6 };
    const quiet = (ticks: number) => {
      for (let tick = 0; tick < ticks; tick += 1) state = adapt(state, sample(2, 0, 1), bounds);
      return state.size;
    };
    assert.equal(quiet(7), 6);
    assert.equal(quiet(1), 5);
    assert.equal(quiet(1), 4);
    assert.equal(quiet(20), 4, 'half of it is taken');
    for (let tick = 0; tick < 99; tick += 1) state = adapt(state, sample(0, 0, 0), bounds);
    assert.equal(state.size, 1);
  });
});
