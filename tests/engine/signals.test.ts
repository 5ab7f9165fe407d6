/**
 * Signals to runs and what runs declare of themselves, through the runtime: order, answers, times,
 * schemas; and every crash between receiving, answering and the next step.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { z } from 'zod';
import { limits } from '../../src/core/limits.ts';
import { defineFunction } from '../../src/define-function.ts';
import type { RunContext } from '../../src/engine/run-context.ts';
import type { NoteItem } from '../../src/ports/store-runs.ts';
import type { RecordItem } from '../../src/ports/store-steps.ts';
import type { StoreCall, StoreFault } from '../../src/testing/index.ts';
import { type Actor, Scene, watched } from './scene.ts';

let scene: Scene;
beforeEach(() => {
  scene = new Scene();
});
afterEach(() => scene.close());

const hourMs = 3_600_000;

/** Takes bookings until it is told to close. */
const booking = defineFunction({
  name: 'booking',
  crashesMax: 1_000,
  signals: { book: z.object({ seats: z.int().min(1) }), close: null },
  run: async (seats: number, ctx) => {
    const taken: string[] = [];
    for (let free = seats; ; ) {
      const signal = await ctx.waitForSignal<{ seats: number }>(['book', 'close']);
      if (signal === null) throw new Error('there is no timeout');
      if (signal.name === 'close') {
        await signal.accept();
        return taken;
      }
      if (signal.data.seats > free) {
        await signal.refuse(`only ${free} are left`);
        continue;
      }
      free -= signal.data.seats;
      taken.push(signal.id);
      await signal.accept({ free });
      await ctx.step('mail', () => signal.id);
    }
  },
});

const refusal = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'accepted',
    (error: { code: string }) => error.code,
  );

