import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const examples = globSync('examples/[0-9][0-9]-*.ts', { cwd: root }).sort();

/** A line that each example must print: that it ends with 0 does not say that it does its work. */
const prints: Readonly<Record<string, RegExp>> = {
  '01-first-run': /^the same run says hello, Ada$/m,
  '02-lanes-and-tenants': /^the small customer did not wait for all nine: true$/m,
  '03-retry-and-cancel': /^not retried: failed, quote\.unknown: no such symbol$/m,
  '04-testing-kit': /^4 attempts in 19 hours of simulated time$/m,
};

describe('the examples', { concurrency: 2 }, () => {
  it('are those that are known here', () => {
    const names = examples.map((path) => path.replace(/^examples\/|\.ts$/g, ''));
    assert.deepEqual(names, Object.keys(prints));
  });

  for (const [name, line] of Object.entries(prints)) {
    it(`${name} runs by itself and does what it says`, { timeout: 60_000 }, async () => {
      const flags = ['--conditions=holdfast-source', `examples/${name}.ts`];
      const { stdout, stderr } = await run(process.execPath, flags, { cwd: root });
      assert.match(stdout, line);
      assert.equal(stderr, '');
    });
  }
});
