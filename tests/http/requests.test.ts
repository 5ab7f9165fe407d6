/** What the routes do, over real sockets, on both embedded stores. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HttpScene } from './scene.ts';

interface Page {
  readonly runs: readonly { readonly id: string }[];
  readonly next: string | null;
}
interface Operation {
  readonly id: string;
  readonly state: string;
  readonly matched: number;
  readonly changed: number;
}

const patience = { timeout: 60_000 };

for (const store of ['memory', 'sqlite'] as const) {
  describe(`HTTP on ${store}`, patience, () => {
    it('starts a run, waits for its result, and shows it', async () => {
      await using at = await HttpScene.open({}, store);
      const started = await at.ask<{ id: string; created: boolean }>(
        '/api/v1/functions/greet/runs',
        { body: { input: 'Ada', tags: ['x'], tenant: 'acme', lane: { key: 'l', width: 2 } } },
      );
      assert.equal(started.status, 201);
      const { id } = started.body;
      assert.equal(started.headers.get('location'), `/api/v1/runs/${id}`);
      const result = await at.ask(`/api/v1/runs/${id}/result?waitMs=30000`);
      assert.deepEqual([result.status, result.body], [200, { id, result: 'hello Ada' }]);
      const { body } = await at.ask<Record<string, unknown>>(`/api/v1/runs/${id}`);
      const { fn, input, tenant, lane, laneWidth, tags } = body;
      const expected = { fn: 'greet', input: 'Ada', tenant: 'acme', lane: 'l', laneWidth: 2 };
      assert.deepEqual({ fn, input, tenant, lane, laneWidth, tags }, { ...expected, tags: ['x'] });
      assert.equal('seq' in body, false);
    });

    it('knows a run again by its Idempotency-Key: 200, or 409 for another input', async () => {
      await using at = await HttpScene.open({}, store);
      const path = '/api/v1/functions/greet/runs';
      const headers = { 'idempotency-key': 'order/17 %' };
      const first = await at.ask(path, { body: { input: 'a' }, headers });
      const again = await at.ask(path, { body: { input: 'a' }, headers });
      assert.deepEqual([first.status, again.status], [201, 200]);
      assert.deepEqual(again.body, { id: 'order/17 %', created: false, how: 'same-id' });
      await at.refused('run.conflict', path, { body: { input: 'b' }, headers });
      await at.refused('request.invalid', path, { body: { input: 'a', id: 'other' }, headers });
      const shown = await at.ask<{ id: string }>(
        `/api/v1/runs/${encodeURIComponent('order/17 %')}`,
      );
      assert.equal(shown.body.id, 'order/17 %');
    });

    it('starts many runs, each with its own verdict in order', async () => {
      await using at = await HttpScene.open({}, store);
      const items = [{ input: 'a', id: 'one' }, { input: 7 }, { input: 'a', id: 'one' }];
      const { body } = await at.ask<{ items: readonly Record<string, unknown>[] }>(
        '/api/v1/functions/greet/runs/many',
        { body: { items } },
      );
      const [one, wrong, again] = body.items;
      assert.deepEqual(one, { ok: true, id: 'one', created: true, how: 'created' });
      const problem = wrong?.problem as { code: string };
      assert.equal(problem.code, 'input.invalid');
      assert.deepEqual(again, { ok: true, id: 'one', created: false, how: 'same-id' });
    });

    it('lists in keyset pages, and refuses a cursor of another list', async () => {
      await using at = await HttpScene.open({}, store);
      const ids: string[] = [];
      for (let n = 0; n < 5; n += 1) ids.push(await at.start('greet', `${n}`, { tags: ['t'] }));
      await at.start('greet', 'other');
      const seen: string[] = [];
      let path = '/api/v1/runs?tag=t&limit=2';
      for (;;) {
        const { body } = await at.ask<Page>(path);
        seen.push(...body.runs.map(({ id }) => id));
        if (body.next === null) break;
        path = `/api/v1/runs?tag=t&limit=2&cursor=${body.next}`;
      }
      assert.deepEqual(seen, ids.toReversed());
      const { body } = await at.ask<Page>('/api/v1/runs?tag=t&limit=2');
      await at.refused('request.invalid', `/api/v1/runs?limit=2&cursor=${body.next}`);
      await at.refused('request.invalid', '/api/v1/runs?cursor=abc');
    });

    it('cancels, tries again, explains and counts', async () => {
      await using at = await HttpScene.open({}, store);
      const id = await at.start('wait', 'k', { delayMs: 1e8 });
      const { body: why } = await at.ask<{ sentence: string }>(`/api/v1/runs/${id}/explain`);
      assert.match(why.sentence, /^It is due in/);
      const cancelled = await at.ask(`/api/v1/runs/${id}/cancel`, { body: { reason: 'no more' } });
      assert.deepEqual(cancelled.body, { id, state: 'cancelled' });
      await at.refused('run.already_done', `/api/v1/runs/${id}/cancel`, { method: 'POST' });
      const told = await at.refused('run.not_succeeded', `/api/v1/runs/${id}/result`);
      assert.equal((told.body.details.outcome as { kind: string }).kind, 'cancelled');
      const again = await at.ask<{ id: string }>(`/api/v1/runs/${id}/retry`, { method: 'POST' });
      assert.equal(again.status, 201);
      assert.equal(again.headers.get('location'), `/api/v1/runs/${again.body.id}`);
      at.meet('k').resolve();
      const { status } = await at.ask(`/api/v1/runs/${again.body.id}/result?waitMs=30000`);
      assert.equal(status, 200);
      const { body: counts } = await at.ask<Record<string, number>>('/api/v1/counts');
      assert.deepEqual([counts.cancelled, counts.succeeded], [1, 1]);
    });

    it('pauses and resumes functions and lanes, and shows both', async () => {
      await using at = await HttpScene.open({}, store);
      for (const what of ['functions/greet', 'lanes/the%20seat']) {
        const reason = { reason: 'a look' };
        assert.equal((await at.ask(`/api/v1/${what}/pause`, { body: reason })).status, 204);
      }
      const { body } = await at.ask<{ functions: { name: string; pause: { reason: string } }[] }>(
        '/api/v1/functions',
      );
      assert.equal(body.functions.find(({ name }) => name === 'greet')?.pause.reason, 'a look');
      const { body: seen } = await at.ask<{ lanes: object[] }>('/api/v1/lanes');
      const rest = { holders: [], waiting: 0, oldestWaitingAt: null };
      assert.deepEqual(seen.lanes, [{ lane: 'the seat', paused: true, ...rest }]);
      for (const what of ['functions/greet', 'lanes/the%20seat']) {
        for (const wasPaused of [true, false]) {
          const { body: told } = await at.ask(`/api/v1/${what}/resume`, { method: 'POST' });
          assert.deepEqual(told, { wasPaused });
        }
      }
    });

    it('sets the terms of a tenant, and shows nodes', async () => {
      await using at = await HttpScene.open({}, store);
      const terms = { weight: 2, runningMax: 3 };
      const set = await at.ask('/api/v1/tenants/acme', { method: 'PUT', body: terms });
      assert.equal(set.status, 204);
      const { body } = await at.ask('/api/v1/tenants');
      const acme = { tenant: 'acme', weight: 2, runningMax: 3, waitingMax: null, holding: 0 };
      assert.deepEqual(body, { tenants: [acme] });
      const { body: nodes } = await at.ask<{ nodes: { state: string }[] }>('/api/v1/nodes');
      assert.deepEqual(
        nodes.nodes.map(({ state }) => state),
        ['live'],
      );
    });

    it('cancels in bulk behind the request, and says how far it is', async () => {
      await using at = await HttpScene.open({}, store);
      for (let n = 0; n < 3; n += 1) await at.start('wait', 'k', { delayMs: 1e8, tags: ['t'] });
      await at.start('wait', 'k', { delayMs: 1e8 });
      const ask = { action: 'cancel', filter: { tag: 't' }, reason: 'all of them' };
      const begun = await at.ask<Operation>('/api/v1/operations', { body: ask });
      assert.equal(begun.status, 202);
      const path = begun.headers.get('location') ?? '';
      let seen = begun.body;
      while (seen.state === 'running') seen = (await at.ask<Operation>(path)).body;
      assert.deepEqual([seen.state, seen.matched, seen.changed], ['done', 3, 3]);
      const { body } = await at.ask<{ operations: Operation[] }>('/api/v1/operations');
      assert.deepEqual(body.operations, [seen]);
      await at.refused('operation.not_found', '/api/v1/operations/none');
    });
  });
}

describe('a wait for a result', patience, () => {
  it('ends after its time with wait.timeout, which may be asked again at once', async () => {
    await using at = await HttpScene.open();
    const id = await at.start('wait', 'k');
    const { body } = await at.refused('wait.timeout', `/api/v1/runs/${id}/result?waitMs=1`);
    assert.equal(body.retry, 'safe');
    await at.refused('wait.timeout', `/api/v1/runs/${id}/result`);
    at.meet('k').resolve();
    const { body: told } = await at.ask(`/api/v1/runs/${id}/result?waitMs=30000`);
    assert.deepEqual(told, { id, result: 'k' });
  });

  it('is given up when its reader leaves', async () => {
    await using at = await HttpScene.open();
    const id = await at.start('wait', 'k');
    const leave = new AbortController();
    const asked = fetch(`${at.server.url}/api/v1/runs/${id}/result?waitMs=60000`, leave);
    while (at.hf.stats().waits === 0) await new Promise(setImmediate);
    leave.abort();
    await assert.rejects(asked);
    while (at.hf.stats().waits > 0) await new Promise(setImmediate);
  });
});

describe('health', patience, () => {
  it('is told without a key, and says nothing else', async () => {
    await using at = await HttpScene.open({ allowAnonymous: false });
    for (const path of ['/livez', '/readyz']) {
      const { status, body } = await at.ask(path);
      assert.deepEqual([status, body], [200, { status: 'ok' }]);
    }
  });

  it('is not ready when the node drains, but lives', async () => {
    await using at = await HttpScene.open();
    await at.hf.drain({ graceMs: 0 });
    const told = await at.refused('node.draining', '/readyz');
    assert.equal(told.headers.get('retry-after'), '1');
    assert.equal((await at.ask('/livez')).status, 200);
  });

  it('is not ready when the store does not answer, and tells no place or cause', async () => {
    await using at = await HttpScene.open({}, 'sqlite');
    await at.hf.close();
    const { status, body } = await at.ask<{ detail: string; details: object }>('/readyz');
    assert.ok(status >= 400);
    assert.deepEqual(body.details, {});
    assert.equal((await at.ask('/livez')).status, 200);
  });
});