describe('a signal', () => {
  it('is given to the run in its order, without a slot, and its sender hears of it', async () => {
    const { hf } = await scene.open({ functions: [booking], slots: 1 });
    const run = await hf.start(booking, 5);
    const early = await hf.runs.signal(run.id, 'book', { seats: 2 }, { id: 'early' });
    await scene.pass(1_000);
    assert.equal((await run.get())?.status, 'parked');
    assert.equal(hf.stats().running, 0);
    assert.deepEqual(await early.answer(), { state: 'accepted', value: { free: 3 } });
    const sent = await Promise.all(
      [4, 3].map((seats) => hf.runs.signal(run.id, 'book', { seats })),
    );
    const answers = sent.map((one) => watched(one.answer()));
    await scene.pass(1_000);
    assert.deepEqual(await Promise.all(answers.map(({ promise }) => promise)), [
      { state: 'refused', reason: 'only 3 are left' },
      { state: 'accepted', value: { free: 0 } },
    ]);
    await hf.runs.signal(run.id, 'close');
    await scene.pass(1_000);
    assert.deepEqual(await run.result(), ['early', sent[1]?.id]);
    assert.equal(hf.stats().signals, 4);
  });

  it('is one under its id, and a conflict with other data', async () => {
    const { hf } = await scene.open({ functions: [booking] });
    const run = await hf.start(booking, 5);
    const [first, again] = [
      await hf.runs.signal(run.id, 'book', { seats: 1 }, { id: 'b' }),
      await hf.runs.signal(run.id, 'book', { seats: 1 }, { id: 'b' }),
    ];
    assert.deepEqual([first.created, again.created], [true, false]);
    const other = hf.runs.signal(run.id, 'book', { seats: 2 }, { id: 'b' });
    assert.equal(await refusal(other), 'signal.conflict');
    await scene.pass(1_000);
    assert.deepEqual(await again.answer(), { state: 'accepted', value: { free: 4 } });
    await scene.pass(1_000);
    assert.deepEqual(await first.answer({ timeoutMs: 0 }), await again.answer());
  });

  it('is refused before it is kept: unknown, unfit, too late, too large', async () => {
    const { hf } = await scene.open({ functions: [booking] });
    const run = await hf.start(booking, 5);
    const send = (...args: Parameters<typeof hf.runs.signal>) => refusal(hf.runs.signal(...args));
    assert.equal(await send(run.id, 'bok', { seats: 1 }), 'signal.unknown');
    assert.equal(await send(run.id, 'book', { seats: 0 }), 'input.invalid');
    assert.equal(await send('none', 'book', { seats: 1 }), 'run.not_found');
    assert.equal(await send(run.id, '', null), 'key.invalid');
    const large = 'x'.repeat(limits.signalBytesMax);
    assert.equal(await send(run.id, 'close', large), 'payload.too_large');
    assert.equal(await send(run.id, 'close', null), 'accepted');
    await scene.pass(1_000);
    await run.result();
    assert.equal(await send(run.id, 'close', null), 'run.already_done');
    assert.equal(await refusal(hf.runs.answer(run.id, 'none')), 'signal.not_found');
  });

  it('is known by its name where the definition is not, and checked when given', async () => {
    const outside = await scene.open();
    const { hf } = await scene.open({ functions: [booking] });
    const run = await hf.start(booking, 5);
    const send = (name: string, data: unknown) => outside.hf.runs.signal(run.id, name, data);
    assert.equal(await refusal(send('bok', 1)), 'signal.unknown');
    const unfit = await send('book', { seats: 'many' });
    const heard = unfit.answer({ timeoutMs: 10_000 });
    await scene.pass(20_000);
    const answer = await heard;
    assert.equal(answer.state, 'refused');
    assert.match(
      answer.state === 'refused' ? answer.reason : '',
      /^it does not fit its schema: sea/,
    );
    const good = await send('book', { seats: 1 });
    await scene.pass(1_000);
    assert.deepEqual(await good.answer(), { state: 'accepted', value: { free: 4 } });
    assert.equal((await run.get())?.failures, 0);
  });

  it('is unanswered when the run ends without a word about it', async () => {
    const { hf } = await scene.open({ functions: [booking] });
    const run = await hf.start(booking, 5);
    await hf.runs.signal(run.id, 'close');
    const behind = await hf.runs.signal(run.id, 'book', { seats: 1 });
    const waiting = behind.answer();
    await scene.pass(2_000);
    assert.deepEqual(await waiting, { state: 'unanswered' });
  });

  it('may be long in coming: the wait gives null, and the sender can come back', async () => {
    const patient = defineFunction({
      name: 'patient',
      signals: { go: null },
      run: async (_: null, ctx) => {
        const none = await ctx.waitForSignal('go', { timeoutMs: hourMs, name: 'first' });
        const some = await ctx.waitForSignal('go', { timeoutMs: 3 * hourMs });
        await ctx.sleep(hourMs);
        await some?.accept('late');
        return [none, some?.data];
      },
    });
    const { hf } = await scene.open({ functions: [patient] });
    const run = await hf.start(patient, null);
    await scene.pass(2 * hourMs);
    const sent = await hf.runs.signal(run.id, 'go', 7);
    const short = refusal(sent.answer({ timeoutMs: 60_000 }));
    const leave = new AbortController();
    const left = refusal(sent.answer({ signal: leave.signal }));
    leave.abort({ code: 'enough' });
    await scene.pass(120_000);
    assert.deepEqual([await short, await left], ['wait.timeout', 'enough']);
    const later = hf.runs.answer(run.id, sent.id);
    await scene.pass(2 * hourMs);
    assert.deepEqual(await later, { state: 'accepted', value: 'late' });
    assert.deepEqual(await run.result(), [null, 7]);
    const { steps } = await hf.runs.steps(run.id);
    assert.deepEqual(
      steps.map(({ key, state, event }) => [key, state, event]),
      [
        ['signal/first', 'timed-out', 'go'],
        ['signal/go', 'returned', 'go'],
        ['sleep/sleep', 'returned', null],
        [`answer/${sent.id}`, 'returned', null],
      ],
    );
  });

  it('is answered once, between steps, by a function that declares it', async () => {
    const codes: unknown[] = [];
    const careless = defineFunction({
      name: 'careless',
      retry: false,
      signals: { go: null },
      run: async (_: null, ctx) => {
        codes.length = 0;
        codes.push(await refusal(ctx.waitForSignal('gone')));
        codes.push(await refusal(ctx.waitForSignal([])));
        const signal = await ctx.waitForSignal('go');
        codes.push(await refusal(ctx.step('in', () => signal?.accept(1))));
        await signal?.refuse('no');
        codes.push(await refusal(Promise.resolve(signal?.accept(2))));
      },
    });
    const { hf } = await scene.open({ functions: [careless] });
    const run = await hf.start(careless, null);
    const sent = await hf.runs.signal(run.id, 'go');
    await scene.pass(1_000);
    const answer = await sent.answer();
    assert.equal((await run.outcome()).kind, 'succeeded');
    assert.deepEqual(codes, ['signal.unknown', ...Array(3).fill('request.invalid')]);
    assert.deepEqual(answer, { state: 'refused', reason: 'no' });
  });
});

