/** Parts over HTTP: pages, streams that are cut at every offset, and readers that do not read. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HttpScene } from './scene.ts';

const patience = { timeout: 60_000 };

interface Sent {
  readonly offset: number;
  readonly attempt: number;
  readonly text?: string;
  readonly base64?: string;
}

interface Page {
  readonly parts: readonly Sent[];
  readonly next: number;
  readonly ended: boolean;
}

/** What the function `emit` gives at an offset, as it goes out. */
const sentAt = (offset: number): Sent =>
  offset % 4 === 3
    ? { offset, attempt: 1, base64: Buffer.from([offset % 256, 255]).toString('base64') }
    : { offset, attempt: 1, text: `part ${offset}\n\n` };

const sentFrom = (from: number, count: number): Sent[] =>
  Array.from({ length: Math.max(0, count - from) }, (_, at) => sentAt(from + at));

/** The whole events of a stream, as far as it was read. */
function eventsIn(text: string) {
  const blocks = text.split('\n\n').slice(0, -1);
  const fieldOf = (block: string, name: string): string | undefined =>
    new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
  const events = blocks.flatMap((block) => {
    const event = fieldOf(block, 'event');
    const data = JSON.parse(fieldOf(block, 'data') ?? 'null') as unknown;
    return event === undefined ? [] : [{ event, id: fieldOf(block, 'id'), data }];
  });
  return {
    parts: events.filter(({ event }) => event === 'part').map(({ data }) => data as Sent),
    ids: events.flatMap(({ id }) => (id === undefined ? [] : [Number(id)])),
    last: events.at(-1)?.event ?? '',
  };
}

describe('parts over HTTP', patience, () => {
  it('come in pages, from every offset', async () => {
    await using at = await HttpScene.open();
    const id = await at.start('emit', 30);
    await at.hf.runs.result(id);
    for (const from of [0, 1, 7, 29, 30, 99]) {
      const { body } = await at.ask<Page>(`/api/v1/runs/${id}/parts?from=${from}`);
      assert.deepEqual(body.parts, sentFrom(from, 30));
      assert.deepEqual([body.next, body.ended], [Math.max(from, 30), true]);
    }
    const { body } = await at.ask<Page>(`/api/v1/runs/${id}/parts?from=4&limit=3`);
    assert.deepEqual(body, { parts: sentFrom(4, 7), next: 7, ended: false });
    await at.refused('request.invalid', `/api/v1/runs/${id}/parts?from=-1`);
    await at.refused('run.not_found', '/api/v1/runs/nobody/parts');
    await at.refused('run.not_found', '/api/v1/runs/nobody/parts/stream');
  });

  it('go on at every offset, each once, up to and past the end', async () => {
    await using at = await HttpScene.open();
    const count = 25;
    const id = await at.start('emit', count);
    await at.hf.runs.result(id);
    const path = `/api/v1/runs/${id}/parts/stream`;
    for (let from = 0; from <= count + 3; from += 1) {
      const byQuery = eventsIn(await (await at.fetch(`${path}?from=${from}`)).text());
      assert.deepEqual(byQuery.parts, sentFrom(from, count));
      assert.deepEqual(
        byQuery.ids,
        byQuery.parts.map(({ offset }) => offset),
      );
      assert.equal(byQuery.last, 'end');
      if (from === 0) continue;
      const headers = { 'last-event-id': String(from - 1) };
      const byHeader = eventsIn(await (await at.fetch(path, { headers })).text());
      assert.deepEqual(byHeader, byQuery);
    }
    await at.refused('request.invalid', path, { headers: { 'last-event-id': 'x' } });
  });

  it('begin again where the stream was cut, whatever had been seen', async () => {
    await using at = await HttpScene.open();
    const id = await at.start('emit', 40);
    await at.hf.runs.result(id);
    const path = `/api/v1/runs/${id}/parts/stream`;
    const whole = await (await at.fetch(path)).text();
    for (let cut = 0; cut < whole.length; cut += 61) {
      const seen = eventsIn(whole.slice(0, cut));
      const last = seen.ids.at(-1);
      const headers: Record<string, string> =
        last === undefined ? {} : { 'last-event-id': String(last) };
      const rest = eventsIn(await (await at.fetch(path, { headers })).text());
      assert.deepEqual([...seen.parts, ...rest.parts], sentFrom(0, 40));
    }
  });

  it('are seen while the run goes on, and end with its outcome', async () => {
    await using at = await HttpScene.open({}, 'sqlite');
    const id = await at.start('babble', null);
    const reader = (await at.fetch(`/api/v1/runs/${id}/parts/stream`)).body?.getReader();
    assert.ok(reader !== undefined);
    const text = new TextDecoder();
    let said = '';
    while (eventsIn(said).parts.length < 3) said += text.decode((await reader.read()).value);
    await at.hf.runs.cancel(id, 'enough');
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      said += text.decode(value);
    }
    const { ids, last } = eventsIn(said);
    assert.deepEqual(
      ids,
      Array.from({ length: ids.length }, (_, n) => n),
    );
    assert.equal(last, 'end');
    assert.ok(said.includes('{"outcome":{"kind":"succeeded"'), 'it took the signal for its end');
  });

  it('of another tenant are not there', async () => {
    await using at = await HttpScene.open();
    const { id } = await at.hf.start('emit', 3, { tenant: 'a' });
    await at.hf.runs.result(id);
    const mine = (await at.hf.keys.create({ name: 'a', scope: 'read', tenant: 'a' })).key;
    const other = (await at.hf.keys.create({ name: 'b', scope: 'read', tenant: 'b' })).key;
    for (const path of [`/api/v1/runs/${id}/parts`, `/api/v1/runs/${id}/parts/stream`]) {
      assert.equal((await at.fetch(path, { key: mine })).status, 200);
      await at.refused('run.not_found', path, { key: other });
    }
  });

  it('leave nothing behind when their reader goes', async () => {
    await using at = await HttpScene.open();
    const id = await at.start('wait', 'k');
    const socket = at.dial();
    socket.write(`GET /api/v1/runs/${id}/parts/stream HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    while (at.server.load().streams === 0) await new Promise(setImmediate);
    socket.destroy();
    while (at.server.load().streams > 0) await new Promise(setImmediate);
    while (at.hf.stats().readers > 0) await new Promise(setImmediate);
    at.meet('k').resolve();
  });
});

describe('a reader of parts who never reads', patience, () => {
  it('is dropped alone, and holds no more than its bound', async () => {
    await using at = await HttpScene.open({ streamStallMs: 300 });
    const id = await at.start('babble', null);
    const path = `/api/v1/runs/${id}/parts/stream`;
    const stuck = at.dial();
    stuck.pause();
    stuck.on('error', () => {});
    stuck.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    while (at.server.load().streams === 0) await new Promise(setImmediate);
    const reads = (await at.fetch(path)).body?.getReader();
    assert.ok(reads !== undefined);
    const text = new TextDecoder();
    let seen = 0;
    while (at.server.load().streams > 1) {
      const { done, value } = await reads.read();
      assert.equal(done, false, 'the other reader goes on');
      seen += text.decode(value).length;
    }
    assert.ok(seen > 0);
    for (let n = 0; n < 5; n += 1) assert.equal((await reads.read()).done, false);
    await reads.cancel();
    await at.hf.runs.cancel(id, 'enough');
    stuck.destroy();
  });
});
