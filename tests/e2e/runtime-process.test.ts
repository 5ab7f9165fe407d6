/**
 * What a runtime means for the life of its process.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';

const prelude = `
  import { defineFunction, Holdfast } from 'holdfast';
  const flaky = defineFunction({
    name: 'flaky',
    retry: { delayMs: 30 },
    run: (_input, { attempt }) => {
      if (attempt === 1) throw new Error('not yet');
      return 'at last';
    },
  });
`;

/** What a module prints. A process that does not end by itself fails the test. */
async function inChild(code: string): Promise<string> {
  const args = ['--conditions=holdfast-source', '--input-type=module', '-e', prelude + code];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
  return stdout.trim();
}

describe('a process', () => {
  it('lives as long as somebody in it waits for a run', async () => {
    const printed = await inChild(`
      const hf = await Holdfast.open({ store: 'memory:', functions: [flaky] });
      const run = await hf.start(flaky, 1);
      console.log(await run.result());
      await hf.close();
    `);
    assert.equal(printed, 'at last');
  });

  it('lives as long as it hosts functions', async () => {
    const printed = await inChild(`
      const hf = await Holdfast.open({ store: 'memory:', functions: [flaky] });
      setTimeout(() => hf.close().then(() => console.log('closed')), 50).unref();
    `);
    assert.equal(printed, 'closed');
  });

  it('is not kept alive by a runtime that only looks', async () => {
    const printed = await inChild(`
      const hf = await Holdfast.open({ store: 'memory:' });
      console.log((await hf.runs.counts()).queued);
    `);
    assert.equal(printed, '0');
  });

  it('ends by itself once everything is closed', async () => {
    const printed = await inChild(`
      const { mkdtemp, rm } = await import('node:fs/promises');
      const { tmpdir } = await import('node:os');
      const folder = await mkdtemp(tmpdir() + '/holdfast-e2e-');
      {
        await using hf = await Holdfast.open({ store: folder + '/jobs.db', functions: [flaky] });
        console.log(await (await hf.start(flaky, 1)).result());
      }
      await rm(folder, { recursive: true });
    `);
    assert.equal(printed, 'at last');
  });
});
