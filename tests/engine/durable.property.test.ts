/**
 * The rules of memory, for random programs that crash at every point between two writes: later
 * attempts see the same in the same order, and nothing that is kept is done again.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { NonRetryableError } from '../../src/core/handler-error.ts';
import { defineFunction } from '../../src/define-function.ts';
import type { RunContext } from '../../src/engine/run-context.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { RecordItem } from '../../src/ports/store-steps.ts';
import type { StoreCall, StoreFault } from '../../src/testing/index.ts';
import { type Actor, Scene } from './scene.ts';

/** A program: what the code of a run does, one after the other or side by side. */
type Program =
  | { readonly do: 'step'; readonly name: string; readonly ms: number }
  | { readonly do: 'fail'; readonly name: string; readonly ms: number }
  | { readonly do: 'sleep'; readonly ms: number }
  | { readonly do: 'poll'; readonly ms: number }
  | { readonly do: 'kid'; readonly name: string; readonly ms: number }
  | { readonly do: 'kids'; readonly name: string; readonly ms: readonly number[] }
  | { readonly do: 'list' | 'all' | 'race'; readonly parts: readonly Program[] };

const name = fc.constantFrom('a', 'b', 'c');
const ms = fc.constantFrom(0, 0, 3, 40, 200);
const { program } = fc.letrec<{ program: Program }>((tie) => ({
  program: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.record({ do: fc.constant('step' as const), name, ms }),
    fc.record({ do: fc.constant('step' as const), name, ms }),
    fc.record({ do: fc.constant('fail' as const), name, ms }),
    fc.record({ do: fc.constant('sleep' as const), ms }),
    fc.record({ do: fc.constant('poll' as const), ms }),
    fc.record({ do: fc.constant('kid' as const), name, ms }),
    fc.record({ do: fc.constant('kids' as const), name, ms: fc.array(ms, { maxLength: 4 }) }),
    fc.record({
      do: fc.constantFrom('list' as const, 'all' as const, 'race' as const),
      parts: fc.array(tie('program'), { minLength: 1, maxLength: 4 }),
    }),
  ),
}));

/** What one life of a run shows. */
interface Life {
  /** What the code of each attempt was given, in order. */
  readonly traces: string[][];
  readonly result: unknown;
  /** Keys of steps that were done although their end was kept. */
  readonly again: string[];
  /** Writes of steps, starts of children, and ends of attempts. */
  readonly writes: number;
  readonly crashes: number;
}

/** Where and how the process crashes. */
interface Crash {
  /** The write, from 1, counted over the whole life. */
  readonly at: number;
  readonly fail: 'before' | 'after';
}

class Player {
  readonly traces: string[][] = [];
  readonly kept = new Set<string>();
  readonly again: string[] = [];

  /** The function as one process hosts it. */
  hosted(opened: Promise<Actor>) {
    return defineFunction({
      name: 'program',
      crashesMax: 1_000,
      retry: false,
      run: async (code: Program, ctx: RunContext) => {
        const trace: string[] = [];
        this.traces.push(trace);
        const { clock } = await opened;
        return this.#play(code, ctx, trace, clock);
      },
    });
  }

