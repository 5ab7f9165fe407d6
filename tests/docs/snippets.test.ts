import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { testServer } from '../postgres/server.ts';
import { snippetsOf } from './snippets.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
/** Inside the package, so that `import 'holdfast'` means this checkout. */
const folder = join(root, 'tests/docs/.snippets');

const documents = ['README.md', ...globSync('docs/**/*.md', { cwd: root })];
const snippets = documents.flatMap((file) => snippetsOf(join(root, file)));

describe('programs in documents', () => {
  before(() => mkdirSync(folder, { recursive: true }));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('are found', () => {
    assert.ok(snippets.length >= 5, `only ${snippets.length} programs found`);
  });

  snippets.forEach((snippet, index) => {
    const name = `${snippet.file.slice(root.length + 1)}:${snippet.line}`;
    it(`${name} runs and prints what it says`, async () => {
      const program = join(folder, `snippet-${index}.ts`);
      writeFileSync(program, snippet.code);
      const flags = ['--conditions=holdfast-source', program];
      const place = /DATABASE_URL/.test(snippet.code)
        ? await (await testServer()).freshDatabase()
        : null;
      const env = { ...process.env, ...(place === null ? {} : { DATABASE_URL: place.url }) };
      const options = { cwd: folder, env, timeout: 30_000 };
      const { stdout } = await run(process.execPath, flags, options).finally(() => place?.drop());
      if (snippet.prints.length === 0) return;
      assert.deepEqual(stdout.trimEnd().split('\n'), snippet.prints);
    });
  });
});
