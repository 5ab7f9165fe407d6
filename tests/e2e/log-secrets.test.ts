/**
 * Secrets that are planted wherever words come from, and looked for wherever words go: the store's
 * log lines and errors, the runtime's log, ours on stderr and one that was given, HTTP with its
 * streams and problems, and the command line.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { defineFunction, Holdfast } from 'holdfast';
import { serveHttp } from 'holdfast/http';
import { call, temporaryFolder } from './call.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const secret = 'hunter2-planted';
const url = `postgres://app:${secret}@db.example.org/jobs`;
const ownFields = { ssn: secret, card: { number: secret } };

const leaky = defineFunction({
  name: 'leaky',
  retry: false,
  run: async (_: unknown, ctx) => {
    const headers = { Authorization: `Bearer ${secret}`, cookie: secret };
    ctx.log.info(`reaching ${url}`, { password: secret, url, headers, ...ownFields });
    ctx.log.warn('a request', { request: { headers, path: `/x?token=${secret}` }, tokens: 5 });
    await ctx
      .step('reach', () => {
        throw new Error(`no way to ${url}`);
      })
      .catch(() => {});
    throw new Error(`cannot reach ${url}`, { cause: new Error(secret) });
  },
});

const redact = ['ssn', 'card.number'];

/** Nothing of the secret; and the mark, so that it is known to have been there. */
function clean(what: string, text: string, holds = true): void {
  assert.ok(!text.includes(secret), `${what}: ${text}`);
  if (holds) assert.ok(text.includes('[redacted]'), `${what} says nothing: ${text}`);
}

describe('a planted secret', { timeout: 60_000 }, () => {
  it('reaches no log, no store, no answer and no command', async () => {
    using folder = temporaryFolder();
    const store = folder.at('secrets.db');
    const said: string[] = [];
    const log = {
      log: (level: string, message: string, fields?: object) =>
        void said.push(JSON.stringify([level, message, fields])),
    };
    const hf = await Holdfast.open({ store, functions: [leaky], log, logRuns: true, redact });
    const server = await serveHttp(hf, { port: 0, log });
    try {
      const { id } = await hf.start(leaky, null);
      assert.equal((await hf.runs.handle(id).outcome()).kind, 'failed');
      clean('lines', JSON.stringify(await hf.runs.logs(id)));
      clean('the run', JSON.stringify(await hf.runs.get(id)));
      clean('its steps', JSON.stringify(await hf.runs.steps(id)));
      clean('the log', said.join('\n'));
      assert.ok(said.some((line) => line.includes(id) && line.includes('"attempt":1')));
      const ask = async (path: string, init?: RequestInit) =>
        (await fetch(`${server.url}${path}`, init)).text();
      clean('HTTP', await ask(`/api/v1/runs/${id}`));
      clean('lines over HTTP', await ask(`/api/v1/runs/${id}/logs`));
      const stream = await ask(`/api/v1/runs/${id}/logs/stream`);
      assert.match(stream, /event: end/);
      clean('SSE', stream);
      const named = `/api/v1/functions/${encodeURIComponent(url)}/runs`;
      const body = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' };
      const problem = await ask(named, body);
      assert.match(problem, /function\.unknown/);
      clean('a problem', problem);
      clean('the log behind HTTP', said.join('\n'));
      for (const words of [
        ['show', id],
        ['logs', id, '--json'],
        ['steps', id],
      ]) {
        const { out, err } = await call([...words, '--store', store]);
        clean(words.join(' '), out + err);
      }
      const wrong = await call(['start', url, '--store', store]);
      clean('a failed command', wrong.out + wrong.err);
    } finally {
      await server.close();
      await hf.close();
    }
    for (const end of ['', '-wal']) {
      const bytes = readFileSync(`${store}${end}`, { flag: 'a+' }).toString('latin1');
      clean(`the file${end}`, bytes, false);
    }
  });

  it('is not on the stderr of a process with a log of its own', async () => {
    const program = `
      import { Holdfast, defineFunction } from 'holdfast';
      const fn = defineFunction({ name: 'f', run: (_, ctx) => {
        ctx.log.error('reaching ${url}', { password: '${secret}', ssn: '${secret}' });
      } });
      const log = { level: 'info', pretty: process.argv[1] === 'pretty' };
      const options = { log, logRuns: true, redact: ['ssn'] };
      await using hf = await Holdfast.open({ store: 'memory:', functions: [fn], ...options });
      await (await hf.start(fn, null)).result();
    `;
    const flags = ['--conditions=holdfast-source', '--input-type=module', '-e', program];
    const told = async (how: string) =>
      (await run(process.execPath, [...flags, how], { cwd: root })).stderr;
    const json = await told('json');
    clean('stderr', json);
    const line = JSON.parse(json.trim()) as Record<string, unknown>;
    assert.deepEqual([line.level, line.name, line.fn], ['error', 'holdfast', 'f']);
    assert.equal(line.message, 'reaching postgres://app:[redacted]@db.example.org/jobs');
    assert.deepEqual(line.fields, { password: '[redacted]', ssn: '[redacted]' });
    const pretty = await told('pretty');
    clean('stderr for people', pretty);
    assert.match(pretty, /^\d\d:\d\d:\d\d\.\d{3} error \[holdfast \d+\] reaching postgres/);
  });
});
