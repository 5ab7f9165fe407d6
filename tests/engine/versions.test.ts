/** Code that is deployed under running runs: who goes on with what, and what waits for whom. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type AnyFunction, defineFunction } from '../../src/define-function.ts';
import type { RunContext } from '../../src/engine/run-context.ts';
import { Metrics } from '../http/exposition-reader.ts';
import { type Actor, Scene } from './scene.ts';

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

/** A version that does a step of its own name, waits for an event, and does another. */
const charge = (version: string, terms: Partial<Parameters<typeof defineFunction>[0]> = {}) =>
  defineFunction({
    name: 'charge',
    retry: { attemptsMax: 3, backoff: 'fixed', delayMs: 100, jitter: 0 },
    ...terms,
    version,
    run: async (_input: unknown, ctx: RunContext) => {
      const first = await ctx.step(`begin ${version}`, () => `begun by ${version}`);
      await ctx.waitFor('go');
      return [first, await ctx.step(`end ${version}`, () => `ended by ${version}`)];
    },
  });

const [one, two] = [charge('1'), charge('2')];

const hosting = (...functions: readonly AnyFunction[]): Promise<Actor> => scene.open({ functions });

const runOf = async ({ hf }: Actor, id: string) => (await hf.runs.get(id)) ?? assert.fail();

const leave = async ({ hf }: Actor): Promise<void> => {
  const closed = hf.close();
  await scene.pass(1_000);
  await closed;
};

describe('a run whose version nobody hosts any more', () => {
  it('waits, and says for what; it ends by the code that began it', async () => {
    const before = await hosting(one);
    const run = await before.hf.start(one, null);
    await scene.pass(500);
    assert.deepEqual([(await runOf(before, run.id)).status, run.id], ['parked', run.id]);
    assert.equal((await runOf(before, run.id)).pin, '1');
    const after = await hosting(two);
    scene.kill(before);
    await scene.pass(60_000);
    assert.match(
      (await after.hf.runs.explain(run.id)).sentence,
      /; then it waits for version '1' of 'charge', which no live node hosts\.$/,
    );
    await after.hf.emit('go', null);
    const fresh = await after.hf.start('charge', null);
    await scene.pass(60_000);
    const waits = await runOf(after, run.id);
    assert.deepEqual([waits.status, waits.gate, waits.attempt], ['queued', 'slot', 1]);
    assert.equal(
      (await after.hf.runs.explain(run.id)).sentence,
      "It waits for version '1' of 'charge', which no live node hosts.",
    );
    const both = await hosting(one, two);
    await scene.pass(1_000);
    assert.deepEqual((await runOf(both, run.id)).result, ['begun by 1', 'ended by 1']);
    await both.hf.emit('go', null);
    await scene.pass(1_000);
    assert.deepEqual((await runOf(both, fresh.id)).result, ['begun by 2', 'ended by 2']);
  });

  it('is counted by the list of functions, the doctor and the metrics', async () => {
    const before = await hosting(one);
    for (let left = 3; left > 0; left -= 1) await before.hf.start(one, null);
    await scene.pass(500);
    await leave(before);
    const after = await hosting(two);
    const seen = async () => {
      const [listed] = await after.hf.functions.list();
      const found = (await after.hf.doctor()).find(({ check }) => check === 'versions');
      const metrics = new Metrics(await after.hf.metrics());
      return [listed?.pinned, found?.level, metrics.value('holdfast_store_runs_unhosted')];
    };
    const alone = { version: '1', unfinished: 3, waiting: 0, hosted: false };
    assert.deepEqual(await seen(), [[alone], 'warn', 3]);
    const [found] = (await after.hf.doctor()).filter(({ check }) => check === 'versions');
    assert.match(found?.message ?? '', /^3 unfinished runs need version '1' of 'charge'/);
    const both = await hosting(one, two);
    await scene.pass(60_000);
    assert.deepEqual(await seen(), [[{ ...alone, hosted: true }], 'ok', 0]);
    const [listed] = await both.hf.functions.list();
    assert.deepEqual([listed?.versions, listed?.nodes.length], [['1', '2'], 2]);
  });
});