/** The process that executes runs crashes at the n-th write, before or after the store has it. */
interface Crash {
  readonly at: number;
  readonly fail: 'before' | 'after';
}

interface Life {
  readonly answers: readonly unknown[];
  readonly result: unknown;
  readonly keys: readonly string[];
  /** What was written of answers, as often as it was. */
  readonly said: readonly string[];
  readonly writes: number;
  readonly crashed: boolean;
}

const answersIn = (args: readonly unknown[]): string[] => {
  const [items] = args as [readonly RecordItem[]];
  return items.flatMap(({ writes }) =>
    writes.flatMap((write) =>
      write.does === 'end' && write.key.startsWith('answer/')
        ? [`${write.key} ${write.end.value}`]
        : [],
    ),
  );
};

async function live(crash: Crash | null): Promise<Life> {
  const host = new Scene();
  let writes = 0;
  let crashed = false;
  const said = new Set<string>();
  const open = async (): Promise<Actor> => {
    const opened = Promise.withResolvers<Actor>();
    const fault = ({ verb, args }: StoreCall): StoreFault | null => {
      if (verb !== 'record' && verb !== 'end') return null;
      writes += 1;
      const strikes = crash?.at === writes && !crashed;
      if (verb === 'record' && (!strikes || crash.fail === 'after')) {
        for (const one of answersIn(args)) said.add(one);
      }
      if (!strikes) return null;
      crashed = true;
      void opened.promise.then((actor) => host.kill(actor));
      return { fail: crash.fail };
    };
    const actor = await host.open({ functions: [booking], fault, slots: 1, pollMs: 500 });
    opened.resolve(actor);
    return actor;
  };
  try {
    const sender = await host.open();
    await open();
    const { id } = await sender.hf.start('booking', 3, { id: 'run' });
    await host.pass(200);
    const answers: Promise<unknown>[] = [];
    for (const seats of [2, 2, 1]) {
      const options = { id: `s-${answers.length}` };
      const sent = await sender.hf.runs.signal(id, 'book', { seats }, options);
      answers.push(sent.answer());
      if (crashed) await open();
      await host.pass(20);
    }
    answers.push((await sender.hf.runs.signal(id, 'close', null, { id: 's-3' })).answer());
    await host.pass(1_000);
    if (crashed) await open();
    for (let rounds = 0; rounds < 100; rounds += 1) {
      await host.pass(500);
      if ((await sender.hf.runs.get(id))?.outcome != null) break;
    }
    const { steps } = await sender.hf.runs.steps(id);
    return {
      answers: await Promise.all(answers),
      result: await sender.hf.runs.result(id),
      keys: steps.map(({ key }) => key),
      said: [...said].sort(),
      writes,
      crashed,
    };
  } finally {
    await host.close();
  }
}

describe('a crash of the owner', () => {
  it('between any two writes leaves each signal given once, and answered once', async () => {
    const calm = await live(null);
    assert.deepEqual(calm.answers, [
      { state: 'accepted', value: { free: 1 } },
      { state: 'refused', reason: 'only 1 are left' },
      { state: 'accepted', value: { free: 0 } },
      { state: 'accepted', value: null },
    ]);
    assert.deepEqual(calm.result, ['s-0', 's-2']);
    assert.equal(calm.said.length, 4);
    assert.ok(calm.writes >= 8, `${calm.writes} writes`);
    for (let at = 1; at <= calm.writes; at += 1) {
      for (const fail of ['before', 'after'] as const) {
        const { answers, result, said, keys, crashed } = await live({ at, fail });
        const where = `${fail} write ${at}`;
        assert.ok(crashed, where);
        assert.deepEqual(answers, calm.answers, where);
        assert.deepEqual(result, calm.result, where);
        assert.deepEqual(said, calm.said, `${where}: what was said stands`);
        assert.deepEqual([...keys].sort(), [...calm.keys].sort(), where);
      }
    }
  });
});

