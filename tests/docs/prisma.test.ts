/**
 * The program for Prisma in the guide on transactions, as it is written there. Prisma's packages
 * take 300 MB, so they are not among those of this repository:
 *
 *   mkdir /tmp/prisma && npm install --prefix /tmp/prisma prisma @prisma/client @prisma/adapter-pg
 *   HOLDFAST_TEST_PRISMA=/tmp/prisma npm run docs -- prisma
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { promisify } from 'node:util';
import { testServer } from '../postgres/server.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const guide = readFileSync(join(root, 'docs/guides/start-in-a-transaction.md'), 'utf8');
const installed = process.env.HOLDFAST_TEST_PRISMA ?? '';
const skip = installed === '' ? 'needs Prisma: see the head of this file' : false;

function blockOf(language: string): string {
  const [, text] = new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``).exec(guide) ?? [];
  assert.ok(text, `the guide has no block of ${language}`);
  return text;
}

it('the program for Prisma runs and prints what it says', { skip, timeout: 120_000 }, async () => {
  const place = await (await testServer()).freshDatabase();
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-prisma-'));
  try {
    const modules = join(folder, 'node_modules');
    symlinkSync(join(installed, 'node_modules'), modules);
    const program = blockOf('typescript').replace("'holdfast'", `'${join(root, 'src/index.ts')}'`);
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
    writeFileSync(join(folder, 'program.ts'), program);
    writeFileSync(join(folder, 'schema.prisma'), blockOf('prisma'));
    // Making the client takes no engine; without this one is downloaded all the same.
    writeFileSync(join(folder, 'no-engine'), '', { mode: 0o755 });
    const { HOLDFAST_TEST_PRISMA: _folder, ...inherited } = process.env;
    const env = {
      ...inherited,
      CHECKPOINT_DISABLE: '1',
      PRISMA_SCHEMA_ENGINE_BINARY: join(folder, 'no-engine'),
      DATABASE_URL: place.url,
    };
    const options = { cwd: folder, env };
    const cli = join(modules, 'prisma/build/index.js');
    await run(process.execPath, [cli, 'generate', '--schema', 'schema.prisma'], options);
    const flags = ['--conditions=holdfast-source', 'program.ts'];
    const { stdout } = await run(process.execPath, flags, options);
    assert.equal(stdout, 'sent 11\n');
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await place.drop();
  }
});
