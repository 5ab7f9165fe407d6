/** Idempotency-Key beyond the start of a run: one word for the id, wherever there is one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HttpScene } from './scene.ts';

const patience = { timeout: 60_000 };
const headers = { 'idempotency-key': 'k-1' };

for (const store of ['memory', 'sqlite'] as const) {
  describe(`Idempotency-Key on ${store}`, patience, () => {
    it('names an event: told once, and refused with other data', async () => {
      await using at = await HttpScene.open({}, store);
      const path = '/api/v1/events';
      const body = { name: 'paid', data: 7 };
      const first = await at.ask(path, { body, headers });
      const again = await at.ask(path, { body, headers });
      assert.deepEqual([first.status, first.body], [201, { id: 'k-1', created: true }]);
      assert.deepEqual([again.status, again.body], [200, { id: 'k-1', created: false }]);
      await at.refused('event.conflict', path, { body: { name: 'paid', data: 8 }, headers });
      await at.refused('request.invalid', path, { body: { ...body, id: 'k-2' }, headers });
      await at.refused('key.invalid', path, { body, headers: { 'idempotency-key': '' } });
    });

    it('names a fork: made once', async () => {
      await using at = await HttpScene.open({}, store);
      const id = await at.start('greet', 'Ada');
      await at.hf.runs.result(id);
      const path = `/api/v1/runs/${id}/fork`;
      const first = await at.ask(path, { body: {}, headers });
      const again = await at.ask(path, { body: {}, headers });
      assert.deepEqual([first.status, first.body], [201, { id: 'k-1', created: true }]);
      assert.deepEqual([again.status, again.body], [200, { id: 'k-1', created: false }]);
    });

    it('names the run that a retry makes: one, however often it is sent', async () => {
      await using at = await HttpScene.open({}, store);
      const id = await at.start('fail', null);
      await at.hf.runs.handle(id).outcome();
      const path = `/api/v1/runs/${id}/retry`;
      for (let n = 0; n < 3; n += 1) {
        const { status, body } = await at.ask(path, { method: 'POST', headers });
        assert.deepEqual([status, body], [201, { id: 'k-1', created: true }]);
      }
      const { runs } = await at.hf.runs.list({ fn: 'fail' });
      assert.equal(runs.length, 2);
      await at.refused('run.illegal_transition', path, {
        method: 'POST',
        headers: { 'idempotency-key': id },
      });
    });

    it('names the run of a retry among those of its tenant', async () => {
      await using at = await HttpScene.open({}, store);
      const { key } = await at.hf.keys.create({ name: 'a', scope: 'operate', tenant: 'a' });
      await at.hf.start('greet', 'x', { id: 'k-1' });
      const { id } = await at.hf.start('fail', null, { tenant: 'a' });
      await at.hf.runs.handle(id).outcome();
      const ask = { method: 'POST', headers, key };
      const made = await at.ask<{ id: string }>(`/api/v1/runs/${id}/retry`, ask);
      assert.deepEqual([made.status, made.body.id], [201, 'a~k-1']);
    });
  });
}

describe('Idempotency-Key', patience, () => {
  it('names a call: it is not executed twice', async () => {
    await using at = await HttpScene.open();
    const path = '/api/v1/functions/greet/call';
    const first = await at.ask(path, { body: { input: 'Ada' }, headers });
    assert.deepEqual(first.body, { result: 'hello Ada' });
    await at.refused('call.duplicate', path, { body: { input: 'Ada' }, headers });
  });

  it('is refused where it would be ignored and twice is two', async () => {
    await using at = await HttpScene.open();
    const operation = { action: 'retry', filter: {} };
    const many = { items: [{ input: 'a' }] };
    for (const [path, body] of [
      ['/api/v1/operations', operation],
      ['/api/v1/functions/greet/runs/many', many],
    ] as const) {
      const told = await at.refused('request.invalid', path, { body, headers });
      assert.equal(told.body.details.name, 'Idempotency-Key');
    }
    assert.equal((await at.hf.runs.list()).runs.length, 0);
  });
});
