/**
 * The client in a real browser: tokens are shown while the run makes them, and after reloads, a
 * network that is away and connections that are cut, each is there once.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { defineFunction, Holdfast } from 'holdfast';
import { serveHttp } from 'holdfast/http';
import type { BrowserContext, Page } from 'playwright-core';
import { servePages } from '../../examples/token-page/pages.ts';
import { silentLog } from '../../src/ports/log.ts';
import { CutProxy } from '../client/cut-proxy.ts';
import { browserPath, noBrowser, openBrowser } from './chromium.ts';

const path = browserPath();
const skip = path === null ? noBrowser : false;

const wordOf = (n: number): string => `[${n}] `;
const textTo = (n: number): string => Array.from({ length: n }, (_, at) => wordOf(at + 1)).join('');

/** A run that says what it is told to say, word by word, and ends when it is told to. */
function speaker() {
  let wanted = 0;
  let over = false;
  let more = Promise.withResolvers<void>();
  const move = (): void => {
    more.resolve();
    more = Promise.withResolvers<void>();
  };
  const fn = defineFunction({
    name: 'answer',
    run: async (_prompt: string, ctx) => {
      for (let said = 0; !over || said < wanted; ) {
        if (said === wanted) await more.promise;
        for (; said < wanted; said += 1) ctx.emit(wordOf(said + 1));
      }
    },
  });
  const say = (to: number): void => {
    wanted = to;
    move();
  };
  const end = (): void => {
    over = true;
    move();
  };
  return { fn, say, end };
}

/** A page of the example, before an API behind a network that can be cut. */
async function open(t: TestContext) {
  const { fn, say, end } = speaker();
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  const hf = stack.use(await Holdfast.open({ store: 'memory:', functions: [fn], drainGraceMs: 0 }));
  const pages = stack.use(await servePages());
  const corsOrigins = [pages.url];
  const server = stack.use(await serveHttp(hf, { port: 0, corsOrigins, log: silentLog }));
  const net = stack.use(await CutProxy.start(server.port));
  pages.api = net.url;
  const browser = await openBrowser(path ?? '');
  stack.defer(() => browser.close());
  const context = await browser.newContext();
  const page = await context.newPage();
  const wrong: string[] = [];
  page.on('pageerror', ({ message }) => wrong.push(message));
  await page.goto(pages.url);
  return { hf, net, context, page, wrong, say, end };
}

/** Waits until exactly this is shown. */
async function shows(page: Page, text: string): Promise<void> {
  const wanted = JSON.stringify(text);
  await page.waitForFunction(`document.querySelector('#answer').textContent === ${wanted}`);
}

const away = (context: BrowserContext, is: boolean): Promise<void> => context.setOffline(is);

describe('the token page in Chromium', { skip, timeout: 120_000 }, () => {
  it('shows tokens while they are made, and goes on after reloads', async (t) => {
    const { hf, page, wrong, say, end } = await open(t);
    for (let n = 5; n <= 25; n += 5) {
      say(n);
      await shows(page, textTo(n));
      assert.equal((await hf.runs.counts()).running, 1, 'the run is under way');
      if (n < 25) await page.reload();
    }
    end();
    await page.getByText('whole').waitFor();
    assert.equal(await page.locator('#answer').textContent(), textTo(25));
    assert.equal((await hf.runs.list()).runs.length, 1);
    assert.deepEqual(wrong, []);
  });

  it('misses nothing and doubles nothing when the network is away', async (t) => {
    const { net, context, page, wrong, say, end } = await open(t);
    let n = 0;
    for (let round = 0; round < 3; round += 1) {
      n += 3;
      say(n);
      await shows(page, textTo(n));
      const noticed = page.waitForEvent('requestfailed');
      await away(context, true);
      // Chromium leaves alone what is open.
      await net.cut();
      n += 4;
      say(n);
      await noticed;
      await away(context, false);
      await shows(page, textTo(n));
    }
    end();
    await page.getByText('whole').waitFor();
    assert.equal(await page.locator('#answer').textContent(), textTo(n));
    assert.deepEqual(wrong, []);
  });

  it('misses nothing and doubles nothing when its connections are cut', async (t) => {
    const { net, page, wrong, say, end } = await open(t);
    let n = 0;
    for (let round = 0; round < 6; round += 1) {
      n += 2;
      say(n);
      await shows(page, textTo(n));
      const before = net.count;
      // The next stream breaks off in the middle of something; the one after it comes through.
      net.plans.push(150 + round * 37);
      await net.cut();
      n += 5;
      say(n);
      await shows(page, textTo(n));
      assert.ok(net.count > before, 'it came back');
    }
    end();
    await page.getByText('whole').waitFor();
    assert.equal(await page.locator('#answer').textContent(), textTo(n));
    assert.deepEqual(wrong, []);
  });
});

describe('the browser of the tests', () => {
  it('is the one that is named, or one on the path, or none', () => {
    assert.equal(browserPath({ HOLDFAST_TEST_CHROMIUM: process.execPath }), process.execPath);
    assert.throws(() => browserPath({ HOLDFAST_TEST_CHROMIUM: '/no/such' }), /there is no \/no/);
    assert.equal(browserPath({ PATH: '/nowhere' }), null);
    const found = browserPath();
    assert.ok(found === null || existsSync(found));
  });
});
