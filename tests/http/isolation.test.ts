/**
 * A key of one tenant and everything of another: a row for every route, so that a new route without
 * a row fails.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HttpScene, type Told } from './scene.ts';

const patience = { timeout: 60_000 };

interface World {
  readonly at: HttpScene;
  /** A key of tenant A with every scope. */
  readonly key: string;
  /** A run of B that waits, one that is done, and one of A. */
  readonly foreign: string;
  readonly foreignDone: string;
  readonly own: string;
}

type Row = (world: World) => Promise<void>;
type Ask = (world: World, id: string) => Promise<Told>;

const asking =
  (path: string, method = 'GET', body?: unknown): Ask =>
  ({ at, key }, id) =>
    at.ask(path.replace('{id}', encodeURIComponent(id)), { method, body, key });

/** The answer for a run of B is that for a run that nobody has, but for the id. */
const notThere =
  (ask: Ask): Row =>
  async (world) => {
    for (const id of [world.foreign, world.foreignDone]) {
      const [foreign, nobody] = [await ask(world, id), await ask(world, 'none')];
      assert.equal(foreign.status, 404, JSON.stringify(foreign.body));
      const plain = ({ body }: Told, own: string) => {
        const { requestId, ...rest } = body as Record<string, unknown>;
        return JSON.stringify(rest).replaceAll(own, 'ID');
      };
      assert.equal(plain(foreign, id), plain(nobody, 'none'));
    }
  };

/** The route is not there at all. */
const noRoute =
  (path: string, method = 'GET', body?: unknown): Row =>
  async (world) => {
    const { status, body: said } = await asking(path, method, body)(world, '');
    assert.deepEqual([status, (said as { code: string }).code], [404, 'http.no_route']);
  };

/** What comes back names nothing of B. */
const saysNothing =
  (path: string, holds: RegExp): Row =>
  async (world) => {
    const { status, body } = await asking(path)(world, world.own);
    assert.equal(status, 200);
    const said = JSON.stringify(body);
    assert.match(said, holds);
    for (const word of [world.foreign, world.foreignDone, 'tenant-b', 'b-lane']) {
      assert.ok(!said.includes(word), `${word} in ${said}`);
    }
  };

const starts: Row = async ({ at, key, foreignDone }) => {
  const path = '/api/v1/functions/greet/runs';
  const one = await at.ask<{ id: string }>(path, { body: { input: 'a', id: 'mine' }, key });
  const run = await at.hf.runs.get(one.body.id);
  assert.deepEqual([run?.tenant, run?.id], ['tenant-a', 'tenant-a~mine']);
  const again = await at.ask(path, { body: { input: 'a', id: 'mine' }, key });
  const same = { id: 'tenant-a~mine', created: false, how: 'same-id' };
  assert.deepEqual([again.status, again.body], [200, same]);
  const named = { input: 'a', tenant: 'tenant-b' };
  assert.equal((await at.ask(path, { body: named, key })).status, 403);
  // The id of a run of B, with its very input: nothing shows that it is taken.
  const taken = await at.ask(path, {
    body: { input: 'b' },
    headers: { 'idempotency-key': foreignDone },
    key,
  });
  assert.equal(taken.status, 201);
  // Somebody with a key for all gave a run of B such an id as A's are made: it is not A's.
  await at.hf.start('greet', 'a', { id: 'tenant-a~crafted', tenant: 'tenant-b' });
  const crafted = { input: 'a', id: 'crafted' };
  assert.equal((await at.ask(path, { body: crafted, key })).status, 409);
  const many = { body: { items: [crafted] }, key };
  const { body } = await at.ask<{ items: { ok: boolean }[] }>(`${path}/many`, many);
  assert.deepEqual(
    body.items.map(({ ok }) => ok),
    [false],
  );
};

const startsMany: Row = async ({ at, key }) => {
  const path = '/api/v1/functions/greet/runs/many';
  const items = [{ input: 'a' }, { input: 'a', id: 'many' }];
  const { body } = await at.ask<{ items: { id: string }[] }>(path, { body: { items }, key });
  for (const { id } of body.items) {
    assert.equal((await at.hf.runs.get(id))?.tenant, 'tenant-a');
  }
  const foreign = { items: [{ input: 'a', tenant: 'tenant-b' }] };
  assert.equal((await at.ask(path, { body: foreign, key })).status, 403);
};

const lists: Row = async (world) => {
  const { at, key } = world;
  await saysNothing('/api/v1/runs', /tenant-a/)(world);
  const foreign = await at.ask('/api/v1/runs?tenant=tenant-b', { key });
  assert.deepEqual([foreign.status, foreign.body], [200, { runs: [], next: null }]);
};

