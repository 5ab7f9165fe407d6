/** Durable code as it is driven over HTTP: events, decisions, steps, forks. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction } from 'holdfast';
import { HttpScene } from './scene.ts';

const patience = { timeout: 60_000 };

interface Step {
  readonly key: string;
  readonly state: string;
  readonly value: unknown;
}

interface Started {
  readonly id: string;
  readonly created: boolean;
}

/** A function that asks for a decision and then waits for an event; tells its token to the test. */
function asking() {
  const token = Promise.withResolvers<string>();
  const order = defineFunction({
    name: 'order',
    run: async (id: string, ctx) => {
      const price = await ctx.step('price', () => 7);
      const approval = await ctx.approval();
      token.resolve(approval.token);
      const { state, by } = await approval.decision();
      const paid = await ctx.waitFor<{ amount: number }>('paid', { match: { order: id } });
      return { price, state, by, amount: paid?.data.amount };
    },
  });
  return { order, token: token.promise };
}

for (const store of ['memory', 'sqlite'] as const) {
  describe(`durable code over HTTP on ${store}`, patience, () => {
    it('is driven by a decision and an event, and shows its steps', async () => {
      const { order, token } = asking();
      await using at = await HttpScene.open({}, store, { functions: [order] });
      const { body: run } = await at.ask<Started>('/api/v1/functions/order/runs', {
        body: { input: 'o1' },
      });
      const paid = { name: 'paid', data: { order: 'o1', amount: 7 }, id: 'e1' };
      assert.equal((await at.ask('/api/v1/events', { body: paid })).status, 201);
      const again = await at.ask<Started>('/api/v1/events', { body: paid });
      assert.deepEqual([again.status, again.body], [200, { id: 'e1', created: false }]);
      const other = { ...paid, data: { order: 'o2' } };
      await at.refused('event.conflict', '/api/v1/events', { body: other });

      const path = `/api/v1/approvals/${await token}`;
      await at.refused('request.invalid', path, { body: { state: 'perhaps' } });
      const decided = await at.ask(path, { body: { state: 'approved', by: 'Ada' } });
      assert.deepEqual([decided.status, decided.body], [200, { state: 'approved' }]);
      await at.refused('approval.already_done', path, { body: { state: 'rejected' } });
      await at.refused('approval.not_found', '/api/v1/approvals/none', {
        body: { state: 'approved' },
      });

      const result = await at.ask<{ result: unknown }>(
        `/api/v1/runs/${run.id}/result?waitMs=30000`,
      );
      assert.deepEqual(result.body.result, { price: 7, state: 'approved', by: 'Ada', amount: 7 });
      const { body: page } = await at.ask<{ steps: readonly Step[]; next: number | null }>(
        `/api/v1/runs/${run.id}/steps`,
      );
      assert.deepEqual(
        page.steps.map(({ key, state }) => [key, state]),
        [
          ['step/price', 'returned'],
          ['approval/approval', 'returned'],
          ['event/paid', 'returned'],
        ],
      );
      assert.ok(!JSON.stringify(page).includes(await token), 'who may read is not who may decide');
    });

    it('is sent on with another version, and shows which one it waits for', async () => {
      const waits = (version: string) =>
        defineFunction({
          name: 'waits',
          version,
          run: async (_: null, ctx) => {
            await ctx.step('begin', () => null);
            await ctx.waitFor('never');
          },
        });
      await using at = await HttpScene.open({}, store, { functions: [waits('1')] });
      const { body: run } = await at.ask<Started>('/api/v1/functions/waits/runs', { body: {} });
      const path = `/api/v1/runs/${run.id}`;
      const seen = async () => (await at.ask<{ status: string; pin: string | null }>(path)).body;
      while ((await seen()).status !== 'parked') await new Promise(setImmediate);
      assert.equal((await seen()).pin, '1');
      const said = await at.ask(`${path}/repin`, { body: { version: '2' } });
      assert.deepEqual([said.status, said.body], [200, { id: run.id, before: '1' }]);
      const { body } = await at.ask<{ sentence: string }>(`${path}/explain`);
      assert.equal(body.sentence, "It waits for version '2' of 'waits', which no live node hosts.");
      const forked = await at.ask<Started>(`${path}/fork`, { body: { version: null } });
      const { body: fork } = await at.ask<{ pin: string | null }>(`/api/v1/runs/${forked.body.id}`);
      assert.ok(fork.pin === null || fork.pin === '1');
      await at.refused('request.invalid', `${path}/repin`, { body: {} });
      await at.refused('request.invalid', `${path}/repin`, { body: { version: 2 } });
      await at.ask(`${path}/cancel`, { body: {} });
      // It is taken up once more, to clean up: by the version that is there.
      await at.ask(`${path}/repin`, { body: { version: '1' } });
      await at.hf.runs.handle(run.id).outcome();
      await at.refused('run.already_done', `${path}/repin`, { body: { version: '1' } });
    });

    it('goes on in a second run from a step that is named', async () => {
      const begun: string[] = [];
      const count = defineFunction({
        name: 'count',
        run: async (_: null, ctx) => {
          for (const name of ['one', 'two']) await ctx.step(name, () => void begun.push(name));
          return begun.length;
        },
      });
      await using at = await HttpScene.open({}, store, { functions: [count] });
      const { body: run } = await at.ask<Started>('/api/v1/functions/count/runs', { body: {} });
      await at.ask(`/api/v1/runs/${run.id}/result?waitMs=30000`);
      const path = `/api/v1/runs/${run.id}/fork`;
      const body = { from: 'step/two', id: 'second' };
      const forked = await at.ask<Started>(path, { body });
      assert.deepEqual([forked.status, forked.body], [201, { id: 'second', created: true }]);
      assert.equal(forked.headers.get('location'), '/api/v1/runs/second');
      const again = await at.ask<Started>(path, { body });
      assert.deepEqual([again.status, again.body], [200, { id: 'second', created: false }]);
      await at.ask('/api/v1/runs/second/result?waitMs=30000');
      assert.deepEqual(begun, ['one', 'two', 'two']);
      await at.refused('step.not_found', path, { body: { from: 'step/three' } });
      await at.refused('request.invalid', path, { body: { version: '' } });
      await at.refused('run.not_found', '/api/v1/runs/none/fork', { body: {} });
    });
  });
}