describe('nodes of two versions side by side', () => {
  it('go on with their own runs each; what has kept nothing goes to either', async () => {
    const began: string[] = [];
    const shaky = (version: string) =>
      defineFunction({
        name: 'shaky',
        version,
        retry: { attemptsMax: 5, backoff: 'fixed', delayMs: 100, jitter: 0 },
        run: async (_input: unknown, ctx: RunContext) => {
          began.push(`${ctx.attempt} ${version}`);
          if (ctx.attempt === 1) throw new Error('nothing is kept yet');
          const first = await ctx.step(`only ${version}`, () => version);
          await ctx.sleep(1_000);
          if (ctx.attempt === 3) throw new Error('once more');
          return [first, version];
        },
      });
    const nodes = [
      await scene.open({ functions: [shaky('1')], slots: 2 }),
      await scene.open({ functions: [shaky('2')], slots: 2 }),
    ];
    const [{ hf } = assert.fail()] = nodes;
    const { length } = await hf.startMany(
      'shaky',
      Array.from({ length: 20 }, () => ({ input: null })),
    );
    await scene.pass(120_000);
    const { runs } = await hf.runs.list();
    const ends = await Promise.all(runs.map(({ id }) => runOf(nodes[0] ?? assert.fail(), id)));
    const results = ends.map(({ result }) => result as [string, string]);
    assert.equal(results.length, length);
    for (const [first, last] of results) assert.equal(first, last);
    assert.deepEqual(new Set(results.flat()), new Set(['1', '2']));
    for (const version of ['1', '2']) assert.ok(began.includes(`2 ${version}`));
  });

  it('are refused where they disagree on what a version is, and only there', async () => {
    await hosting(one, two);
    await hosting(two);
    await assert.rejects(hosting(charge('1', { retry: false })), { code: 'function.conflict' });
    await assert.rejects(hosting(two, charge('1', { retry: false })), {
      code: 'function.conflict',
    });
    await hosting(charge('3', { retry: false }));
  });
});

describe('a runtime that hosts several versions', () => {
  it('starts by the last, which need not be the greatest', async () => {
    const actor = await hosting(
      charge('2', { lane: 'two' }),
      charge('1', { lane: 'one', concurrency: 1 }),
    );
    const run = await actor.hf.start('charge', null);
    await scene.pass(500);
    const { pin, lane } = await runOf(actor, run.id);
    assert.deepEqual([pin, lane], ['1', 'one']);
    const client = await scene.open({ execute: false });
    const other = await client.hf.start('charge', null);
    assert.equal((await runOf(client, other.id)).lane, 'one', 'so do callers without the code');
  });

  it('executes as many of all versions as the last allows', async () => {
    let most = 0;
    let now = 0;
    const gates: (() => void)[] = [];
    const slow = (version: string, concurrency: number) =>
      defineFunction({
        name: 'slow',
        version,
        concurrency,
        run: async (_input: unknown, ctx: RunContext) => {
          await ctx.step('first', () => null);
          await ctx.sleep(1_000);
          now += 1;
          most = Math.max(most, now);
          await new Promise<void>((resolve) => gates.push(resolve));
          now -= 1;
        },
      });
    const old = await hosting(slow('1', 9));
    await old.hf.startMany(
      'slow',
      Array.from({ length: 6 }, () => ({ input: null })),
    );
    await scene.pass(500);
    await leave(old);
    const both = await hosting(slow('1', 9), slow('2', 2));
    await both.hf.startMany(
      'slow',
      Array.from({ length: 6 }, () => ({ input: null })),
    );
    for (let rounds = 0; rounds < 20; rounds += 1) {
      await scene.pass(2_000);
      for (const open of gates.splice(0)) open();
    }
    await scene.pass(2_000);
    assert.deepEqual([(await both.hf.runs.counts()).succeeded, most], [12, 2]);
  });

  it('refuses one version twice', async () => {
    await assert.rejects(hosting(one, two, charge('1')), {
      code: 'function.duplicate',
      message: /two functions are called 'charge' in version '1'/,
    });
  });
});