/** Dead letters of B are not listed, and not dealt with in bulk. */
const dead: Row = async ({ at, key }) => {
  for (const tenant of ['tenant-a', 'tenant-b']) {
    await (await at.hf.start('fail', null, { tenant })).outcome();
  }
  const path = '/api/v1/dead-letters';
  const { body } = await at.ask<{ runs: { tenant: string }[] }>(path, { key });
  assert.deepEqual(
    body.runs.map(({ tenant }) => tenant),
    ['tenant-a'],
  );
  const foreign = await at.ask(`${path}?tenant=tenant-b`, { key });
  assert.deepEqual(foreign.body, { runs: [], next: null });
  const asked = { action: 'discard', filter: {} };
  const begun = await at.ask<{ id: string }>('/api/v1/operations', { body: asked, key });
  let view = { state: 'running', changed: 0 };
  while (view.state === 'running') {
    view = (await at.ask<typeof view>(`/api/v1/operations/${begun.body.id}`, { key })).body;
  }
  assert.equal(view.changed, 1);
  assert.equal((await at.hf.deadLetters.list({ tenant: 'tenant-b' })).runs.length, 1);
};

const operates: Row = async ({ at, key, foreign, own }) => {
  const admin = await at.hf.keys.create({ name: 'all', scope: 'admin' });
  const path = '/api/v1/operations';
  const other = { action: 'cancel', filter: { tenant: 'tenant-b' } };
  assert.equal((await at.ask(path, { body: other, key })).status, 403);
  const theirs = await at.ask<{ id: string }>(path, {
    body: { action: 'cancel', filter: { tag: 'none' } },
    key: admin.key,
  });
  const seen = await at.ask(`${path}/${theirs.body.id}`, { key });
  assert.equal(seen.status, 404);
  const body = { action: 'cancel', filter: {} };
  const begun = await at.ask<{ id: string }>(path, { body, key });
  let state = 'running';
  while (state === 'running') {
    ({ state } = (await at.ask<{ state: string }>(`${path}/${begun.body.id}`, { key })).body);
  }
  assert.equal((await at.hf.runs.get(own))?.outcome?.kind, 'cancelled');
  assert.notEqual((await at.hf.runs.get(foreign))?.status, 'done');
  const { body: all } = await at.ask<{ operations: { id: string }[] }>(path, { key });
  assert.deepEqual(
    all.operations.map(({ id }) => id),
    [begun.body.id],
  );
};

const explains: Row = async (world) => {
  await notThere(asking('/api/v1/runs/{id}/explain'))(world);
  const { at, key, foreign } = world;
  // A run of A behind one of B in the same lane.
  const { id } = await at.hf.start('seat', 'a', { tenant: 'tenant-a' });
  const { body } = await at.ask<{ sentence: string; facts: Record<string, unknown> }>(
    `/api/v1/runs/${id}/explain`,
    { key },
  );
  assert.deepEqual(body.facts.laneHolders, []);
  // How many runs of all tenants wait is as little its business.
  assert.deepEqual([body.facts.laneAhead, body.facts.slotAhead], [null, null]);
  assert.ok(!JSON.stringify(body).includes(foreign), JSON.stringify(body));
};

/** An event of A is none for runs of B, even under an id that B has given away. */
const emits: Row = async ({ at, key }) => {
  await at.hf.emit('paid', 'of b', { id: 'e1', tenant: 'tenant-b' });
  const path = '/api/v1/events';
  const own = await at.ask(path, { body: { name: 'paid', data: 'of a', id: 'e1' }, key });
  assert.deepEqual([own.status, own.body], [201, { id: 'e1', created: true }]);
  const foreign = { name: 'paid', data: 'of b', id: 'e1', tenant: 'tenant-b' };
  assert.equal((await at.ask(path, { body: foreign, key })).status, 403);
};

/** How many runs others have of a version is nobody's business. */
const listsFunctions: Row = async (world) => {
  await saysNothing('/api/v1/functions', /greet/)(world);
  const { at, key } = world;
  await at.hf.start('ship', 'a piano', { tenant: 'tenant-b' });
  const pinned = async (): Promise<number | undefined> =>
    (await at.hf.functions.list()).find(({ name }) => name === 'ship')?.pinned.length;
  while ((await pinned()) !== 1) await new Promise(setImmediate);
  const { body } = await at.ask<{ functions: { name: string; pinned: unknown[] }[] }>(
    '/api/v1/functions',
    { key },
  );
  assert.deepEqual(body.functions.find(({ name }) => name === 'ship')?.pinned, []);
};

/** A call of A is one of A, under an id that no call of B has. */
const calls: Row = async ({ at, key }) => {
  const path = '/api/v1/functions/greet/call';
  await at.hf.call('greet', 'b', { id: 'c1', tenant: 'tenant-b' });
  const own = await at.ask(path, { body: { input: 'a', id: 'c1' }, key });
  assert.deepEqual([own.status, own.body], [200, { result: 'hello a' }]);
  const foreign = { input: 'b', tenant: 'tenant-b' };
  assert.equal((await at.ask(path, { body: foreign, key })).status, 403);
};

/** Its own terms are shown, however many tenants come before it by name. */
const listsTenants: Row = async (world) => {
  await saysNothing('/api/v1/tenants', /tenant-a/)(world);
  const { at, key } = world;
  const all = at.hf.tenants.list.bind(at.hf.tenants);
  // A store full of others.
  at.hf.tenants.list = async (which) => (which?.tenant === undefined ? [] : all(which));
  const { body } = await at.ask<{ tenants: { tenant: string }[] }>('/api/v1/tenants', { key });
  assert.deepEqual(
    body.tenants.map(({ tenant }) => tenant),
    ['tenant-a'],
  );
};

