import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type AnyFunction, defineFunction } from '../../src/define-function.ts';
import type { RunContext } from '../../src/engine/run-context.ts';
import { Scene, verbsOf } from './scene.ts';

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

/** A function that takes `ms`, and notes when it began and how many were at it. */
function taking(ms: number, options: { name?: string; concurrency?: number } = {}) {
  const begun: { input: number; at: number }[] = [];
  const most = { atOnce: 0 };
  let now = 0;
  const fn = defineFunction({
    name: 'take',
    ...options,
    run: async (input: number) => {
      begun.push({ input, at: scene.clock.mono() });
      now += 1;
      most.atOnce = Math.max(most.atOnce, now);
      if (ms > 0) await new Promise<void>((resolve) => void scene.clock.after(ms, resolve));
      now -= 1;
      return input;
    },
  });
  return { fn, begun, most };
}

const startAll = async (
  hf: Awaited<ReturnType<Scene['open']>>['hf'],
  fn: AnyFunction,
  count: number,
) => {
  const items = Array.from({ length: count }, (_, input) => ({ input }));
  const started = await hf.startMany(fn.name, items);
  assert.ok(started.every(({ ok }) => ok));
};

describe('the slots of a node', () => {
  it('are never overfilled, and are filled again as soon as one is free', async () => {
    const { fn, begun, most } = taking(100);
    const { hf } = await scene.open({ functions: [fn], slots: 3 });
    await startAll(hf, fn, 7);
    await scene.pass(10);
    assert.equal(begun.length, 3);
    assert.equal(hf.stats().running, 3);
    await scene.pass(100);
    assert.equal(begun.length, 6);
    await scene.pass(200);
    assert.equal(begun.length, 7);
    assert.equal(most.atOnce, 3);
    assert.equal(hf.stats().succeeded, 7);
  });

  it('respect the concurrency of a function without holding back others', async () => {
    const narrow = taking(100, { name: 'narrow', concurrency: 2 });
    const wide = taking(100, { name: 'wide' });
    const { hf } = await scene.open({ functions: [narrow.fn, wide.fn], slots: 10 });
    await startAll(hf, narrow.fn, 6);
    await startAll(hf, wide.fn, 6);
    await scene.pass(10);
    assert.deepEqual([narrow.begun.length, wide.begun.length], [2, 6]);
    await scene.pass(500);
    assert.deepEqual([narrow.most.atOnce, narrow.begun.length], [2, 6]);
  });

  it('run short handlers ahead of the store, and no more than there are', async () => {
    const { fn, begun, most } = taking(1);
    const { hf, calls } = await scene.open({ functions: [fn], slots: 4 });
    await startAll(hf, fn, 4_000);
    for (let ms = 0; ms < 4_000 && begun.length < 4_000; ms += 1) await scene.pass(1);
    await scene.pass(1);
    assert.equal(hf.stats().succeeded, 4_000);
    assert.equal(most.atOnce, 4);
    const asked = calls.flatMap(({ verb, args }) =>
      verb === 'claim' ? [(args[0] as { runsMax: number }).runsMax] : [],
    );
    assert.ok(Math.max(...asked) > 4, 'more than fits into the slots was asked for');
    assert.ok(Math.max(...asked) <= 36, 'and at most eight for each slot beyond them');
  });

  it('hand back what was claimed ahead and finds no slot', async () => {
    const stuck = Promise.withResolvers<void>();
    const inputs: number[] = [];
    const fn = defineFunction({
      name: 'suddenly-slow',
      run: async (input: number) => {
        inputs.push(input);
        if (input > 400) await stuck.promise;
        else await new Promise<void>((resolve) => void scene.clock.after(1, resolve));
      },
    });
    const { hf } = await scene.open({ functions: [fn], slots: 2 });
    await startAll(hf, fn, 500);
    const slow = (): number => inputs.filter((input) => input > 400).length;
    for (let ms = 0; ms < 1_000 && slow() < 2; ms += 1) await scene.pass(1);
    const held = scene.store.rows().filter(({ stage }) => stage === 'running').length;
    assert.ok(held > 2, `${held} runs were claimed, two can run`);
    await scene.pass(300);
    const owned = scene.store.rows().filter(({ stage }) => stage === 'running').length;
    assert.equal(owned, 2);
    assert.ok(hf.stats().handedBack > 0);
    stuck.resolve();
    await scene.pass(1_000);
    assert.equal(hf.stats().succeeded, 500);
    assert.equal(new Set(inputs).size, inputs.length, 'none began twice');
  });

  it('hand back what was claimed ahead as soon as the node drains', async () => {
    const { fn } = taking(1);
    const { hf } = await scene.open({ functions: [fn], slots: 2 });
    await startAll(hf, fn, 500);
    const owned = (): number =>
      scene.store.rows().filter(({ stage }) => stage === 'running').length;
    for (let ms = 0; ms < 200 && owned() <= 4; ms += 1) await scene.pass(1);
    assert.ok(owned() > 4);
    void hf.drain({ graceMs: 60_000 });
    await scene.pass(0);
    assert.ok(owned() <= 2);
    await scene.pass(100);
    assert.ok((await hf.runs.counts()).queued > 300);
  });

  it('wait when too many ends are not committed yet', async () => {
    const { fn, begun } = taking(0);
    const { hf } = await scene.open({
      functions: [fn],
      slots: 500,
      leaseTtlMs: 600_000,
      fault: ({ verb }) => (verb === 'end' ? { delayMs: 60_000 } : null),
    });
    await startAll(hf, fn, 10_000);
    await scene.pass(50_000);
    assert.ok(begun.length >= 8_000 && begun.length < 9_000, `${begun.length}`);
  });

  it('wait when too much of results is not committed yet', async () => {
    let begun = 0;
    const text = 'x'.repeat(1_000_000);
    const fn = defineFunction({
      name: 'large',
      run: () => {
        begun += 1;
        return text;
      },
    });
    const { hf } = await scene.open({
      functions: [fn],
      slots: 8,
      leaseTtlMs: 600_000,
      fault: ({ verb }) => (verb === 'end' ? { delayMs: 60_000 } : null),
    });
    await startAll(hf, fn, 300);
    await scene.pass(50_000);
    assert.ok(begun >= 68 && begun < 68 + 2 * 8, `${begun} results of a megabyte are held`);
  });

  it('hoard nothing for handlers that take long', async () => {
    const { fn } = taking(5_000);
    const { hf } = await scene.open({ functions: [fn], slots: 4 });
    await startAll(hf, fn, 40);
    for (let round = 0; round < 5; round += 1) {
      await scene.pass(5_001);
      const owned = scene.store.rows().filter(({ stage }) => stage === 'running').length;
      assert.ok(owned <= 4, `${owned} runs are owned by a node with 4 slots`);
    }
  });
});

