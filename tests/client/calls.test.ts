/** Every call of the client, over a real server; the last test finds routes without a call. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { defineFunction } from 'holdfast';
import { ClientError, type ClientOptions, createClient } from 'holdfast/client';
import { routes } from '../../src/http/routes/index.ts';
import { HttpScene } from '../http/scene.ts';
import * as app from './app.ts';

const patience = { timeout: 60_000 };

/** Requests that were sent in this file. */
const sent = new Set<string>();

function clientOf(at: HttpScene, options: Partial<ClientOptions> = {}) {
  return createClient<typeof app>({
    url: at.server.url,
    fetch: (url, init) => {
      sent.add(`${init.method} ${new URL(url).pathname}`);
      return fetch(url, init);
    },
    ...options,
  });
}

/** A server of the app and of what is given beside it. */
const scene = (more: readonly ReturnType<typeof defineFunction>[] = []): Promise<HttpScene> =>
  HttpScene.open({}, 'memory', {
    functions: [app.greet, app.speak, app.shop.ship, ...app.rest, ...more],
  });

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of items) found.push(one);
  return found;
}

describe('a client', patience, () => {
  it('starts a run, waits for its result and looks at it', async () => {
    await using at = await scene();
    const client = clientOf(at);
    const run = await client.start('order.ship', { order: 1, at: '5' }, { tags: ['a'] });
    assert.equal(run.created, true);
    assert.deepEqual(await run.result(), { order: 1, at: 5, shipped: true });
    assert.deepEqual(await run.outcome(), { kind: 'succeeded', error: null });
    const found = await run.get();
    assert.deepEqual(found?.input, { order: 1, at: '5' });
    assert.deepEqual(found?.tags, ['a']);
    const { sentence, facts } = await client.runs.explain(run.id);
    assert.match(sentence, /succeeded/);
    assert.equal(facts.run.id, run.id);
    assert.equal((await client.runs.counts()).succeeded, 1);
    assert.equal(await client.runs.get('no such run'), null);
  });

  it('calls a function, looks at what is under way, and starts no run', async () => {
    await using at = await scene();
    const client = clientOf(at);
    const said: string = await client.call('greet', 'Ada', { timeoutMs: 5_000, lane: 'l' });
    assert.equal(said, 'hello Ada');
    const { calls, stats } = await client.liveCalls();
    assert.deepEqual([calls, stats.succeeded], [[], 1]);
    assert.equal((await client.runs.counts()).succeeded, 0);
    await assert.rejects(client.call('greet', 5 as never), { code: 'input.invalid', status: 400 });
  });

  it('starts a run once under its id, and tells of a conflict', async () => {
    await using at = await scene();
    const client = clientOf(at);
    const id = 'a/b c#?%ä';
    const first = await client.start('greet', 'Ada', { id });
    const second = await client.start('greet', 'Ada', { id });
    assert.deepEqual([first.id, first.created, second.id, second.created], [id, true, id, false]);
    assert.equal(await client.runs.handle(id).result(), 'hello Ada');
    await assert.rejects(client.start('greet', 'Bo', { id }), (error) => {
      assert.ok(error instanceof ClientError);
      assert.deepEqual([error.code, error.status, error.retry], ['run.conflict', 409, 'never']);
      assert.deepEqual(error.details, { id, fn: 'greet' });
      assert.match(error.requestId ?? '', /^[0-9a-f-]{36}$/);
      return true;
    });
  });

  it('gives due times as dates, too', async () => {
    await using at = await scene();
    const client = clientOf(at);
    const due = Date.now() + 3_600_000;
    const run = await client.start('greet', 'Ada', { dueAt: new Date(due) });
    assert.equal((await run.get())?.dueAt, due);
    assert.deepEqual(await run.cancel('not now'), { id: run.id, state: 'cancelled' });
    await assert.rejects(run.cancel(), { code: 'run.already_done' });
  });

  it('starts many, each with its own verdict', async () => {
    await using at = await scene();
    const client = clientOf(at);
    const wrong = 5 as unknown as string;
    const items = [{ input: 'Ada', id: 'a' }, { input: wrong }, { input: 'Bo' }];
    const verdicts = await client.startMany('greet', items);
    const said = verdicts.map((one) => (one.ok ? one.run.created : one.error.code));
    assert.deepEqual(said, [true, 'input.invalid', true]);
    const [first, , third] = verdicts;
    assert.ok(first?.ok && third?.ok);
    assert.equal(await third.run.result(), 'hello Bo');
    const [again] = await client.startMany('greet', [{ input: 'Ada', id: 'a' }]);
    assert.equal(again?.ok && again.run.created, false);
  });

  it('tells how a run ended that did not succeed, and tries it again', async () => {
    await using at = await scene();
    const client = clientOf(at);
    const run = await client.start('fail');
    await assert.rejects(run.result(), { code: 'run.not_succeeded', status: 409 });
    const { kind, error } = await run.outcome();
    assert.deepEqual([kind, error?.message], ['failed', 'no such thing']);
    const second = await client.runs.retry(run.id);
    assert.equal((await second.get())?.retryOf, run.id);
    assert.equal((await second.outcome()).kind, 'failed');
  });

  it('lists dead letters, tries them again and discards them', async () => {
    await using at = await scene();
    const client = clientOf(at);
    const ids: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      const run = await client.start('fail');
      await run.outcome();
      ids.push(run.id);
    }
    const [first = '', second = '', third = ''] = ids;
    const letters = async () =>
      (await all(client.deadLetters.list({ fn: 'fail', limit: 2 }))).map(({ id }) => id);
    assert.deepEqual(await letters(), [third, second, first]);
    const again = await client.deadLetters.redrive(first);
    assert.equal((await again.get())?.retryOf, first);
    await again.outcome();
    await assert.rejects(client.deadLetters.redrive(first), { code: 'dead.not_found' });
    await client.deadLetters.discard(second, 'known');
    assert.deepEqual(await letters(), [again.id, third]);
  });

  it('lists runs through all pages', async () => {
    await using at = await scene();
    const client = clientOf(at);
    const items = Array.from({ length: 23 }, (_, n) => ({ input: 'Ada', id: `run-${n}` }));
    await client.startMany('greet', items);
    await client.start('tick');
    const found = await all(client.runs.list({ fn: 'greet', limit: 5 }));
    assert.deepEqual(
      found.map(({ id }) => id).reverse(),
      items.map(({ id }) => id),
    );
    const page = await client.runs.page({ limit: 3 });
    assert.equal(page.runs.length, 3);
    assert.equal((await client.runs.page({ limit: 3, cursor: page.next ?? '' })).runs.length, 3);
    await assert.rejects(all(client.runs.list({ limit: 0 })), { code: 'request.invalid' });
  });

  it('waits for so long and no longer, and leaves when it is told to', async () => {
    await using at = await HttpScene.open();
    const client = createClient({ url: at.server.url });
    const run = await client.start('wait', 'k');
    await assert.rejects(run.result({ timeoutMs: 0 }), { code: 'wait.timeout', retry: 'safe' });
    await assert.rejects(run.result({ timeoutMs: 60 }), { code: 'wait.timeout' });
    const leave = new AbortController();
    const waiting = run.result({ signal: leave.signal });
    while (at.hf.stats().waits === 0) await new Promise(setImmediate);
    const reason = new Error('enough');
    leave.abort(reason);
    await assert.rejects(waiting, reason);
    while (at.server.load().requests > 0) await new Promise(setImmediate);
    await assert.rejects(client.runs.get(run.id, { signal: leave.signal }), reason);
    const last = run.result();
    at.meet('k').resolve();
    assert.equal(await last, 'k');
  });

  it('pauses and resumes functions and lanes, and sets terms of tenants', async () => {
    await using at = await scene();
    const client = clientOf(at);
    await client.functions.pause('greet', 'lunch');
    const paused = (await client.functions.list()).find(({ name }) => name === 'greet');
    assert.equal(paused?.pause?.reason, 'lunch');
    assert.equal(await client.functions.resume('greet'), true);
    assert.equal(await client.functions.resume('greet'), false);
    await client.lanes.pause('a/b');
    assert.deepEqual(
      (await client.lanes.list()).map(({ lane, paused }) => [lane, paused]),
      [['a/b', true]],
    );
    assert.equal(await client.lanes.resume('a/b'), true);
    await client.tenants.set('acme', { weight: 3, runningMax: 5, waitingMax: null });
    const [acme] = await client.tenants.list();
    assert.deepEqual([acme?.tenant, acme?.weight, acme?.runningMax], ['acme', 3, 5]);
    const [node] = await client.nodes.list();
    assert.equal(node?.pid, process.pid);
  });

  it('does in bulk what a filter matches, and waits for that', async () => {
    await using at = await scene();
    const client = clientOf(at);
    const items = Array.from({ length: 30 }, () => ({ input: 'Ada', delayMs: 3_600_000 }));
    await client.startMany('greet', items);
    const filter = { fn: 'greet' } as const;
    const begun = await client.operations.start({ action: 'cancel', filter, reason: 'enough' });
    const seen: string[] = [];
    const ended = await client.operations.wait(begun.id, {
      onProgress: ({ state }) => seen.push(state),
    });
    assert.deepEqual([ended.state, ended.matched, ended.changed], ['done', 30, 30]);
    assert.equal(seen.at(-1), 'done');
    assert.deepEqual(
      (await client.operations.list()).map(({ id }) => id),
      [begun.id],
    );
    await assert.rejects(client.operations.wait('no such one'), { code: 'operation.not_found' });
  });

  it('drives durable code: steps, events, decisions, forks', async () => {
    const token = Promise.withResolvers<string>();
    const order = defineFunction({
      name: 'order',
      run: async (id: string, ctx) => {
        const price = await ctx.step('price', () => 7);
        const approval = await ctx.approval();
        token.resolve(approval.token);
        const { state } = await approval.decision();
        const paid = await ctx.waitFor<{ amount: number }>('paid', { match: { order: id } });
        return { price, state, amount: paid?.data.amount };
      },
    });
    await using at = await scene([order as never]);
    const client = clientOf(at);
    const run = await createClient({ url: at.server.url }).start('order', 'o1');
    await client.approvals.approve(await token.promise, { by: 'Ada', data: { ok: true } });
    await assert.rejects(client.approvals.reject(await token.promise), {
      code: 'approval.already_done',
    });
    const data = { order: 'o1', amount: 12 };
    const emitted = await client.emit('paid', data, { id: 'p1' });
    assert.deepEqual(emitted, { id: 'p1', created: true });
    assert.equal((await client.emit('paid', data, { id: 'p1' })).created, false);
    assert.deepEqual(await run.result(), { price: 7, state: 'approved', amount: 12 });
    await assert.rejects(client.runs.repin(run.id, '2'), { code: 'run.already_done' });
    const second = await client.runs.fork(run.id, { version: '9' });
    assert.deepEqual(await client.runs.repin(second.id, '8'), { before: '9' });
    assert.equal((await second.get())?.pin, '8');
    const { steps } = await client.runs.steps(run.id, { limit: 100 });
    assert.deepEqual(steps[0]?.key, 'step/price');
    const forked = await client.runs.fork(run.id, { id: 'f1' });
    assert.deepEqual(await forked.result(), { price: 7, state: 'approved', amount: 12 });
    assert.equal((await client.runs.fork(run.id, { id: 'f1' })).created, false);
  });

  it('sends signals, waits for their answers, and reads what a run declares', async () => {
    const desk = defineFunction({
      name: 'desk',
      signals: { book: null },
      run: async (seats: number, ctx) => {
        ctx.state.set('free', seats);
        await (await ctx.waitForSignal('book'))?.accept({ free: seats - 1 });
        await (await ctx.waitForSignal('book'))?.refuse('closed');
        await ctx.waitForSignal('book');
      },
    });
    await using at = await scene([desk as never]);
    const client = clientOf(at);
    const { id } = await createClient({ url: at.server.url }).start('desk', 2);
    const first = await client.runs.signal(id, 'book', { seats: 1 }, { id: 'one' });
    assert.deepEqual([first.id, first.created], ['one', true]);
    const again = await client.runs.signal(id, 'book', { seats: 1 }, { id: 'one' });
    assert.equal(again.created, false);
    const accepted = { state: 'accepted', value: { free: 1 } };
    assert.deepEqual(await first.answer({ timeoutMs: 30_000 }), accepted);
    const second = await client.runs.signal(id, 'book');
    assert.deepEqual(await second.answer(), { state: 'refused', reason: 'closed' });
    assert.deepEqual(await client.runs.answer(id, 'one'), accepted);
    const third = await client.runs.signal(id, 'book');
    assert.deepEqual(await third.answer(), { state: 'unanswered' });
    await assert.rejects(client.runs.signal(id, 'book'), { code: 'run.already_done' });
    await assert.rejects(client.runs.answer(id, 'none'), { code: 'signal.not_found' });
    const [free] = await client.runs.state(id);
    assert.deepEqual([free?.name, free?.value], ['free', 2]);
    const waiting = await createClient({ url: at.server.url }).start('desk', 2, { delayMs: 1e6 });
    const early = await client.runs.signal(waiting.id, 'book');
    await assert.rejects(early.answer({ timeoutMs: 30 }), { code: 'wait.timeout' });
  });

  it('lists the children of a run, page by page', async () => {
    const part = defineFunction({ name: 'part', run: async (n: number) => n });
    const whole = defineFunction({
      name: 'whole',
      run: async (count: number, ctx) => (await ctx.all(part, Array(count).fill(1))).succeeded,
    });
    await using at = await scene([part as never, whole as never]);
    const client = clientOf(at);
    const run = await createClient({ url: at.server.url }).start('whole', 3);
    assert.equal(await run.result(), 3);
    const first = await client.runs.children(run.id, { limit: 2 });
    assert.deepEqual([first.children.length, typeof first.next], [2, 'string']);
    const last = await client.runs.children(run.id, { limit: 2, cursor: String(first.next) });
    assert.deepEqual([last.children[0]?.index, last.next], [2, null]);
    const cursor = String(first.next);
    const other = String(first.children[0]?.id);
    await assert.rejects(client.runs.children(other, { cursor }), { code: 'request.invalid' });
    assert.equal((await client.runs.get(other))?.parent, run.id);
  });

  it('reads log lines page by page, and follows them to the outcome', async () => {
    await using at = await HttpScene.open();
    const client = clientOf(at);
    const run = await createClient({ url: at.server.url }).start('talk', 25);
    await run.result();
    const page = await client.runs.logs(run.id, { limit: 10 });
    assert.deepEqual([page.lines.length, page.lines[9]?.message], [10, 'line 10']);
    const lines = client.runs.followLogs(run.id, { after: 20 });
    const seen: number[] = [];
    let next = await lines.next();
    for (; next.done !== true; next = await lines.next()) seen.push(next.value.n);
    assert.deepEqual(seen, [21, 22, 23, 24, 25]);
    assert.deepEqual(next.value, { kind: 'succeeded', error: null });
  });

  it('sends its key, and sees what the key sees', async () => {
    await using at = await scene();
    const acme = await at.hf.keys.create({ name: 'acme', scope: 'operate', tenant: 'acme' });
    const globex = await at.hf.keys.create({ name: 'globex', scope: 'read', tenant: 'globex' });
    const client = clientOf(at, { key: acme.key });
    assert.deepEqual(await client.caller(), { key: acme.id, scope: 'operate', tenant: 'acme' });
    const run = await client.start('greet', 'Ada', { id: 'one' });
    assert.equal(run.id, 'acme~one');
    assert.equal(await run.result(), 'hello Ada');
    const other = clientOf(at, { key: globex.key });
    assert.equal(await other.runs.get(run.id), null);
    await assert.rejects(other.start('greet', 'Ada'), { code: 'auth.denied', status: 403 });
    await assert.rejects(clientOf(at).caller(), { code: 'auth.missing', status: 401 });
  });

  it('reads the parts of a run as a page and as they come, texts and bytes', async () => {
    await using at = await scene();
    const client = clientOf(at);
    const run = await client.start('speak', ['a', 'b']);
    const parts: unknown[] = [];
    const heard = client.runs.followParts(run.id);
    let next = await heard.next();
    for (; next.done !== true; next = await heard.next()) parts.push(next.value.data);
    assert.deepEqual(parts, ['a', 'b', new Uint8Array([0, 255])]);
    assert.equal(next.value.kind, 'succeeded');
    const page = await client.runs.parts(run.id, { from: 1, limit: 1 });
    assert.deepEqual(
      page.parts.map(({ offset, data }) => [offset, data]),
      [[1, 'b']],
    );
    assert.equal(page.next, 2);
    const rest = await Array.fromAsync(client.runs.followParts(run.id, { from: 2 }));
    assert.deepEqual(
      rest.map(({ offset }) => offset),
      [2],
    );
  });

  it('refuses what cannot be sent, before it sends anything', async () => {
    const quiet = { url: 'http://127.0.0.1:1', fetch: () => assert.fail('it was sent') };
    const client = createClient(quiet);
    for (const id of ['', '.', '..', '\ud800']) {
      await assert.rejects(async () => client.runs.get(id), { code: 'key.invalid' });
    }
    await assert.rejects(client.start('greet', 5n), { code: 'payload.not_json' });
    const wrong = (options: object, name: string) =>
      assert.throws(
        () => createClient({ ...quiet, ...options }),
        ({ code, details, message }: ClientError) => {
          assert.deepEqual([code, details.name], ['request.invalid', name]);
          assert.doesNotMatch(message, /secret/);
          return true;
        },
      );
    for (const url of ['', 'jobs', 'ftp://a', 'http://u:secret@a', 'http://a?b', 'http://a#b', 5]) {
      wrong({ url }, 'url');
    }
    wrong({ key: 'secret secret' }, 'key');
    wrong({ keys: 'x' }, 'an option of createClient');
    wrong({ timeoutMs: 0 }, 'timeoutMs');
    wrong({ retry: { attemptsMax: 0 } }, 'retry.attemptsMax');
    wrong({ retry: { attempts: 5 } }, 'an option of retry');
  });

  it('goes nowhere else with its key', async (t) => {
    const asked: string[] = [];
    const elsewhere = createServer(({ url = '' }, answer) => {
      asked.push(url);
      answer.writeHead(307, { location: '/elsewhere' }).end();
    });
    t.after(() => elsewhere.close());
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    const { port } = elsewhere.address() as AddressInfo;
    const client = createClient({ url: `http://127.0.0.1:${port}`, key: 'hf_a' });
    await assert.rejects(client.start('greet', 'Ada'), { code: 'client.bad_answer', status: 307 });
    assert.deepEqual(asked, ['/api/v1/functions/greet/runs']);
  });

  it('finds a server below a path, with and without a slash at its end', async () => {
    const urls: string[] = [];
    const client = (url: string) =>
      createClient({
        url,
        fetch: async (to) => {
          urls.push(to);
          return Response.json({ key: null, scope: 'admin', tenant: null });
        },
      });
    for (const url of ['https://a.example/jobs/', 'https://a.example', '/']) {
      await client(url).caller();
    }
    assert.deepEqual(urls, [
      'https://a.example/jobs/api/v1/caller',
      'https://a.example/api/v1/caller',
      '/api/v1/caller',
    ]);
  });
});

describe('the routes of the server', () => {
  /** What a client has no word for: whether a server lives is for whoever runs it. */
  const without = ['GET /livez', 'GET /readyz', 'GET /metrics'];

  it('each have a call of the client', () => {
    const unasked = routes.filter(({ method, path }) => {
      const pattern = new RegExp(`^${path.replaceAll(/\{\w+\}/g, '[^/]+')}$`);
      return ![...sent].some((one) => {
        const [verb, asked = ''] = one.split(' ');
        return verb?.toLowerCase() === method && pattern.test(asked);
      });
    });
    assert.deepEqual(
      unasked.map(({ method, path }) => `${method.toUpperCase()} ${path}`),
      without,
    );
  });
});