const reason = { reason: 'why' };
const open: Row = async () => {};

/** By the name of the operation in the OpenAPI document. */
const rows: Readonly<Record<string, Row>> = {
  listFunctions: listsFunctions,
  pauseFunction: noRoute('/api/v1/functions/greet/pause', 'POST', reason),
  resumeFunction: noRoute('/api/v1/functions/greet/resume', 'POST'),
  startRun: starts,
  startRuns: startsMany,
  callFunction: calls,
  listCalls: noRoute('/api/v1/calls'),
  listRuns: lists,
  getRun: notThere(asking('/api/v1/runs/{id}')),
  getResult: notThere(asking('/api/v1/runs/{id}/result?waitMs=10')),
  cancelRun: notThere(asking('/api/v1/runs/{id}/cancel', 'POST', reason)),
  retryRun: notThere(asking('/api/v1/runs/{id}/retry', 'POST')),
  explainRun: explains,
  countRuns: noRoute('/api/v1/counts'),
  listDeadLetters: dead,
  redriveDeadLetter: notThere(asking('/api/v1/dead-letters/{id}/redrive', 'POST')),
  discardDeadLetter: notThere(asking('/api/v1/dead-letters/{id}/discard', 'POST', reason)),
  listSteps: notThere(asking('/api/v1/runs/{id}/steps')),
  listChildren: notThere(asking('/api/v1/runs/{id}/children')),
  forkRun: notThere(asking('/api/v1/runs/{id}/fork', 'POST', {})),
  repinRun: notThere(asking('/api/v1/runs/{id}/repin', 'POST', { version: '2' })),
  emitEvent: emits,
  decide: open,
  signalRun: notThere(asking('/api/v1/runs/{id}/signals/hello', 'POST', { data: 1, id: 's-1' })),
  getAnswer: notThere(asking('/api/v1/runs/{id}/signals/told/answer')),
  getState: notThere(asking('/api/v1/runs/{id}/state')),
  listLogs: notThere(asking('/api/v1/runs/{id}/logs')),
  followLogs: notThere(asking('/api/v1/runs/{id}/logs/stream')),
  listParts: notThere(asking('/api/v1/runs/{id}/parts')),
  followParts: notThere(asking('/api/v1/runs/{id}/parts/stream')),
  listLanes: noRoute('/api/v1/lanes'),
  pauseLane: noRoute('/api/v1/lanes/b-lane/pause', 'POST', reason),
  resumeLane: noRoute('/api/v1/lanes/b-lane/resume', 'POST'),
  listTenants: listsTenants,
  setTenant: noRoute('/api/v1/tenants/tenant-a', 'PUT', { weight: 2 }),
  listNodes: noRoute('/api/v1/nodes'),
  startOperation: operates,
  listOperations: operates,
  getOperation: operates,
  isLive: open,
  isReady: open,
  getMetrics: noRoute('/metrics'),
  getCaller: saysNothing('/api/v1/caller', /tenant-a/),
  getOpenApi: open,
};

async function withWorld(store: 'memory' | 'sqlite', row: Row): Promise<void> {
  await using at = await HttpScene.open({}, store);
  const { hf } = at;
  for (const tenant of ['tenant-a', 'tenant-b']) await hf.tenants.set(tenant, { weight: 2 });
  const { id: own } = await hf.start('wait', 'a', { tenant: 'tenant-a', delayMs: 1e8 });
  const { id: foreign } = await hf.start('seat', 'b', { tenant: 'tenant-b', id: 'foreign-1' });
  await at.meet('begun b').promise;
  const more = { tenant: 'tenant-b', id: 'foreign-2', lane: 'b-lane' };
  const done = await hf.start('greet', 'b', more);
  await done.result();
  const made = { name: 'of A', scope: 'admin', tenant: 'tenant-a' } as const;
  const { key } = await hf.keys.create(made);
  await row({ at, key, foreign, foreignDone: done.id, own });
}

describe('a key of one tenant', patience, () => {
  it('has a row here for every route', async () => {
    await using at = await HttpScene.open();
    const { body } = await at.ask<{ paths: Record<string, Record<string, unknown>> }>(
      '/api/v1/openapi.json',
    );
    const names = Object.values(body.paths)
      .flatMap((path) => Object.values(path))
      .map((operation) => (operation as { operationId: string }).operationId);
    assert.deepEqual(new Set(names), new Set(Object.keys(rows)));
  });

  for (const [name, row] of Object.entries(rows)) {
    if (row === open) continue;
    it(`sees nothing of another's: ${name}`, () => withWorld('memory', row));
  }

  it("sees nothing of another's on a file, either", async () => {
    for (const name of ['getRun', 'listRuns', 'startRun', 'explainRun']) {
      await withWorld('sqlite', rows[name] ?? open);
    }
  });
});