describe('a run finds a slot', () => {
  it('in the turn in which it is accepted, when it is started where it is hosted', async () => {
    const { fn, begun } = taking(0);
    const { hf, calls } = await scene.open({ functions: [fn], deaf: true });
    await scene.pass(10);
    const from = calls.length;
    await hf.start(fn, 1);
    await scene.pass(0);
    assert.equal(begun.length, 1);
    assert.deepEqual(verbsOf({ calls } as never).slice(from, from + 2), ['start', 'claim']);
  });

  it('by a wake-up, when it is started by another process', async () => {
    const { fn, begun } = taking(0);
    await scene.open({ functions: [fn], pollMs: 60_000, leaseTtlMs: 600_000, heartbeatMs: 60_000 });
    const { hf } = await scene.open();
    await scene.pass(5_000);
    await hf.start(fn, 1);
    await scene.pass(0);
    assert.equal(begun.length, 1);
  });

  it('by the poll, when every wake-up is lost', async () => {
    const { fn, begun } = taking(0);
    await scene.open({ functions: [fn], pollMs: 2_000, deaf: true });
    const { hf } = await scene.open({ deaf: true });
    const run = await hf.start(fn, 1);
    const result = run.result();
    await scene.pass(2_100);
    assert.equal(begun.length, 1);
    await scene.pass(500);
    assert.equal(await result, 1);
  });

  it('when it is due, to the millisecond, also when another process set the time', async () => {
    const { fn, begun } = taking(0);
    await scene.open({ functions: [fn], pollMs: 600_000 });
    const { hf } = await scene.open();
    await scene.pass(1_000);
    const at = scene.clock.mono();
    await hf.start(fn, 1, { delayMs: 7_777 });
    await hf.start(fn, 2, { dueAt: new Date(scene.clock.wall() + 3_333) });
    await scene.pass(10_000);
    assert.deepEqual(
      begun.map((one) => [one.input, one.at - at]),
      [
        [2, 3_333],
        [1, 7_777],
      ],
    );
  });

  it('only within its deadline: a run that was not started in time is timed out', async () => {
    const { fn, begun } = taking(10_000);
    const { hf } = await scene.open({ functions: [fn], slots: 1 });
    await hf.start(fn, 1);
    const late = await hf.start(fn, 2, { deadlineMs: 3_000 });
    await scene.pass(3_010);
    const { kind, error } = await late.outcome();
    assert.deepEqual([kind, error?.code], ['timed-out', 'run.deadline_passed']);
    await scene.pass(20_000);
    assert.equal(begun.length, 1);
  });

  it('after a pause of its function is over, at once', async () => {
    const { fn, begun } = taking(0);
    const { hf } = await scene.open({ functions: [fn], pollMs: 600_000 });
    await hf.functions.pause(fn.name, 'deploy');
    const run = await hf.start(fn, 1);
    await scene.pass(5_000);
    assert.equal(begun.length, 0);
    assert.match((await hf.runs.explain(run.id)).sentence, /paused since 5 s \(deploy\)/);
    assert.equal(await hf.functions.resume(fn.name), true);
    await scene.pass(0);
    assert.equal(begun.length, 1);
    assert.equal(await hf.functions.resume(fn.name), false);
  });
});

