/** What the client asks for of a log: one attempt, a level and above, in pages and followed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction } from 'holdfast';
import { createClient } from 'holdfast/client';
import { HttpScene } from '../http/scene.ts';

const chatty = defineFunction({
  name: 'chatty',
  retry: { attemptsMax: 2, delayMs: 1 },
  run: (_: unknown, ctx) => {
    for (const level of ['debug', 'info', 'warn', 'error'] as const) ctx.log[level](level);
    if (ctx.attempt === 1) throw new Error('once more');
  },
});

describe('the log of a run, to a client', { timeout: 60_000 }, () => {
  it('is filtered where it is kept', async () => {
    await using at = await HttpScene.open({}, 'memory', { functions: [chatty] });
    const client = createClient({ url: at.server.url });
    const run = await client.start('chatty', null);
    await run.outcome();
    const page = await client.runs.logs(run.id, { level: 'warn', limit: 2 });
    assert.deepEqual([page.lines.map(({ n }) => n), page.next], [[3, 4], 4]);
    const rest = await client.runs.logs(run.id, { level: 'warn', after: 4, attempt: 2 });
    assert.deepEqual([rest.lines.map(({ n }) => n), rest.next], [[7, 8], null]);
    const seen: number[] = [];
    for await (const { n } of run.followLogs({ level: 'error' })) seen.push(n);
    assert.deepEqual(seen, [4, 8]);
    const wrong = client.runs.logs(run.id, { level: 'loud' as never });
    await assert.rejects(wrong, { code: 'request.invalid', status: 400 });
  });
});
