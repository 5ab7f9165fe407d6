/** `holdfast stdio` as an agent has it: a process, its pipes, and signals. */
import assert from 'node:assert/strict';
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { called, cancelled, readFrames, withBody } from '../calls/scene.ts';

const root = join(import.meta.dirname, '../..');
const main = join(root, 'src/cli/main.ts');
const app = join(import.meta.dirname, 'app.ts');

/** A plugin as its agent sees it. */
class Plugin {
  readonly child: ChildProcessWithoutNullStreams;
  text = '';
  errors = '';
  readonly #waiting = new Set<() => void>();
  readonly #closed: Promise<unknown>;

  constructor(...options: readonly string[]) {
    const words = ['--conditions=holdfast-source', main, 'stdio', app, ...options];
    this.child = spawn(process.execPath, words, { stdio: 'pipe' });
    this.child.stdout.on('data', (piece) => {
      this.text += String(piece);
      for (const look of this.#waiting) look();
    });
    this.child.stderr.on('data', (piece) => {
      this.errors += String(piece);
      for (const look of this.#waiting) look();
    });
    this.child.stdin.on('error', () => {});
    this.#closed = once(this.child, 'close');
  }

  /** Waits until what was written, or told on standard error, holds this. */
  async said(pattern: RegExp): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = (): void => {
      if (pattern.test(this.text) || pattern.test(this.errors)) resolve();
    };
    this.#waiting.add(look);
    look();
    await promise;
    this.#waiting.delete(look);
  }

  send(text: string): void {
    this.child.stdin.write(text);
  }

  async ended(): Promise<number | null> {
    await this.#closed;
    return this.child.exitCode;
  }
}

let plugin: Plugin;
afterEach(() => void plugin.child.kill('SIGKILL'));

describe('holdfast stdio', { timeout: 60_000 }, () => {
  it('registers, answers, keeps alive, and ends with a QUIT without a line end', async () => {
    plugin = new Plugin();
    await plugin.said(/^FUNCTION GLOBAL "probe-echo" 60 "says it again" "top" 0x0000 100 1$/m);
    await plugin.said(/^FUNCTION GLOBAL "wait" 60 "wait" "holdfast" 0x0013 100 1$/m);
    plugin.send(called('u1', 'probe-echo hello world'));
    plugin.send(withBody('u2', 'probe-echo', '{\n  "a": 1,\n\n  "b": 2\n}'));
    await plugin.said(/RESULT_BEGIN u2/);
    plugin.send(called('u3', 'wait') + cancelled('u3'));
    await plugin.said(/RESULT_BEGIN u3/);
    await plugin.said(/\n\n\n/);
    plugin.send('QUIT');
    plugin.child.stdin.end();
    assert.equal(await plugin.ended(), 0);
    const { results } = readFrames(plugin.text);
    assert.deepEqual(
      results.map(({ uid, status, body }) => [uid, status, body]),
      [
        ['u1', 200, '["hello","world"]'],
        ['u2', 200, '{"a":1,"b":2}'],
        ['u3', 200, '"stopped"'],
      ],
    );
  });

  it('keeps what the app prints out of the protocol', async () => {
    plugin = new Plugin();
    plugin.send(called('u1', 'print'));
    await plugin.said(/RESULT_BEGIN u1 200/);
    plugin.child.stdin.end();
    assert.equal(await plugin.ended(), 0);
    readFrames(plugin.text);
    assert.match(plugin.errors, /FUNCTION_RESULT_END of the app/);
  });

  it('hears its agent though that one reads nothing', async () => {
    plugin = new Plugin();
    await plugin.said(/FUNCTION GLOBAL "big"/);
    plugin.child.stdout.pause();
    for (let n = 0; n < 40; n += 1) plugin.send(called(`b${n}`, 'big'));
    plugin.send(called('w', 'wait') + cancelled('w'));
    await plugin.said(/the wait was stopped/);
    plugin.child.stdin.end();
    plugin.child.stdout.resume();
    assert.equal(await plugin.ended(), 0);
    assert.equal(readFrames(plugin.text).results.length, 41);
  });

  it('ends in order at SIGTERM, as old agents end their plugins', async () => {
    plugin = new Plugin();
    await plugin.said(/FUNCTION GLOBAL "wait"/);
    plugin.send('FUNCTION 0b1c-2d 10 "probe-echo old"\n');
    await plugin.said(/RESULT_BEGIN 0b1c-2d 200/);
    plugin.child.kill('SIGTERM');
    assert.equal(await plugin.ended(), 0);
  });

  it('says what is wrong with an app that cannot be loaded', async () => {
    plugin = new Plugin('--grace', 'soon');
    assert.equal(await plugin.ended(), 2);
    assert.equal(plugin.text, '');
  });
});
