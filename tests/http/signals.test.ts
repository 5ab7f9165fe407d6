/** Signals, their answers, and declared state over HTTP, on both embedded stores. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction } from 'holdfast';
import { z } from 'zod';
import { HttpScene } from './scene.ts';

const patience = { timeout: 60_000 };

interface Started {
  readonly id: string;
  readonly created: boolean;
}

const desk = defineFunction({
  name: 'desk',
  signals: { book: z.object({ seats: z.int() }), close: null },
  run: async (_: null, ctx) => {
    for (let free = 3; ; ) {
      ctx.state.set('free', free);
      const signal = await ctx.waitForSignal<{ seats: number }>(['book', 'close']);
      if (signal === null || signal.name === 'close') return free;
      if (signal.data.seats > free) await signal.refuse('full');
      else {
        free -= signal.data.seats;
        await signal.accept({ free });
      }
    }
  },
});

for (const store of ['memory', 'sqlite'] as const) {
  describe(`a run that is told something over HTTP, on ${store}`, patience, () => {
    it('is given it once, and its answer comes back', async () => {
      await using at = await HttpScene.open({}, store, { functions: [desk] });
      const { body: run } = await at.ask<Started>('/api/v1/functions/desk/runs', { body: {} });
      const path = `/api/v1/runs/${run.id}/signals`;
      const body = { data: { seats: 2 } };
      const headers = { 'idempotency-key': 'first' };
      const sent = await at.ask<Started>(`${path}/book`, { body, headers });
      assert.deepEqual([sent.status, sent.body], [201, { id: 'first', created: true }]);
      const again = await at.ask<Started>(`${path}/book`, { body, headers });
      assert.deepEqual([again.status, again.body], [200, { id: 'first', created: false }]);
      const answer = await at.ask(`${path}/first/answer?waitMs=30000`);
      const accepted = { id: 'first', state: 'accepted', value: { free: 1 }, reason: null };
      assert.deepEqual([answer.status, answer.body], [200, accepted]);
      assert.deepEqual((await at.ask(`${path}/first/answer`)).body, accepted);
      await at.ask(`${path}/book`, { body: { ...body, id: 'second' } });
      const refused = await at.ask(`${path}/second/answer?waitMs=30000`);
      const full = { id: 'second', state: 'refused', value: null, reason: 'full' };
      assert.deepEqual(refused.body, full);
      const state = await at.ask<{ values: { name: string; value: unknown }[] }>(
        `/api/v1/runs/${run.id}/state`,
      );
      assert.deepEqual(
        state.body.values.map(({ name, value }) => [name, value]),
        [['free', 1]],
      );
      assert.equal((await at.ask(`${path}/close`, { body: {} })).status, 201);
      const result = await at.ask<{ result: unknown }>(
        `/api/v1/runs/${run.id}/result?waitMs=30000`,
      );
      assert.equal(result.body.result, 1);
      await at.refused('run.already_done', `${path}/close`, { body: {} });
    });

    it('is told nothing that its function does not take', async () => {
      await using at = await HttpScene.open({}, store, { functions: [desk] });
      const { body: run } = await at.ask<Started>('/api/v1/functions/desk/runs', { body: {} });
      const path = `/api/v1/runs/${run.id}/signals`;
      await at.refused('signal.unknown', `${path}/bok`, { body: {} });
      await at.refused('input.invalid', `${path}/book`, { body: { data: { seats: 'many' } } });
      await at.refused('run.not_found', '/api/v1/runs/none/signals/book', { body: {} });
      await at.refused('signal.not_found', `${path}/none/answer`);
      const differ = { body: { id: 'a' }, headers: { 'idempotency-key': 'b' } };
      await at.refused('request.invalid', `${path}/close`, differ);
      const taken = { data: { seats: 1 }, id: 'same' };
      await at.ask(`${path}/book`, { body: taken });
      const other = { ...taken, data: { seats: 2 } };
      await at.refused('signal.conflict', `${path}/book`, { body: other });
    });
  });
}
