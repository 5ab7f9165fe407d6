import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { defineFunction, NonRetryableError } from 'holdfast';
import { z } from 'zod';
import { meetings, Place } from './runtime-scene.ts';

let place: Place;
beforeEach(async () => {
  place = await Place.make();
});
afterEach(() => place.remove());

const greet = defineFunction({
  name: 'greet',
  input: z.object({ name: z.string(), loud: z.boolean().default(false) }),
  run: async ({ name, loud }, ctx) => ({ said: loud ? name.toUpperCase() : name, by: ctx.attempt }),
});

describe('a run on a file', () => {
  it('is accepted, executed, and told with its result, input and attempts', async () => {
    const hf = await place.open({ functions: [greet] });
    const run = await hf.start(greet, { name: 'Ada' }, { tags: ['t'] });
    assert.deepEqual(await run.result(), { said: 'Ada', by: 1 });
    const kept = await hf.runs.get(run.id);
    assert.deepEqual(kept?.input, { name: 'Ada' });
    assert.deepEqual(kept?.result, { said: 'Ada', by: 1 });
    assert.deepEqual([kept?.status, kept?.outcome?.kind, kept?.tags], ['done', 'succeeded', ['t']]);
    assert.deepEqual(
      kept?.attempts.map(({ attempt, end }) => [attempt, end]),
      [[1, 'succeeded']],
    );
  });

  it('outlives the runtime that accepted it', async () => {
    const client = await place.open();
    const run = await client.start(greet, { name: 'Ada' });
    await client.close();
    const hf = await place.open({ functions: [greet] });
    assert.deepEqual(await hf.runs.result(run.id), { said: 'Ada', by: 1 });
  });

  it('is started once for one id, and refused for another input or function', async () => {
    const hf = await place.open({ functions: [greet] });
    const first = await hf.start(greet, { name: 'Ada' }, { id: 'a' });
    const second = await hf.start(greet, { name: 'Ada' }, { id: 'a' });
    assert.deepEqual([first.id, first.created, second.id, second.created], ['a', true, 'a', false]);
    assert.deepEqual(await second.result(), await first.result());
    await assert.rejects(hf.start(greet, { name: 'Bob' }, { id: 'a' }), { code: 'run.conflict' });
  });

  it('starts with many others, each with its own verdict', async () => {
    const hf = await place.open({ functions: [greet] });
    const started = await hf.startMany(greet, [
      { input: { name: 'a' }, id: 'same' },
      { input: { name: 'b' }, id: 'same' },
      { input: { name: 7 } as never },
      { input: { name: 'c' }, delayMs: -1 },
      { input: { name: 'd', loud: true } },
    ]);
    assert.deepEqual(
      started.map((one) => (one.ok ? 'ok' : one.error.code)),
      ['ok', 'run.conflict', 'input.invalid', 'request.invalid', 'ok'],
    );
    const last = started.at(-1);
    assert.ok(last?.ok);
    assert.deepEqual(await last.run.result(), { said: 'D', by: 1 });
  });

  it('is tried again, and its outcome stays what it was first', async () => {
    const flaky = defineFunction({
      name: 'flaky',
      retry: { attemptsMax: 3, delayMs: 1 },
      run: (fail: number, ctx) => {
        if (ctx.attempt <= fail) throw new Error(`attempt ${ctx.attempt}`);
        return ctx.attempt;
      },
    });
    const hf = await place.open({ functions: [flaky] });
    assert.equal(await (await hf.start(flaky, 2)).result(), 3);
    const failed = await hf.start(flaky, 9);
    await assert.rejects(failed.result(), { code: 'run.not_succeeded' });
    const again = await hf.runs.retry(failed.id);
    assert.notEqual(again.id, failed.id);
    await assert.rejects(again.result(), /attempt 3/);
    assert.equal((await failed.outcome()).kind, 'failed');
    assert.equal((await again.get())?.retryOf, failed.id);
  });

  it('runs one at a time in its lane, in the order of acceptance, through retries', async () => {
    const order: string[] = [];
    let now = 0;
    const append = defineFunction({
      name: 'append',
      lane: (input: { book: string; page: number }) => input.book,
      retry: { attemptsMax: 2, delayMs: 5, jitter: 0 },
      run: async ({ book, page }, ctx) => {
        now += 1;
        assert.ok(now <= 2, 'two lanes, one run in each');
        await new Promise((resolve) => setImmediate(resolve));
        now -= 1;
        if (page === 2 && ctx.attempt === 1) throw new Error('torn');
        order.push(`${book}${page}`);
      },
    });
    const hf = await place.open({ functions: [append] });
    const pages = [1, 2, 3].flatMap((page) =>
      ['a', 'b'].map((book) => ({ input: { book, page } })),
    );
    for (const one of await hf.startMany(append, pages)) if (one.ok) await one.run.result();
    assert.deepEqual(
      order.filter((one) => one.startsWith('a')),
      ['a1', 'a2', 'a3'],
    );
    assert.deepEqual(
      order.filter((one) => one.startsWith('b')),
      ['b1', 'b2', 'b3'],
    );
  });

  it('is cancelled while it runs, from another runtime on the file', async () => {
    const begun = meetings();
    const wait = defineFunction({
      name: 'wait',
      run: (_input: null, { signal }) => {
        begun().resolve();
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        });
      },
    });
    const hf = await place.open({ functions: [wait] });
    const other = await place.open();
    const run = await hf.start(wait, null);
    await begun().promise;
    assert.deepEqual(await other.runs.cancel(run.id, 'changed my mind'), { state: 'stopping' });
    const { kind, error } = await other.runs.handle(run.id).outcome();
    assert.deepEqual([kind, error?.message], ['cancelled', 'changed my mind']);
  });

  it('times out when its attempt takes too long', async () => {
    const slow = defineFunction({
      name: 'slow',
      retry: false,
      timeouts: { attemptMs: 20, graceMs: 20 },
      run: (_input: null) => new Promise(() => {}),
    });
    const hf = await place.open({ functions: [slow] });
    const run = await hf.start(slow, null);
    const { kind, error } = await run.outcome();
    assert.deepEqual([kind, error?.code], ['timed-out', 'attempt.timed_out']);
    assert.equal(hf.stats().stuck, 1);
  });

  it('says why it does not move', async () => {
    const hf = await place.open();
    const run = await hf.start(greet, { name: 'Ada' });
    assert.equal((await hf.runs.explain(run.id)).sentence, 'No node is up.');
    await hf.functions.pause('greet', 'deploy');
    assert.match((await hf.runs.explain(run.id)).sentence, /'greet' is paused since .* \(deploy\)/);
    assert.deepEqual(
      (await hf.pauses()).map(({ kind, key, reason }) => [kind, key, reason]),
      [['function', 'greet', 'deploy']],
    );
    await assert.rejects(hf.runs.explain('nobody'), { code: 'run.not_found' });
  });

  it('is found by what is known of it, page by page', async () => {
    const hf = await place.open();
    const items = Array.from({ length: 25 }, (_, n) => ({
      input: { name: `${n}` },
      tenant: n % 5 === 0 ? 'five' : 'other',
    }));
    await hf.startMany(greet, items);
    const names: unknown[] = [];
    let cursor: string | null = null;
    do {
      const query = { tenant: 'other', fn: 'greet', limit: 7 };
      const page = await hf.runs.list(cursor === null ? query : { ...query, cursor });
      names.push(...page.runs.map(({ seq }) => seq));
      cursor = page.next;
    } while (cursor !== null);
    assert.equal(names.length, 20);
    assert.deepEqual(
      names,
      names.toSorted((a, b) => Number(b) - Number(a)),
    );
    assert.equal((await hf.runs.counts()).queued, 25);
    assert.deepEqual(await hf.runs.cancelWhere({ tenant: 'five' }, 'no'), {
      matched: 5,
      changed: 5,
    });
  });

  it('is deleted when its retention is over', async () => {
    const hf = await place.open({ functions: [greet] });
    const run = await hf.start(greet, { name: 'Ada' });
    await run.result();
    assert.deepEqual(await hf.prune(), { pruned: 0 });
    await new Promise((resolve) => setImmediate(resolve));
    while ((await hf.prune({ retention: { succeeded: 0 } })).pruned === 0);
    assert.equal(await run.get(), null);
    await assert.rejects(hf.runs.result(run.id), { code: 'run.not_found' });
  });
});

