import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { browserPath, noBrowser } from '../browser/chromium.ts';
import { testServer } from '../postgres/server.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const examples = globSync('examples/[0-9][0-9]-*.ts', { cwd: root }).sort();

/** A line that each example must print: that it ends with 0 does not say that it does its work. */
const prints: Readonly<Record<string, RegExp>> = {
  '01-first-run': /^the same run says hello, Ada$/m,
  '02-lanes-and-tenants': /^the small customer did not wait for all nine: true$/m,
  '03-retry-and-cancel': /^not retried: failed, quote\.unknown: no such symbol$/m,
  '04-testing-kit': /^4 attempts in 19 hours of simulated time$/m,
  '05-postgres': /^runs with one result each: 40$/m,
  '06-start-in-a-transaction': /^is there a run for order 2\? false$/m,
  '07-order-saga':
    /^piano: given up: too heavy \[ship\.refused\]$[\s\S]*^mirror: cancelled\n.*refund 6, release/m,
  '08-human-approval': /^order 4: timed-out$/m,
  '09-http': /^for another tenant: 404$/m,
  '10-token-stream': /^over HTTP, from the last but two: 2 parts$/m,
  '11-encryption': /^is the name in a file\? false$/m,
  '12-client': /^the run was started once: true$/m,
  '13-fan-out': /^missing: torn\.jpg: it is torn$/m,
  '14-flow-control': /^sent, sent, rate\.limited$/m,
  '15-signals': /^the piano goes to cid for 900$/m,
  '16-step-in-a-transaction': /^the ledger: lamp 1900$/m,
  '17-token-page': /^no token is missing, and none is there twice: true$/m,
  '18-calls': /^calls that succeeded: 100004; lanes and calls left: 0$/m,
  '19-scripts': /^script loop\.js:2 was stopped: it used more than its timeMs, 200$/m,
};

describe('the examples', { concurrency: 2 }, () => {
  it('are those that are known here', () => {
    const names = examples.map((path) => path.replace(/^examples\/|\.ts$/g, ''));
    assert.deepEqual(names, Object.keys(prints));
  });

  for (const [name, line] of Object.entries(prints)) {
    const path = join(root, `examples/${name}.ts`);
    const text = readFileSync(path, 'utf8');
    const browser = text.includes('BROWSER_PATH') ? browserPath() : '';
    const skip = browser === null ? noBrowser : false;
    it(`${name} runs by itself and does what it says`, { timeout: 60_000, skip }, async () => {
      const flags = ['--conditions=holdfast-source', path];
      const place = text.includes('DATABASE_URL')
        ? await (await testServer()).freshDatabase()
        : null;
      const own = { ...(place === null ? {} : { DATABASE_URL: place.url }) };
      const env = { ...process.env, ...own, ...(browser ? { BROWSER_PATH: browser } : {}) };
      const ended = run(process.execPath, flags, { cwd: root, env });
      const { stdout, stderr } = await ended.finally(() => place?.drop());
      assert.match(stdout, line);
      assert.equal(stderr, '');
    });
  }
});
