/** Flow control and dead letters as they are seen over HTTP. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction } from 'holdfast';
import { HttpScene } from './scene.ts';

const patience = { timeout: 60_000 };
const hour = 3_600_000;

const limited = defineFunction({
  name: 'limited',
  flow: { rateLimit: { key: (who: string) => who, max: 1, perMs: hour } },
  run: () => null,
});
const calm = defineFunction({
  name: 'calm',
  flow: { debounce: { quietMs: hour, maxMs: hour } },
  run: () => null,
});
const single = defineFunction({
  name: 'single',
  lane: 'one',
  flow: { onConflict: 'drop' },
  run: (_: unknown, ctx) => ctx.sleep(hour),
});
const plain = defineFunction({ name: 'plain', run: () => null });
const functions = [limited, calm, single, plain];

interface Started {
  readonly id: string;
  readonly created: boolean;
  readonly how: string;
}

interface Page {
  readonly runs: readonly { readonly id: string }[];
  readonly next: string | null;
}

const runsOf = (fn: string) => `/api/v1/functions/${fn}/runs`;
const letters = '/api/v1/dead-letters';

for (const store of ['memory', 'sqlite'] as const) {
  describe(`flow control over HTTP on ${store}`, patience, () => {
    it('says how a start came to its run, and how long to wait otherwise', async () => {
      await using at = await HttpScene.open({}, store, { functions });
      const first = await at.ask<Started>(runsOf('calm'), { body: { input: 'a' } });
      assert.deepEqual([first.status, first.body.how], [201, 'created']);
      const second = await at.ask<Started>(runsOf('calm'), { body: { input: 'b' } });
      const { id } = first.body;
      assert.deepEqual(
        [second.status, second.body],
        [200, { id, created: false, how: 'debounced' }],
      );
      const delayed = { body: { input: 'c', delayMs: 5 } };
      await at.refused('request.invalid', runsOf('calm'), delayed);

      await at.ask(runsOf('limited'), { body: { input: 'ada' } });
      const refused = await at.refused('rate.limited', runsOf('limited'), {
        body: { input: 'ada' },
      });
      const after = Number(refused.headers.get('retry-after'));
      assert.ok(after > 3_500 && after <= 3_600, `Retry-After: ${after}`);
      const retryAfterMs = Number(refused.body.details.retryAfterMs);
      assert.ok(retryAfterMs <= hour && Math.ceil(retryAfterMs / 1_000) <= after);
      const other = { body: { input: 'ada', flowKey: 'other' } };
      assert.equal((await at.ask(runsOf('limited'), other)).status, 201);
      const unknown = { body: { input: 'x', flowKey: 'k' } };
      await at.refused('request.invalid', runsOf('plain'), unknown);
    });

    it('refuses a start in a lane that is busy', async () => {
      await using at = await HttpScene.open({}, store, { functions });
      assert.equal((await at.ask(runsOf('single'), { body: {} })).status, 201);
      await at.refused('lane.busy', runsOf('single'), { body: {} });
    });

    it('gives each of many its own verdict', async () => {
      await using at = await HttpScene.open({}, store, { functions });
      const body = { items: [{ input: 'a' }, { input: 'a' }] };
      const { body: many } = await at.ask<{
        items: { ok: boolean; how?: string; problem?: { code: string } }[];
      }>(`${runsOf('limited')}/many`, { body });
      const [one, two] = many.items;
      assert.deepEqual([one?.how, two?.problem?.code], ['created', 'rate.limited']);
    });
  });

  describe(`dead letters over HTTP on ${store}`, patience, () => {
    it('are listed page by page, redriven once and discarded', async () => {
      await using at = await HttpScene.open({}, store);
      const ids: string[] = [];
      for (let n = 0; n < 3; n += 1) {
        const { id } = (await at.ask<Started>(runsOf('fail'), { body: {} })).body;
        await at.hf.runs.handle(id).outcome();
        ids.push(id);
      }
      const page = await at.ask<Page>(`${letters}?limit=2&fn=fail`);
      assert.deepEqual(
        page.body.runs.map(({ id }) => id),
        ids.slice(1).reverse(),
      );
      const cursor = page.body.next ?? '';
      const rest = await at.ask<Page>(`${letters}?limit=2&fn=fail&cursor=${cursor}`);
      assert.deepEqual([rest.body.runs[0]?.id, rest.body.next], [ids[0], null]);
      await at.refused('request.invalid', `/api/v1/runs?fn=fail&cursor=${cursor}`);

      const redriven = await at.ask<Started>(`${letters}/${ids[0]}/redrive`, { method: 'POST' });
      assert.equal(redriven.status, 201);
      await at.refused('dead.not_found', `${letters}/${ids[0]}/redrive`, { method: 'POST' });
      const discarded = await at.ask(`${letters}/${ids[1]}/discard`, { body: { reason: 'old' } });
      assert.equal(discarded.status, 204);
      await at.refused('dead.not_found', `${letters}/${ids[1]}/discard`, { body: {} });
      await at.refused('dead.not_found', `${letters}/nobody/redrive`, { method: 'POST' });
    });

    it('are dealt with in bulk behind the request', async () => {
      await using at = await HttpScene.open({}, store);
      const { id } = (await at.ask<Started>(runsOf('fail'), { body: {} })).body;
      await at.hf.runs.handle(id).outcome();
      const operations = '/api/v1/operations';
      const wrong = { action: 'redrive', filter: { fn: 'fail', outcome: 'failed' } };
      await at.refused('request.invalid', operations, { body: wrong });
      const body = { action: 'discard', filter: { fn: 'fail' }, reason: 'known' };
      const { body: begun } = await at.ask<{ id: string }>(operations, { body });
      for (;;) {
        const { body: view } = await at.ask<{ state: string; changed: number }>(
          `${operations}/${begun.id}`,
        );
        if (view.state === 'running') continue;
        assert.deepEqual([view.state, view.changed], ['done', 1]);
        break;
      }
      assert.deepEqual((await at.ask<Page>(letters)).body.runs, []);
    });
  });
}
