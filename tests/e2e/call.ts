/**
 * Calls the command line: within this process, or as a process of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { runProgram } from '../../src/cli/program.ts';
import { recordedIo, type Setting } from './recorded-io.ts';

const root = join(import.meta.dirname, '../..');

export interface Called {
  readonly exit: number | null;
  readonly out: string;
  readonly err: string;
}

/** A fixture app by its name. */
export const appPath = (name: string): string => join(import.meta.dirname, 'apps', `${name}.ts`);

/** A folder that is removed with the test. */
export function temporaryFolder(): Disposable & { at(name: string): string } {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-cli-'));
  return {
    at: (name) => join(folder, name),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** One command in this process. */
export async function call(words: readonly string[], setting: Setting = {}): Promise<Called> {
  const { io, text: written } = recordedIo(setting);
  const exit = await runProgram(io, words);
  return { exit, ...written };
}

/** One command as a process, with what it gets on its standard input. */
export async function callProcess(words: readonly string[], input = ''): Promise<Called> {
  const child = startProcess(words);
  child.stdin?.end(input);
  const ended = endOf(child);
  const [out, err] = await Promise.all([streamText(child.stdout), streamText(child.stderr)]);
  return { ...(await ended), out, err };
}

const streamText = (stream: NodeJS.ReadableStream | null): Promise<string> =>
  stream === null ? Promise.resolve('') : text(stream);

/** Starts a command as a process. */
export function startProcess(words: readonly string[]): ChildProcess {
  const entry = join(root, 'src/cli/main.ts');
  const { HOLDFAST_STORE: _store, HOLDFAST_APP: _app, ...env } = process.env;
  return spawn(process.execPath, ['--conditions=holdfast-source', entry, ...words], {
    cwd: root,
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** How a process ended. */
export const endOf = (
  child: ChildProcess,
): Promise<{ exit: number | null; signal: NodeJS.Signals | null }> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve({ exit: child.exitCode, signal: child.signalCode });
    } else {
      child.on('exit', (exit, signal) => resolve({ exit, signal }));
    }
  });