describe('several runtimes in one process', () => {
  it('share the work of one file', async () => {
    const nodes = new Set<string>();
    const both = meetings();
    const share = (name: string) =>
      defineFunction({
        name: 'share',
        run: async () => {
          nodes.add(name);
          if (nodes.size === 2) both().resolve();
          await both().promise;
        },
      });
    const a = await place.open({ functions: [share('a')], name: 'a', slots: 1 });
    const b = await place.open({ functions: [share('b')], name: 'b', slots: 1 });
    const started = await a.startMany('share', [{ input: 1 }, { input: 2 }]);
    for (const one of started) if (one.ok) await one.run.result();
    assert.deepEqual([...nodes].sort(), ['a', 'b']);
    const listed = await b.functions.list();
    assert.deepEqual(
      listed.map(({ name, nodes, here, pause }) => [name, nodes, here, pause]),
      [['share', ['a', 'b'], true, null]],
    );
    assert.deepEqual(
      (await b.nodes.list()).map(({ name, state }) => [name, state]),
      [
        ['a', 'live'],
        ['b', 'live'],
      ],
    );
  });

  it('do not host two definitions of one function', async () => {
    await place.open({ functions: [greet] });
    const changed = defineFunction({ name: 'greet', laneWidth: 2, run: () => null });
    await assert.rejects(place.open({ functions: [changed] }), {
      code: 'function.conflict',
      message: /another definition of 'greet' version 1; give the changed function a new version/,
    });
    const next = defineFunction({ name: 'greet', version: '2', laneWidth: 2, run: () => null });
    await place.open({ functions: [next] });
  });

  it('know each other and the limits of tenants', async () => {
    const held = meetings();
    const hold = defineFunction({
      name: 'hold',
      tenant: (input: { of: string }) => input.of,
      run: () => held().promise,
    });
    const hf = await place.open({ functions: [hold] });
    const other = await place.open();
    await other.tenants.set('acme', { runningMax: 1, waitingMax: 2 });
    await hf.start(hold, { of: 'acme' });
    const second = await hf.start(hold, { of: 'acme' });
    await hf.start(hold, { of: 'acme' });
    await assert.rejects(hf.start(hold, { of: 'acme' }), { code: 'tenant.full', retry: 'after' });
    assert.match(
      (await other.runs.explain(second.id)).sentence,
      /'acme' is at its limit: 1 of 1 runs/,
    );
    await other.tenants.set('acme', { runningMax: null });
    held().resolve();
    await second.result();
    assert.deepEqual(
      (await other.tenants.list()).map(({ tenant, runningMax, waitingMax }) => [
        tenant,
        runningMax,
        waitingMax,
      ]),
      [['acme', null, 2]],
    );
  });
});

