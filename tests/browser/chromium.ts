/**
 * Owns where the browser of the tests comes from: the machine's own. Nothing is downloaded.
 *
 * B1 The order: the program that `HOLDFAST_TEST_CHROMIUM` names, then those of the usual names on
 *    the PATH. Without one, the tests that need it are skipped and say so.
 */
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

const names = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];

/** The reason of a skip. */
export const noBrowser =
  'needs Chromium: install it (apt-get install chromium), or name it in HOLDFAST_TEST_CHROMIUM';

/** The path of a browser, or null. */
export function browserPath(env: NodeJS.ProcessEnv = process.env): string | null {
  const named = env.HOLDFAST_TEST_CHROMIUM;
  if (named !== undefined && named !== '') {
    if (!existsSync(named)) throw new Error(`HOLDFAST_TEST_CHROMIUM: there is no ${named}`);
    return named;
  }
  const folders = (env.PATH ?? '').split(delimiter);
  const paths = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return paths.find((path) => existsSync(path)) ?? null;
}

/** Starts it without a window. Root has no sandbox of it. */
export function openBrowser(executablePath: string): Promise<Browser> {
  const args = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath, args });
}
