/**
 * A page that shows an answer token by token, and goes on where it was: after a reload, and after
 * network and server were away. The page uses `holdfast/client`; see
 * examples/token-page/index.html.
 *
 *   npm exec -- node --conditions=holdfast-source examples/17-token-page.ts
 *
 * Open the address that it prints, reload as often as you like, and end it with Ctrl-C. With the
 * path of a Chromium in BROWSER_PATH it looks at the page itself, and ends.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { defineFunction, Holdfast } from 'holdfast';
import { serveHttp } from 'holdfast/http';
import { chromium } from 'playwright-core';
import { servePages } from './token-page/pages.ts';

const tokens = Array.from({ length: 120 }, (_, n) => `token ${n + 1}, `);

/** Stands for a model. */
const answer = defineFunction({
  name: 'answer',
  run: async (_prompt: string, ctx) => {
    for (const token of tokens) {
      await pause(25);
      if (!ctx.emit(token)) await ctx.emit.drained();
    }
  },
});

await using hf = await Holdfast.open({ store: 'memory:', functions: [answer] });
await using pages = await servePages();
// Pages of no other origin may call.
const corsOrigins = [pages.url];
let server = await serveHttp(hf, { port: 0, corsOrigins });
pages.api = server.url;

const browser = process.env.BROWSER_PATH;
if (browser === undefined) {
  console.log(`open ${pages.url}`);
  await new Promise((resolve) => process.once('SIGINT', resolve));
} else {
  await visit(browser);
}
await server.close();

/** What somebody on a train sees: the page, the page anew, and no network for a while. */
async function visit(executablePath: string): Promise<void> {
  // Chromium has no sandbox for root.
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  const window = await chromium.launch({ executablePath, args });
  const context = await window.newContext();
  const page = await context.newPage();
  const shows = (n: number) => page.getByText(`token ${n},`).waitFor();
  await page.goto(pages.url);
  await shows(10);
  console.log('the run goes on while the page shows it:', (await hf.runs.counts()).running === 1);
  await page.reload();
  await shows(30);
  await context.setOffline(true);
  // Chromium leaves alone what is open, so that is cut here.
  const { port } = server;
  await server.close();
  await pause(500);
  server = await serveHttp(hf, { port, corsOrigins });
  await context.setOffline(false);
  await page.getByText('whole').waitFor();
  const text = await page.locator('#answer').textContent();
  console.log('no token is missing, and none is there twice:', text === tokens.join(''));
  const { runs } = await hf.runs.list();
  console.log('runs, for all of these visits:', runs.length);
  await window.close();
}