describe('closing', () => {
  it('lets running handlers end, leaves the file alone, and can be done twice', async () => {
    const begun = meetings();
    const go = meetings();
    const work = defineFunction({
      name: 'work',
      run: async () => {
        begun().resolve();
        await go().promise;
        return 'done';
      },
    });
    const hf = await place.open({ functions: [work], drainGraceMs: 60_000 });
    const run = await hf.start(work, null);
    await begun().promise;
    const closing = hf.close();
    assert.equal(hf.close(), closing);
    go().resolve();
    await closing;
    const later = await place.open();
    assert.equal(await later.runs.result(run.id), 'done');
    const [node] = await later.nodes.list();
    assert.deepEqual([node?.state, node?.running], ['left', 0]);
  });

  it('is done by the end of the block', async () => {
    {
      await using hf = await place.open({ functions: [greet] });
      await (await hf.start(greet, { name: 'Ada' })).result();
    }
    assert.equal(existsSync(`${place.path}-wal`), false);
  });
});

describe('the doctor', () => {
  it('finds a sound store sound, and says what is wrong with another', async () => {
    const hf = await place.open({ functions: [greet] });
    await (await hf.start(greet, { name: 'Ada' })).result();
    const sound = await hf.doctor();
    assert.deepEqual(
      sound.filter(({ level }) => level !== 'ok'),
      [],
    );
    const lonely = defineFunction({ name: 'lonely', run: () => null });
    await hf.start(lonely, null);
    const findings = await hf.doctor();
    const [wrong] = findings.filter(({ level }) => level !== 'ok');
    assert.deepEqual([wrong?.check, wrong?.level], ['functions', 'warn']);
    assert.match(wrong?.message ?? '', /runs wait for lonely, which no live node hosts; start one/);
  });
});

describe('the example of a declined card', () => {
  it('fails at once and says so in the words of the handler', async () => {
    const pay = defineFunction({
      name: 'pay',
      run: (): string => {
        throw new NonRetryableError('the card was declined', { code: 'card.declined' });
      },
    });
    const hf = await place.open({ functions: [pay] });
    const run = await hf.start(pay, undefined);
    const { error } = await run.outcome();
    assert.deepEqual([error?.code, error?.message], ['card.declined', 'the card was declined']);
  });
});