describe('a run that is sent on with another version', () => {
  /** A run of version 1 whose code has changed without a new version. */
  async function diverged(): Promise<readonly [Actor, string]> {
    const before = await hosting(one);
    const run = await before.hf.start(one, null);
    await scene.pass(500);
    await leave(before);
    const changed = defineFunction({
      name: 'charge',
      run: (_input: unknown, ctx: RunContext) => ctx.step('something else', () => null),
    });
    const actor = await scene.open({ functions: [one, changed].slice(1) });
    await actor.hf.emit('go', null);
    await scene.pass(10_000);
    assert.equal((await runOf(actor, run.id)).quarantine?.code, 'replay.diverged');
    return [actor, run.id];
  }

  it('goes on with its old definition, under the name that this has now', async () => {
    const [actor, id] = await diverged();
    const old = defineFunction({
      name: 'charge',
      version: 'as before',
      run: async (_input: unknown, ctx: RunContext) => {
        const first = await ctx.step('begin 1', () => 'anew');
        await ctx.waitFor('go');
        return [first, 'ended as before'];
      },
    });
    const rescue = await hosting(old);
    assert.deepEqual(await actor.hf.runs.repin(id, 'as before'), { before: '1' });
    await scene.pass(1_000);
    assert.deepEqual((await runOf(rescue, id)).result, ['begun by 1', 'ended as before']);
    await assert.rejects(actor.hf.runs.repin(id, null), { code: 'run.already_done' });
  });

  it('stays under its pin when it is only retried', async () => {
    const [actor, id] = await diverged();
    await leave(actor);
    const after = await hosting(two);
    await after.hf.runs.retry(id);
    await scene.pass(10_000);
    const waits = await runOf(after, id);
    assert.deepEqual([waits.status, waits.pin], ['queued', '1']);
    assert.deepEqual(await after.hf.runs.repin(id, null), { before: '1' });
    await scene.pass(10_000);
    const { quarantine } = await runOf(after, id);
    assert.match(quarantine?.message ?? '', /asks for 'step\/begin 2' where 'step\/begin 1'/);
  });

  it('can be forked for another, too', async () => {
    const [actor, id] = await diverged();
    await hosting(two);
    const fork = await actor.hf.runs.fork(id, { from: 'step/begin 1', version: '2' });
    assert.equal((await runOf(actor, fork.id)).pin, '2');
    await scene.pass(1_000);
    await actor.hf.emit('go', null);
    await scene.pass(1_000);
    assert.deepEqual((await runOf(actor, fork.id)).result, ['begun by 2', 'ended by 2']);
  });

  it('is refused with words that say what is wrong', async () => {
    const actor = await hosting(one);
    const bad = (id: unknown, version: unknown) =>
      Promise.resolve().then(() => actor.hf.runs.repin(id as string, version as string));
    await assert.rejects(bad('nobody', '1'), { code: 'run.not_found' });
    await assert.rejects(bad('', '1'), { code: 'key.invalid' });
    await assert.rejects(bad('x', ''), { code: 'key.invalid' });
    await assert.rejects(bad('x', 'a\u001fb'), { code: 'key.invalid' });
    await assert.rejects(bad('x', 'v'.repeat(101)), { code: 'key.invalid' });
    await assert.rejects(bad('x', undefined), { code: 'key.invalid' });
    await assert.rejects(actor.hf.runs.fork('x', { version: '' }), { code: 'key.invalid' });
  });
});
