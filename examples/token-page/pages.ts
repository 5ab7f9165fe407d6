/**
 * Owns the small server of the token page: the page, the client as one script for browsers, and
 * where the API is. In your own project a bundler and your web server do this.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** A server of pages. */
export interface Pages extends AsyncDisposable {
  /** Also the origin that the API has to allow (`corsOrigins`). */
  readonly url: string;
  /** Where the API is, once it listens. */
  api: string;
}

/** Serves the page on a free port of the loopback. */
export async function servePages(): Promise<Pages> {
  const page = readFileSync(join(import.meta.dirname, 'index.html'));
  const script = await clientScript();
  const server = createServer(({ url }, response) => {
    const say = (type: string, body: string | Buffer): void => {
      response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' }).end(body);
    };
    if (url === '/') say('text/html; charset=utf-8', page);
    else if (url === '/client.js') say('text/javascript; charset=utf-8', script);
    else if (url === '/settings.json') say('application/json', JSON.stringify({ api: pages.api }));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const pages: Pages = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    api: '',
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return pages;
}

/** `holdfast/client` as one module without imports. */
async function clientScript(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(import.meta.resolve('holdfast/client'))],
    ...{ bundle: true, minify: true, write: false, format: 'esm' },
    ...{ platform: 'browser', target: 'es2024' },
  });
  return outputFiles[0]?.text ?? '';
}
