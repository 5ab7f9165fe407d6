/** What of the API depends on the store most, on PostgreSQL: cursors, far places, filters. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { defineFunction, Holdfast } from 'holdfast';
import { type HttpServer, serveHttp } from 'holdfast/http';
import { silentLog } from '../../src/ports/log.ts';
import { type FreshSchema, testServer } from '../postgres/server.ts';

const patience = { timeout: 120_000 };
const far = Number.MAX_SAFE_INTEGER - 1;

const talk = defineFunction({
  name: 'talk',
  run: async (lines: number, ctx) => {
    for (let n = 1; n <= lines; n += 1) ctx.log[n % 3 === 0 ? 'warn' : 'info'](`line ${n}`);
    ctx.emit('a part');
    await ctx.step('one', () => 1);
  },
});

describe('HTTP on PostgreSQL', patience, () => {
  let place: FreshSchema;
  let hf: Holdfast;
  let other: Holdfast;
  const servers: HttpServer[] = [];

  before(async () => {
    place = (await testServer()).freshSchema();
    const common = { store: place.url, log: silentLog };
    hf = await Holdfast.open({ ...common, functions: [talk], drainGraceMs: 0 });
    other = await Holdfast.open({ ...common, execute: false });
    for (const one of [hf, other]) servers.push(await serveHttp(one, { port: 0, log: silentLog }));
  });
  after(async () => {
    for (const server of servers) await server.close({ graceMs: 0 });
    await Promise.all([hf.close(), other.close()]);
    await place.drop();
  });

  const ask = async (path: string, server = 0) => {
    const response = await fetch(`${servers[server]?.url}/api/v1/${path}`);
    const body = (await response.json()) as Record<string, unknown>;
    return { status: response.status, body };
  };

  it('goes on with a list on another server, also when both make the secret at once', async () => {
    for (let n = 0; n < 3; n += 1) await (await hf.start(talk, 1)).result();
    const [here, there] = await Promise.all([ask('runs?limit=1'), ask('runs?limit=1', 1)]);
    assert.deepEqual(here, there);
    const path = `runs?limit=1&cursor=${here.body.next}`;
    const [onward, same] = await Promise.all([ask(path), ask(path, 1)]);
    assert.equal(onward.status, 200, JSON.stringify(onward.body));
    assert.deepEqual(onward, same);
  });

  it('gives an empty page behind the end, however far', async () => {
    const run = await hf.start(talk, 4);
    await run.result();
    const pages: readonly (readonly [string, object])[] = [
      [`logs?after=${far}`, { lines: [], next: null, dropped: 0 }],
      [`logs?attempt=${far}`, { lines: [], next: null, dropped: 0 }],
      [`steps?after=${far}`, { steps: [], next: null }],
      [`parts?from=${far}`, { parts: [], next: far, ended: true }],
    ];
    for (const [page, expected] of pages) {
      assert.deepEqual(await ask(`runs/${run.id}/${page}`), { status: 200, body: expected }, page);
    }
  });

  it('chooses log lines in the database', async () => {
    const run = await hf.start(talk, 10);
    await run.result();
    const { body } = await ask(`runs/${run.id}/logs?level=warn&attempt=1&limit=2`);
    const lines = body.lines as { n: number }[];
    assert.deepEqual([lines.map(({ n }) => n), body.next], [[3, 6], 6]);
    const rest = await ask(`runs/${run.id}/logs?level=warn&limit=2&after=6`);
    assert.deepEqual([(rest.body.lines as object[]).length, rest.body.next], [1, null]);
  });

  it('refuses what no text of the database can hold, before it gets there', async () => {
    const run = await hf.start(talk, 1);
    const post = { method: 'POST' };
    for (const [path, init] of [
      [`runs/%00`],
      [`runs/${run.id}/signals/%00/answer`],
      [`runs?tag=%00`],
      [`dead-letters?fn=%00`],
      [`functions/%00/pause`, post],
      [`functions/%00/runs`, post],
      [`functions/%00/call`, post],
      [`lanes/%00/pause`, post],
      [`runs/${run.id}/signals/%00`, post],
    ] as readonly (readonly [string, RequestInit?])[]) {
      const { status } = await fetch(`${servers[0]?.url}/api/v1/${path}`, init);
      assert.ok(status === 400 || status === 404, `${path}: ${status}`);
    }
  });
});