  async #play(code: Program, ctx: RunContext, trace: string[], clock: Clock): Promise<unknown> {
    switch (code.do) {
      case 'step':
      case 'fail': {
        const given = await ctx
          .step(code.name, ({ key }) => this.#deed(code, key, clock))
          .catch((error: unknown) => String(error));
        trace.push(String(given));
        return given;
      }
      case 'sleep':
        await ctx.sleep(code.ms);
        trace.push('slept');
        return code.ms;
      case 'poll':
        trace.push(String(await ctx.waitFor('never', { timeoutMs: code.ms })));
        return null;
      case 'kid': {
        const kid = await ctx.start('kid', code.ms, { name: code.name });
        const { kind } = await kid.outcome();
        const given = `${kid.id}: ${kind} ${await kid.result().catch(({ code: why }) => why)}`;
        trace.push(given);
        return given;
      }
      case 'kids': {
        const kids = await ctx.all('kid', code.ms, { name: code.name });
        const given: string[] = [`${kids.succeeded} of ${kids.count}`];
        for await (const { index, value } of kids.outcomes()) given.push(`${index}: ${value}`);
        trace.push(...given);
        return given;
      }
      case 'list': {
        const given: unknown[] = [];
        for (const part of code.parts) given.push(await this.#play(part, ctx, trace, clock));
        return given;
      }
      case 'all':
        return Promise.all(code.parts.map((part) => this.#play(part, ctx, trace, clock)));
      case 'race': {
        const parts = code.parts.map(async (part, index) => {
          await this.#play(part, ctx, trace, clock);
          return index;
        });
        const won = await Promise.race(parts);
        trace.push(`won by ${won}`);
        await Promise.all(parts);
        return won;
      }
    }
  }

  async #deed(code: Extract<Program, { do: 'step' | 'fail' }>, key: string, clock: Clock) {
    if (this.kept.has(key)) this.again.push(key);
    if (code.ms > 0) await new Promise<void>((resolve) => clock.after(code.ms, resolve));
    if (code.do === 'fail') throw new NonRetryableError(`${key} failed`);
    return key;
  }
}

/** Some fail: those that were given 3. */
const kid = (opened: Promise<Actor>) =>
  defineFunction({
    name: 'kid',
    crashesMax: 1_000,
    retry: false,
    run: async (ms: number) => {
      const { clock } = await opened;
      if (ms > 0) await new Promise<void>((resolve) => clock.after(ms, resolve));
      if (ms === 3) throw new Error('3');
      return ms;
    },
  });

/** How many children the program starts. */
const kidsOf = (code: Program): number => {
  switch (code.do) {
    case 'kid':
      return 1;
    case 'kids':
      return code.ms.length;
    case 'list':
    case 'all':
    case 'race':
      return code.parts.reduce((sum, part) => sum + kidsOf(part), 0);
    default:
      return 0;
  }
};

/** Whether a call of the store writes something that a later attempt depends on. */
function isWrite({ verb, args }: StoreCall): boolean {
  if (verb === 'record' || verb === 'end') return true;
  const [items] = args as [readonly { readonly parent?: unknown }[]];
  return verb === 'start' && items[0]?.parent !== undefined;
}

async function live(code: Program, crashes: readonly Crash[]): Promise<Life> {
  const scene = new Scene();
  const player = new Player();
  let writes = 0;
  let struck = 0;
  const next = async () => {
    let over = false;
    const fault = (call: StoreCall): StoreFault | null => {
      const { verb, args } = call;
      if (over || !isWrite(call)) return null;
      writes += 1;
      const crash = crashes[struck];
      const strikes = crash?.at === writes;
      if (verb === 'record' && (!strikes || crash.fail === 'after')) note(player, args);
      if (!strikes) return null;
      struck += 1;
      over = true;
      void opened.promise.then((actor) => scene.kill(actor));
      return { fail: crash.fail };
    };
    const opened = Promise.withResolvers<Actor>();
    const fn = player.hosted(opened.promise);
    const functions = [fn, kid(opened.promise)];
    const actor = await scene.open({ functions, fault, slots: 1, pollMs: 500 });
    opened.resolve(actor);
    return { actor, fn, over: () => over };
  };
  try {
    let process = await next();
    const run = await process.actor.hf.start(process.fn, code);
    for (let rounds = 0; rounds < 400; rounds += 1) {
      await scene.pass(100);
      if (process.over()) process = await next();
      const found = await process.actor.hf.runs.get(run.id);
      if (found?.outcome == null) continue;
      assert.equal(found.outcome.kind, 'succeeded', JSON.stringify(found.outcome));
      assert.equal(found.children, kidsOf(code), 'each child is started, and once');
      return {
        traces: player.traces,
        result: found.result,
        again: player.again,
        writes,
        crashes: struck,
      };
    }
    throw new Error(`the run did not end: ${JSON.stringify(code)}`);
  } finally {
    await scene.close();
  }
}

/** Before anything of the call's answer can be acted upon. */
function note(player: Player, args: readonly unknown[]): void {
  const [items] = args as [readonly RecordItem[]];
  for (const { writes } of items) {
    for (const write of writes) if (write.does === 'end') player.kept.add(write.key);
  }
}

function judge({ traces, again }: Life): void {
  assert.deepEqual(again, []);
  const last = traces.at(-1) ?? [];
  for (const trace of traces) assert.deepEqual(trace, last.slice(0, trace.length));
}

it('what is kept is seen again in its order and not done again, wherever it crashes', async () => {
  await fc.assert(
    fc.asyncProperty(program, fc.infiniteStream(fc.nat()), async (code, dice) => {
      const calm = await live(code, []);
      judge(calm);
      for (let at = 1; at <= Math.min(calm.writes, 12); at += 1) {
        for (const fail of ['before', 'after'] as const) {
          const [more = 0] = dice.take(1);
          const crashed = await live(code, [
            { at, fail },
            { at: at + 1 + (more % 6), fail: more % 2 === 0 ? 'before' : 'after' },
          ]);
          judge(crashed);
          assert.ok(crashed.crashes >= 1);
        }
      }
    }),
    { numRuns: Number(process.env.HOLDFAST_PROPERTY_RUNS ?? 25) },
  );
});
