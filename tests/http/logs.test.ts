/** Log lines of one attempt, and of a level and above it: as pages and as a stream. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction } from 'holdfast';
import { HttpScene } from './scene.ts';

const patience = { timeout: 60_000 };

interface Page {
  readonly lines: readonly { readonly n: number; readonly attempt: number }[];
  readonly next: number | null;
}

/** Two attempts of ten lines each: every fifth warns, and the last of the first is an error. */
const chatty = defineFunction({
  name: 'chatty',
  retry: { attemptsMax: 2, delayMs: 1 },
  run: (_: unknown, ctx) => {
    for (let n = 1; n <= 9; n += 1) ctx.log[n % 5 === 0 ? 'warn' : 'info'](`line ${n}`);
    if (ctx.attempt === 1) ctx.log.error('line 10');
    else ctx.log.debug('line 10');
    if (ctx.attempt === 1) throw new Error('once more');
  },
});

const idsIn = (text: string): number[] =>
  [...text.matchAll(/^id: (\d+)$/gm)].map(([, id]) => Number(id));

for (const store of ['memory', 'sqlite'] as const) {
  describe(`log lines on ${store}`, patience, () => {
    it('come in full pages of those that were asked for', async () => {
      await using at = await HttpScene.open({}, store, { functions: [chatty] });
      const id = await at.start('chatty', null);
      await at.hf.runs.result(id);
      const ask = async (query: string) => {
        const { body } = await at.ask<Page>(`/api/v1/runs/${id}/logs?${query}`);
        return [body.lines.map(({ n }) => n), body.next];
      };
      assert.deepEqual(await ask('level=warn'), [[5, 10, 15], null]);
      assert.deepEqual(await ask('level=warn&limit=2'), [[5, 10], 10]);
      assert.deepEqual(await ask('level=warn&limit=2&after=10'), [[15], null]);
      assert.deepEqual(await ask('level=error'), [[10], null]);
      assert.deepEqual(await ask('attempt=2&level=info&limit=3&after=2'), [[11, 12, 13], 13]);
      assert.deepEqual((await ask('attempt=2'))[0], [11, 12, 13, 14, 15, 16, 17, 18, 19, 20]);
      assert.deepEqual(await ask('attempt=3'), [[], null]);
      assert.deepEqual(await ask(`after=${Number.MAX_SAFE_INTEGER}`), [[], null]);
    });

    it('are followed as they were asked for, and gone on with', async () => {
      await using at = await HttpScene.open({}, store, { functions: [chatty] });
      const id = await at.start('chatty', null);
      const path = `/api/v1/runs/${id}/logs/stream?level=warn`;
      const whole = await (await at.fetch(path)).text();
      assert.deepEqual(idsIn(whole), [5, 10, 15]);
      assert.match(whole, /event: end\n/);
      const headers = { 'last-event-id': '5' };
      assert.deepEqual(idsIn(await (await at.fetch(path, { headers })).text()), [10, 15]);
      const second = await at.fetch(`${path}&attempt=2`);
      assert.deepEqual(idsIn(await second.text()), [15]);
    });
  });
}

describe('a filter of log lines', patience, () => {
  it('that means nothing is refused', async () => {
    await using at = await HttpScene.open();
    const id = await at.start('talk', 1);
    for (const query of ['level=loud', 'level=', 'attempt=0', 'attempt=x', 'attempt=-1']) {
      for (const path of ['logs', 'logs/stream']) {
        await at.refused('request.invalid', `/api/v1/runs/${id}/${path}?${query}`);
      }
    }
    const { runs } = at.hf;
    await assert.rejects(runs.logs(id, { attempt: 0.5 }), { code: 'request.invalid' });
    await assert.rejects(runs.logs(id, { level: 'loud' as never }), { code: 'request.invalid' });
  });
});
