/**
 * The client as a page gets it: one script without modules, in a realm that has what browsers have
 * and nothing of Node.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { createContext, runInContext } from 'node:vm';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { HttpScene } from '../http/scene.ts';

const entry = join(import.meta.dirname, '../../src/client/index.ts');
/** Of the whole client, libraries included, and of the same as it goes over the network. */
const bytesMax = 24_000;
const packedBytesMax = 9_000;
/** The error alone, for code that only tells errors apart. */
const errorBytesMax = 1_000;

/** What every browser has, of what the client may use. */
const web = {
  ...{ AbortController, AbortSignal, Headers, Response, TextDecoder, URL, URLSearchParams },
  ...{ clearTimeout, crypto, fetch, performance, setTimeout },
};

/** Bundles a script, and gives its text. */
async function bundled(contents: string): Promise<string> {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' },
    ...{ bundle: true, minify: true, write: false, metafile: true, treeShaking: true },
    ...{ format: 'iife', globalName: 'page', platform: 'browser', target: 'es2024' },
  });
  for (const path of Object.keys(metafile.inputs)) {
    assert.doesNotMatch(path, /^node:|\.test\.ts$/);
  }
  return outputFiles[0]?.text ?? '';
}

describe('the client in a page', { timeout: 60_000 }, () => {
  it('weighs less than its bound, and nothing that is not asked for', async (t) => {
    const whole = await bundled(`export * from ${JSON.stringify(entry)};`);
    const error = await bundled(`export { ClientError } from ${JSON.stringify(entry)};`);
    const packed = gzipSync(whole).length;
    t.diagnostic(`${whole.length} bytes, ${packed} packed; ClientError alone ${error.length}`);
    assert.ok(whole.length <= bytesMax, `${whole.length} bytes`);
    assert.ok(packed <= packedBytesMax, `${packed} bytes packed`);
    assert.ok(error.length <= errorBytesMax, `${error.length} bytes`);
  });

  it('starts, waits, follows and refuses with what a browser has', async () => {
    const origin = 'https://shop.example';
    await using at = await HttpScene.open({ corsOrigins: [origin] });
    const script = await bundled(`
      import { ClientError, createClient } from ${JSON.stringify(entry)};
      export async function visit(url: string) {
        const client = createClient({ url });
        const run = await client.start('talk', 3);
        const lines = [];
        for await (const { message } of client.runs.followLogs(run.id)) lines.push(message);
        const error = await client.start('greet', 5).catch((thrown: unknown) => thrown);
        const code = error instanceof ClientError ? error.code : null;
        return { created: run.created, result: await run.result(), lines, code };
      }
    `);
    // As a browser does it, the page's origin goes with every request.
    const fetching: typeof fetch = async (input, init) => {
      const headers = new Headers(init?.headers);
      headers.set('origin', origin);
      const response = await fetch(input, { ...init, headers });
      assert.equal(response.headers.get('access-control-allow-origin'), origin);
      return response;
    };
    const realm = createContext({ ...web, fetch: fetching, url: at.server.url });
    const told: unknown = await runInContext(`${script}; page.visit(url)`, realm);
    assert.deepEqual(JSON.parse(JSON.stringify(told)), {
      ...{ created: true, result: 3, lines: ['line 1', 'line 2', 'line 3'] },
      code: 'input.invalid',
    });
  });
});