describe('many starts by the name of a function', () => {
  it('ask the store once whether anybody hosts it', async () => {
    const { fn, begun } = taking(0);
    await scene.open({ functions: [fn] });
    const client = await scene.open();
    const items = Array.from({ length: 500 }, (_, input) => ({ input }));
    const started = await Promise.all([
      client.hf.startMany('take', items),
      client.hf.startMany('take', items),
    ]);
    assert.ok(started.flat().every(({ ok }) => ok));
    await scene.pass(100);
    assert.equal(begun.length, 1_000);
    assert.equal(verbsOf(client).filter((verb) => verb === 'nodes').length, 1);
  });
});

describe('an idle node', () => {
  it('asks the store at most once a second in all (G8)', async () => {
    const { fn } = taking(0);
    const { calls } = await scene.open({ functions: [fn] });
    await scene.pass(60_000);
    const before = calls.length;
    const seconds = 600;
    await scene.pass(seconds * 1_000);
    const beats = seconds / 3;
    const asked = calls.length - before + beats;
    assert.ok(asked <= seconds, `${asked} calls in ${seconds} s`);
    assert.ok(asked > seconds / 2, 'the polls are there');
  });

  it('deletes what is past its retention, in bounded steps', async () => {
    const { fn } = taking(0);
    const { hf, calls } = await scene.open({ functions: [fn], retention: { succeeded: 10_000 } });
    await startAll(hf, fn, 2_500);
    for (let ms = 0; ms < 2_000 && hf.stats().succeeded < 2_500; ms += 1) await scene.pass(1);
    await scene.pass(150_000);
    assert.equal(hf.stats().pruned, 2_500);
    assert.equal(scene.store.rows().length, 0);
    const steps = calls.filter(({ verb }) => verb === 'prune');
    assert.ok(steps.every(({ args }) => args[1] === 1_000));
  });
});

describe('handlers of several nodes', () => {
  it('share one backlog, each run executed once', async () => {
    const executed: number[] = [];
    const fn = defineFunction({
      name: 'shared',
      run: (input: number, _ctx: RunContext) => {
        executed.push(input);
      },
    });
    const client = await scene.open();
    const nodes = [];
    for (let n = 0; n < 3; n += 1) nodes.push(await scene.open({ functions: [fn], slots: 4 }));
    await startAll(client.hf, fn, 600);
    await scene.pass(2_000);
    assert.deepEqual(
      executed.toSorted((a, b) => a - b),
      Array.from({ length: 600 }, (_, n) => n),
    );
    const shares = nodes.map(({ hf }) => hf.stats().succeeded);
    assert.equal(
      shares.reduce((sum, share) => sum + share, 0),
      600,
    );
  });
});
