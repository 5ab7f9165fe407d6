/** Cursors: they tell nothing, are of one list as one tenant sees it, and all servers take them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineFunction } from 'holdfast';
import { serveHttp } from 'holdfast/http';
import { Cursors } from '../../src/http/cursor.ts';
import { type Log, silentLog } from '../../src/ports/log.ts';
import { HttpScene } from './scene.ts';

const patience = { timeout: 60_000 };

interface Page {
  readonly runs: readonly { readonly id: string }[];
  readonly next: string | null;
}

const list = { list: 'runs', tenant: null, of: { fn: 'greet' } } as const;
const secretOf = (text: string) => async (): Promise<string> => text;

/** The `next` of the first page of one run. */
async function nextOf(at: HttpScene, path: string, key?: string): Promise<string> {
  const ask = key === undefined ? {} : { key };
  const { status, body } = await at.ask<Page>(`${path}?limit=1`, ask);
  assert.equal(status, 200, JSON.stringify(body));
  return String(body.next);
}

describe('a cursor', () => {
  it('holds its place, whatever the number, and shows neither it nor its length', async () => {
    const cursors = new Cursors(secretOf('a'));
    for (const place of ['0', '7', '123456789', String(Number.MAX_SAFE_INTEGER)]) {
      const cursor = await cursors.seal(list, place);
      assert.match(cursor, /^[\w-]{48}$/);
      const bytes = Buffer.from(cursor, 'base64url');
      const number = Buffer.alloc(8);
      number.writeBigUInt64BE(BigInt(place));
      assert.equal(bytes.includes(number), false, 'its place stands in it');
      assert.equal(await cursors.open(list, cursor), place);
      assert.equal(await cursors.seal(list, place), cursor, 'one place, one cursor');
    }
  });

  it('is refused by another list, tenant, filter or secret, and with a bit changed', async () => {
    const cursors = new Cursors(secretOf('a'));
    const cursor = await cursors.seal(list, '7');
    const wrong = { code: 'request.invalid' };
    for (const other of [
      { ...list, list: 'dead letters' },
      { ...list, tenant: 'acme' },
      { ...list, of: {} },
      { ...list, of: { fn: 'greet', tenant: 'acme' } },
    ]) {
      await assert.rejects(cursors.open(other, cursor), wrong, JSON.stringify(other));
    }
    await assert.rejects(new Cursors(secretOf('b')).open(list, cursor), wrong);
    const bytes = Buffer.from(cursor, 'base64url');
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      await assert.rejects(cursors.open(list, changed.toString('base64url')), wrong, `byte ${at}`);
    }
    for (const text of ['', 'x', cursor.slice(0, -4), `${cursor}AAAA`, `${cursor.slice(0, -1)} `]) {
      await assert.rejects(cursors.open(list, text), wrong, text);
    }
  });

  it('asks for its secret once, and again after that failed', async () => {
    let asked = 0;
    const cursors = new Cursors(async () => {
      asked += 1;
      if (asked === 1) throw new Error('away');
      return 'a';
    });
    await assert.rejects(cursors.seal(list, '1'), /away/);
    const sealed = await Promise.all(['1', '2'].map((place) => cursors.seal(list, place)));
    assert.equal(new Set(sealed).size, 2);
    assert.equal(asked, 2);
  });
});

for (const store of ['memory', 'sqlite'] as const) {
  describe(`a cursor over HTTP, on ${store}`, patience, () => {
    it('is taken by every server of its store, and by none of another', async () => {
      await using at = await HttpScene.open({}, store);
      await using elsewhere = await HttpScene.open({}, store);
      for (const input of ['a', 'b']) {
        await at.start('greet', input);
        await elsewhere.start('greet', input);
      }
      const next = await nextOf(at, '/api/v1/runs');
      await using second = await serveHttp(at.hf, { port: 0, log: silentLog });
      const path = `/api/v1/runs?limit=1&cursor=${next}`;
      const same = await fetch(`${second.url}${path}`);
      assert.deepEqual(await same.json(), (await at.ask(path)).body);
      await elsewhere.refused('request.invalid', path);
    });

    it('is for the key of one tenant alone, and tells it nothing of others', async () => {
      await using at = await HttpScene.open({}, store);
      const keys = new Map<string, string>();
      for (const tenant of ['a', 'b']) {
        const made = await at.hf.keys.create({ name: tenant, scope: 'read', tenant });
        keys.set(tenant, made.key);
      }
      const { key: admin } = await at.hf.keys.create({ name: 'all', scope: 'read' });
      // Between two runs of A there are runs of B: their number is in no way to be seen.
      for (const tenant of ['a', 'b', 'b', 'b', 'a', 'b']) {
        await at.hf.start('greet', 'x', { tenant, delayMs: 1e8 });
      }
      const [a = '', b = ''] = [keys.get('a'), keys.get('b')];
      const next = await nextOf(at, '/api/v1/runs', a);
      const path = `/api/v1/runs?cursor=${next}`;
      const { body } = await at.ask<Page>(path, { key: a });
      assert.deepEqual([body.runs.length, body.next], [1, null]);
      await at.refused('request.invalid', path, { key: b });
      await at.refused('request.invalid', path, { key: admin });
      // The same filter in words is the list of somebody who sees all.
      await at.refused('request.invalid', `${path}&tenant=a`, { key: admin });
    });

    it('is of its list: runs, dead letters, or the children of one run', async () => {
      const part = defineFunction({ name: 'part', run: (n: number) => n });
      const whole = defineFunction({
        name: 'whole',
        run: async (count: number, ctx) =>
          (await ctx.all(part, Array<number>(count).fill(1))).succeeded,
      });
      await using at = await HttpScene.open({}, store, { functions: [part, whole] });
      const ids = [await at.start('whole', 2), await at.start('whole', 2)];
      for (const id of ids) await at.hf.runs.result(id);
      const children = (id = ''): string => `/api/v1/runs/${id}/children`;
      const next = await nextOf(at, children(ids[0]));
      assert.equal((await at.ask(`${children(ids[0])}?cursor=${next}`)).status, 200);
      for (const other of [children(ids[1]), '/api/v1/runs', '/api/v1/dead-letters']) {
        await at.refused('request.invalid', `${other}?cursor=${next}`);
      }
    });

    it('has a secret that is in no log, metric, finding or refusal', async () => {
      const lines: string[] = [];
      const log: Log = { log: (...line) => void lines.push(JSON.stringify(line)) };
      await using at = await HttpScene.open({ log }, store, { log });
      for (const input of ['a', 'b']) await at.start('greet', input);
      const next = await nextOf(at, '/api/v1/runs');
      const told = await at.refused('request.invalid', `/api/v1/runs?fn=greet&cursor=${next}`);
      const secret = await at.hf.keys.cursorSecret();
      assert.match(secret, /^[\w-]{43}$/);
      const metrics = await (await at.fetch('/metrics')).text();
      const said = [lines, told.body, metrics, await at.hf.doctor(), await at.hf.keys.list()];
      assert.ok(lines.length > 0);
      assert.equal(JSON.stringify(said).includes(secret), false);
    });
  });
}
