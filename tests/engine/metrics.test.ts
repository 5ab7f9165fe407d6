/** What a runtime measures, and what it costs the store to be asked for it. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { memoryBus } from '../../src/bus/memory/memory-bus.ts';
import { limits } from '../../src/core/limits.ts';
import { plainPayloads } from '../../src/core/payload.ts';
import { defineFunction } from '../../src/define-function.ts';
import { Engine } from '../../src/engine/engine.ts';
import { silentLog } from '../../src/ports/log.ts';
import { Calls } from '../../src/runtime/calls/calls.ts';
import { callsSettings } from '../../src/runtime/calls/options.ts';
import { RuntimeMetrics } from '../../src/runtime/metrics/runtime-metrics.ts';
import { statsOf } from '../../src/runtime/stats.ts';
import type { StoreFault } from '../../src/testing/index.ts';
import { seededRandom } from '../../src/testing/index.ts';
import { Metrics } from '../http/exposition-reader.ts';
import { type Actor, Scene, verbsOf } from './scene.ts';

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

const told = async ({ hf }: Actor): Promise<Metrics> => new Metrics(await hf.metrics());
const looks = (actor: Actor): number => verbsOf(actor).filter((verb) => verb === 'counts').length;
const named = (name: string) => defineFunction({ name, run: () => null });

describe('metrics of runs', () => {
  it('measure the way to the handler and the handler', async () => {
    const code = Promise.withResolvers<void>();
    const fn = defineFunction({ name: 'slow', run: () => code.promise });
    const actor = await scene.open({ functions: [fn] });
    await actor.hf.start(fn, null, { delayMs: 20_000 });
    await scene.pass(40_000);
    code.resolve();
    await scene.pass(10);
    const metrics = await told(actor);
    const of = { function: 'slow' };
    assert.equal(metrics.count('holdfast_start_lag_seconds', of), 1);
    assert.equal(metrics.upTo('holdfast_start_lag_seconds', '10', of), 0);
    assert.equal(metrics.upTo('holdfast_start_lag_seconds', '30', of), 1);
    assert.equal(metrics.upTo('holdfast_attempt_duration_seconds', '10', of), 0);
    assert.equal(metrics.upTo('holdfast_attempt_duration_seconds', '30', of), 1);
  });

  it('count the way to the first attempt only', async () => {
    const fn = defineFunction({
      name: 'again',
      retry: { attemptsMax: 3, backoff: 'fixed', delayMs: 100, jitter: 0 },
      run: (_input, ctx) => {
        if (ctx.attempt < 3) throw new Error('not yet');
      },
    });
    const actor = await scene.open({ functions: [fn] });
    await actor.hf.start(fn, null);
    await scene.pass(5_000);
    const metrics = await told(actor);
    assert.equal(metrics.count('holdfast_start_lag_seconds', { function: 'again' }), 1);
    assert.equal(metrics.count('holdfast_attempt_duration_seconds', { function: 'again' }), 3);
    assert.equal(metrics.value('holdfast_attempts_returned_total', { why: 'retry' }), 2);
  });

  it('count steps, events, decisions and parked attempts', async () => {
    const code = Promise.withResolvers<void>();
    const fn = defineFunction({
      name: 'durable',
      run: async (_input, ctx) => {
        await ctx.step('a', () => 1);
        // So long that its beginning is told as well, which does not count.
        await ctx.step('b', () => code.promise);
        await ctx.waitFor('go', { timeoutMs: 600_000 });
      },
    });
    const actor = await scene.open({ functions: [fn] });
    await actor.hf.start(fn, null);
    await scene.pass(5_000);
    code.resolve();
    await scene.pass(5_000);
    const before = await told(actor);
    assert.equal(before.value('holdfast_attempts_returned_total', { why: 'parked' }), 1);
    assert.equal(before.value('holdfast_steps_recorded_total'), 2);
    assert.equal(before.value('holdfast_events_total'), 0);
    for (const id of ['one', 'one']) await actor.hf.emit('go', null, { id });
    await scene.pass(5_000);
    const after = await told(actor);
    assert.equal(after.value('holdfast_events_total'), 1);
    assert.equal(after.value('holdfast_runs_ended_total', { outcome: 'succeeded' }), 1);
  });

  it('tell functions by name up to a bound, and any name as it is', async () => {
    const odd = 'say "hi" \\ {le="1"}';
    const many = Array.from({ length: limits.metricFunctionsMax }, (_, n) => named(`f${n}`));
    const actor = await scene.open({ functions: [named(odd), ...many] });
    for (const name of [odd, 'f0', `f${limits.metricFunctionsMax - 1}`]) {
      await actor.hf.start(name, null);
    }
    await scene.pass(1_000);
    const metrics = await told(actor);
    const attempts = 'holdfast_attempt_duration_seconds';
    assert.equal(metrics.samples(`${attempts}_count`).length, limits.metricFunctionsMax + 1);
    assert.equal(metrics.count(attempts, { function: odd }), 1);
    assert.equal(metrics.count(attempts, { function: 'f0' }), 1);
    assert.equal(metrics.count(attempts, { function: 'other' }), 1);
  });
});

describe('metrics of the store', () => {
  const queued = { status: 'queued' };

  it('take one look every 10 s, however many ask', async () => {
    const actor = await scene.open({ functions: [named('f')] });
    await Promise.all([told(actor), told(actor), told(actor)]);
    await scene.pass(9_000);
    await actor.hf.start('none', null).catch(() => {});
    const soon = await told(actor);
    assert.equal(looks(actor), 1);
    assert.equal(soon.value('holdfast_store_look_age_seconds'), 9);
    await scene.pass(1_001);
    assert.equal((await told(actor)).value('holdfast_store_look_age_seconds'), 0);
    assert.equal(looks(actor), 2);
  });

  it('are asked for more seldom where they take long, and nobody waits for them', async () => {
    const fault = ({ verb }: { verb: string }): StoreFault | null =>
      verb === 'counts' ? { delayMs: 3_000 } : null;
    const actor = await scene.open({ functions: [named('f')], fault });
    const first = told(actor);
    await scene.pass(2_000);
    assert.equal((await first).value('holdfast_store_runs', queued), null);
    await scene.pass(1_000);
    assert.equal((await told(actor)).value('holdfast_store_runs', queued), 0);
    await scene.pass(50_000);
    const late = told(actor);
    await scene.pass(2_000);
    assert.equal(looks(actor), 1);
    assert.equal((await late).value('holdfast_store_look_duration_seconds'), 3);
    await scene.pass(9_000);
    const again = told(actor);
    await scene.pass(2_000);
    await again;
    assert.equal(looks(actor), 2);
  });

  it('are left out after a look that failed, and that is counted', async () => {
    let failing = false;
    const fault = ({ verb }: { verb: string }): StoreFault | null =>
      verb === 'counts' && failing ? { fail: 'before' } : null;
    const actor = await scene.open({ functions: [named('f')], fault });
    assert.equal((await told(actor)).value('holdfast_store_runs', queued), 0);
    failing = true;
    await scene.pass(10_001);
    const metrics = await told(actor);
    assert.equal(metrics.value('holdfast_store_runs', queued), null);
    assert.equal(metrics.value('holdfast_store_look_faults_total'), 1);
    assert.equal(metrics.value('holdfast_runs_started_total'), 0);
  });

  it('are not looked for where nobody wants them', async () => {
    const actor = await scene.open({ functions: [named('f')] });
    const metrics = new Metrics(await actor.hf.metrics({ store: false }));
    assert.equal(looks(actor), 0);
    assert.equal(metrics.byName.has('holdfast_store_runs'), false);
    assert.equal(metrics.value('holdfast_slots'), 16);
    await assert.rejects(actor.hf.metrics({ store: 1 as unknown as boolean }), {
      code: 'request.invalid',
    });
  });
});

describe('metrics of a server of PostgreSQL', () => {
  const calm = {
    ...{ heldMs: 1_500, heldBy: 'pid 7', table: 'live', deadRows: 12, liveRows: 3, seesAll: true },
    alarms: [],
  };
  const held = { ...calm, alarms: [{ name: 'held-snapshot', message: 'too long' }] } as const;
  const { clock, store } = new Scene();
  const processes = { self: () => assert.fail(), look: () => 'unknown' as const };
  const world = { clock, store, random: seededRandom(1), bus: memoryBus({}), processes };
  const engine = new Engine({ ...world, payloads: plainPayloads, log: silentLog }, null);

  it('tell how it stands, once somebody has looked', async () => {
    let health: typeof calm | typeof held | null = null;
    const calls = new Calls(engine.world, callsSettings(), engine.meters.calls);
    const metrics = new RuntimeMetrics({
      engine,
      stats: () => statsOf(engine, 1, health),
      pools: () => [],
      calls,
    });
    const read = async () => new Metrics(await metrics.text(false));
    assert.equal((await read()).value('holdfast_postgres_dead_rows'), null);
    health = calm;
    const alarm = { alarm: 'held-snapshot' };
    assert.equal((await read()).value('holdfast_postgres_alarm', alarm), 0);
    health = held;
    const seen = await read();
    assert.equal(seen.value('holdfast_postgres_held_seconds'), 1.5);
    assert.equal(seen.value('holdfast_postgres_dead_rows'), 12);
    assert.equal(seen.value('holdfast_postgres_alarm', alarm), 1);
    assert.equal(seen.value('holdfast_postgres_alarm', { alarm: 'dead-rows' }), 0);
  });
});