describe('declared state', () => {
  const stages = (run: (ctx: RunContext) => Promise<unknown>) =>
    defineFunction({
      name: 'stages',
      retry: { attemptsMax: 2, delayMs: 10, jitter: 0 },
      run: (_: null, ctx) => run(ctx),
    });
  const valuesOf = async ({ hf }: Actor, id: string) =>
    (await hf.runs.state(id)).map(({ name, value, attempt }) => [name, value, attempt]);

  it('is seen while the run goes on, stands over attempts, and is read back by them', async () => {
    const seen: unknown[] = [];
    const fn = stages(async (ctx) => {
      seen.push(await ctx.state.get('stage'));
      ctx.state.set('stage', { name: `s${ctx.attempt}` });
      ctx.state.set('tries', ctx.attempt);
      seen.push(await ctx.state.get('stage'));
      await ctx.sleep(hourMs);
      if (ctx.attempt === 2) throw new Error('again');
      return 'done';
    });
    const actor = await scene.open({ functions: [fn] });
    const run = await actor.hf.start(fn, null);
    await scene.pass(1_000);
    assert.deepEqual(await valuesOf(actor, run.id), [
      ['stage', { name: 's1' }, 1],
      ['tries', 1, 1],
    ]);
    await scene.pass(2 * hourMs);
    assert.equal(await run.result(), 'done');
    assert.deepEqual(seen, [null, ...['s1', 's1', 's2', 's2', 's3'].map((name) => ({ name }))]);
    assert.deepEqual(await valuesOf(actor, run.id), [
      ['stage', { name: 's3' }, 3],
      ['tries', 3, 3],
    ]);
    assert.equal(await refusal(actor.hf.runs.state('none')), 'run.not_found');
  });

  it('is kept before the step that follows it, and before the end', async () => {
    const order: string[] = [];
    const fault = ({ verb, args }: StoreCall): StoreFault | null => {
      if (verb === 'note') {
        const [items] = args as [readonly NoteItem[]];
        for (const { state } of items) for (const { name } of state ?? []) order.push(name);
        // The first try of each note fails: the step waits for the second.
        if (order.filter((one) => one === order.at(-1)).length === 1) return { fail: 'before' };
      }
      if (verb === 'record') {
        const [items] = args as [readonly RecordItem[]];
        for (const { writes } of items) for (const { key } of writes) order.push(key);
      }
      return null;
    };
    const fn = stages(async (ctx) => {
      ctx.state.set('before', 1);
      await ctx.step('one', () => 1);
      await ctx.step('two', () => 2);
    });
    const { hf } = await scene.open({ functions: [fn], fault });
    const run = await hf.start(fn, null);
    await scene.pass(1_000);
    await run.result();
    assert.deepEqual(order, ['before', 'before', 'step/one', 'step/two']);
  });

  it('is bounded in names and bytes', async () => {
    const codes: unknown[] = [];
    const codeOf = (work: () => void): unknown => {
      try {
        work();
        return 'kept';
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    const fn = stages(async (ctx) => {
      const { set } = ctx.state;
      codes.push(codeOf(() => set('large', 'x'.repeat(limits.stateBytesMax))));
      codes.push(codeOf(() => set('', 1)));
      for (let n = 0; n < limits.stateNamesMax; n += 1) set(`n-${n}`, n);
      codes.push(codeOf(() => set('more', 1)));
      codes.push(codeOf(() => set('n-0', 'again')));
    });
    const { hf } = await scene.open({ functions: [fn] });
    const run = await hf.start(fn, null);
    await scene.pass(1_000);
    await run.result();
    assert.deepEqual(codes, ['payload.too_large', 'key.invalid', 'state.full', 'kept']);
    assert.equal((await hf.runs.state(run.id)).length, limits.stateNamesMax);
  });
});
