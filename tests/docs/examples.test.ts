import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
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
  '07-order-saga': /^piano: given up: too heavy \[ship\.refused\]$/m,
  '08-human-approval': /^order 4: timed-out$/m,
  '09-http': /^for another tenant: 404$/m,
  '10-token-stream': /^over HTTP, from the last but two: 2 parts$/m,
  '11-encryption': /^is the name in a file\? false$/m,
  '12-client': /^the run was started once: true$/m,
};

describe('the examples', { concurrency: 2 }, () => {
  it('are those that are known here', () => {
    const names = examples.map((path) => path.replace(/^examples\/|\.ts$/g, ''));
    assert.deepEqual(names, Object.keys(prints));
  });

  for (const [name, line] of Object.entries(prints)) {
    it(`${name} runs by itself and does what it says`, { timeout: 60_000 }, async () => {
      const path = join(root, `examples/${name}.ts`);
      const flags = ['--conditions=holdfast-source', path];
      const place = readFileSync(path, 'utf8').includes('DATABASE_URL')
        ? await (await testServer()).freshDatabase()
        : null;
      const env = { ...process.env, ...(place === null ? {} : { DATABASE_URL: place.url }) };
      const ended = run(process.execPath, flags, { cwd: root, env });
      const { stdout, stderr } = await ended.finally(() => place?.drop());
      assert.match(stdout, line);
      assert.equal(stderr, '');
    });
  }
});
