/**
 * The help text of every command stands in docs/reference/cli.md. After a change of it
 * `HOLDFAST_WRITE_DOCS=1 npm run docs -- cli` puts it there.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import type { Command } from 'commander';
import { buildProgram } from '../../src/cli/program.ts';
import { errorTable } from '../../src/core/errors.ts';
import { recordedIo } from '../e2e/recorded-io.ts';
import { firstColumn } from './tables.ts';

const path = new URL('../../docs/reference/cli.md', import.meta.url);
const block = /```text\n\$ holdfast ?(.*) --help\n([^`]*)```/g;

/** Every visible command by its words, the program itself by none. */
function helpOf(command: Command, words = ''): [string, string][] {
  const own: [string, string] = [words, command.helpInformation()];
  const visible = command.createHelp().visibleCommands(command);
  const below = visible
    .filter((one) => one.name() !== 'help')
    .flatMap((one) => helpOf(one, `${words} ${one.name()}`.trim()));
  return [own, ...below];
}

const help = new Map(helpOf(buildProgram({ io: recordedIo().io, exit: 0 })));

if (process.env.HOLDFAST_WRITE_DOCS === '1') {
  const written = readFileSync(path, 'utf8').replace(block, (all, words: string) => {
    const text = help.get(words);
    const name = `holdfast ${words}`.trim();
    return text === undefined ? all : `\`\`\`text\n$ ${name} --help\n${text}\`\`\``;
  });
  writeFileSync(path, written);
}

const document = readFileSync(path, 'utf8');

describe('docs/reference/cli.md', () => {
  it('holds the help text of every command, and of no other', () => {
    const documented = [...document.matchAll(block)].map(([, words = '', text]) => [words, text]);
    assert.deepEqual(new Map(documented as [string, string][]), help);
  });

  it('says of every command what it prints as JSON', () => {
    const described = firstColumn(document, 'command', 'output with `--json`').join(' ');
    for (const words of help.keys()) assert.match(described, new RegExp(`\\b${words}\\b`));
  });

  it('explains every exit code', () => {
    const used = new Set([0, ...Object.values(errorTable).map((row) => row.exit)]);
    const explained = new Set(firstColumn(document, 'exit', 'kind of trouble').map(Number));
    assert.deepEqual(
      [...used].filter((exit) => !explained.has(exit)),
      [],
    );
  });
});
