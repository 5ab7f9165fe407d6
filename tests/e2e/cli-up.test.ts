import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { after, describe, it } from 'node:test';
import { Holdfast } from 'holdfast';
import type { SupervisorEvent } from '../../src/cli/up/supervisor.ts';
import * as desk from './apps/desk.ts';
import { appPath, call, callProcess, endOf, startProcess, temporaryFolder } from './call.ts';

const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());
const patience = { timeout: 60_000 };

/** `holdfast up` as a process, with what it says. */
class Up implements AsyncDisposable {
  readonly store: string;
  readonly child: ChildProcess;
  readonly #events: AsyncIterableIterator<string>;
  readonly #closed: Promise<unknown>;

  constructor(name: string, ...words: string[]) {
    this.store = folder.at(`${name}.db`);
    const app = appPath('desk');
    this.child = startProcess(['up', app, '--store', this.store, '--json', ...words]);
    assert.ok(this.child.stdout);
    this.#events = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    this.#closed = once(this.child, 'close');
  }

  /** The next event of a kind; what comes before it is passed over. */
  async next<Kind extends SupervisorEvent['event']>(kind: Kind) {
    for (;;) {
      const { value, done } = await this.#events.next();
      assert.ok(done !== true, `it ended before the event '${kind}'`);
      const event = JSON.parse(value) as SupervisorEvent;
      if (event.event === kind) return event as Extract<SupervisorEvent, { event: Kind }>;
    }
  }

  /** When nobody holds its output any more: it has ended, and so have its workers. */
  gone(): Promise<unknown> {
    return this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.gone();
  }
}

describe('holdfast up', { concurrency: 2 }, () => {
  it('executes in several processes, and drains on SIGTERM', patience, async () => {
    await using up = new Up('drains', '--workers', '2', '--slots', '3', '--name', 'desk');
    const ready = [await up.next('ready'), await up.next('ready')];
    assert.deepEqual(ready.map(({ node }) => node).sort(), ['desk-1', 'desk-2']);
    assert.deepEqual(ready[0]?.functions, [
      'desk.crash',
      'desk.fail',
      'desk.greet',
      'desk.pid',
      'desk.seat',
      'desk.wait',
    ]);
    assert.equal(ready[0]?.slots, 3);
    const called = await call(['start', 'desk.pid', '--wait', '--store', up.store]);
    assert.ok(
      ready.some(({ pid }) => `${pid}\n` === called.out),
      called.out + called.err,
    );
    up.child.kill('SIGTERM');
    assert.deepEqual(await endOf(up.child), { exit: 0, signal: null });
    const nodes = await call(['nodes', '--all', '--json', '--store', up.store]);
    const states = JSON.parse(nodes.out).nodes.map((node: { state: string }) => node.state);
    assert.deepEqual(states, ['left', 'left']);
  });

  it('starts a crashed worker again, and says so', patience, async () => {
    await using up = new Up('crashes');
    const first = await up.next('ready');
    await call(['start', 'desk.crash', '--app', appPath('desk'), '--store', up.store]);
    const ended = await up.next('ended');
    assert.deepEqual([ended.pid, ended.signal, ended.restartInMs], [first.pid, 'SIGKILL', 500]);
    const second = await up.next('ready');
    assert.notEqual(second.pid, first.pid);
    const called = await call(['start', 'desk.pid', '--wait', '--store', up.store]);
    assert.equal(called.out, `${second.pid}\n`);
  });

  it('leaves no worker behind when it is killed', patience, async () => {
    await using up = new Up('orphans', '--workers', '2');
    await up.next('ready');
    await up.next('ready');
    up.child.kill('SIGKILL');
    // The workers hold the same output: it closes when the last of them is gone.
    await up.gone();
  });

  it('stops at once at the second signal', patience, async () => {
    await using up = new Up('hurries', '--grace', '10m');
    await up.next('ready');
    await using hf = await Holdfast.open({ store: up.store, execute: false });
    const run = await hf.start(desk.wait, null);
    const running = async () => (await run.get())?.status === 'running';
    while (!(await running()));
    up.child.kill('SIGTERM');
    await up.next('draining');
    up.child.kill('SIGTERM');
    assert.deepEqual(await endOf(up.child), { exit: 143, signal: null });
  });

  it('refuses an app that it cannot host, with one failure and no stack', patience, async () => {
    const store = folder.at('refused.db');
    const cases = [
      ['none', 2, /app\.invalid/, /the app module '.*none\.ts' is not there/],
      ['throws', 2, /app\.invalid/, /cannot be loaded: Error: the app has no key \[/],
      ['empty', 2, /app\.invalid/, /exports no function/],
      ['exits', 2, /app\.invalid/, /ended with exit code 3 before it was ready/],
      ['twice', 2, /function\.duplicate/, /two functions are called 'desk\.twin'/],
      ['loose-versions', 2, /app\.invalid/, /several versions of 'desk\.twin' in no order/],
    ] as const;
    for (const [app, exit, code, says] of cases) {
      const called = await callProcess(['up', appPath(app), '--workers', '2', '--store', store]);
      assert.equal(called.exit, exit, called.err);
      assert.match(called.err, code);
      assert.match(called.err, says);
      assert.equal(called.err.trimEnd().split('\n').length, 2, called.err);
    }
  });

  it('refuses another definition of what a live node hosts', patience, async () => {
    const store = folder.at('conflict.db');
    await using _hf = await Holdfast.open({ store, functions: [...desk.others] });
    const called = await callProcess(['up', appPath('other-desk'), '--store', store]);
    assert.equal(called.exit, 5);
    assert.match(
      called.err,
      /^holdfast: .*desk\.pid.* \[function\.conflict\]\n {2}raise its version/,
    );
  });
});

describe('holdfast as a process', { concurrency: 2 }, () => {
  it('says its version and its help', patience, async () => {
    const version = await callProcess(['--version']);
    assert.deepEqual([version.exit, version.err], [0, '']);
    assert.match(version.out, /^\d+\.\d+\.\d+\n$/);
    const help = await callProcess(['--help']);
    assert.equal(help.exit, 0);
    assert.match(help.out, /^Usage: holdfast \[options\] \[command\]/);
  });

  it('ends in peace when nobody reads its output any more', patience, async () => {
    const store = folder.at('pipe.db');
    const hf = await Holdfast.open({ store, execute: false });
    const item = { input: { name: 'x'.repeat(100) }, delayMs: 1e9, tenant: 't'.repeat(200) };
    await hf.startMany(
      desk.greet,
      Array.from({ length: 1_000 }, () => item),
    );
    await hf.close();
    const child = startProcess(['ls', '--limit', '1000', '--json', '--store', store]);
    let err = '';
    child.stderr?.on('data', (text) => {
      err += text;
    });
    child.stdout?.once('data', () => child.stdout?.destroy());
    assert.deepEqual(await endOf(child), { exit: 0, signal: null });
    assert.equal(err, '');
  });

  it('reads its input from a pipe and writes its result to one', patience, async () => {
    const store = folder.at('pipes.db');
    await using _hf = await Holdfast.open({ store, functions: [...desk.others] });
    const words = ['start', 'desk.greet', '-', '--wait', '--store', store];
    const called = await callProcess([...words, '--app', appPath('desk')], '{"name":"Ada"}');
    assert.deepEqual([called.exit, called.out], [0, 'hello, Ada\n']);
  });
});
