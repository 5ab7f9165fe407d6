import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { ProcessIdentity, ProcessState } from '../ports/process-table.ts';
import * as linux from './process-linux.ts';
import * as posix from './process-posix.ts';
import { bootId, processTable } from './process-table.ts';
import type { Sighting } from './sighting.ts';

const table = processTable();
const onlyLinux = process.platform === 'linux' ? {} : { skip: 'reads /proc' };
const waitsAtMost = { timeout: 20_000 };

const source = JSON.stringify(new URL('./process-table.ts', import.meta.url));

/** Prints its own identity, then waits until it is killed. */
const childCode = `
  const { processTable } = await import(${source});
  console.log(JSON.stringify(processTable().self()));
  setInterval(() => {}, 1e6);
`;
const childArgs = ['--conditions=holdfast-source', '--input-type=module', '-e', childCode];

async function firstLine(child: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of child.stdout ?? []) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text.split('\n')[0] ?? '';
}

async function identityOf(child: ChildProcess): Promise<ProcessIdentity> {
  return JSON.parse(await firstLine(child)) as ProcessIdentity;
}

/** Signals are delivered a moment after `kill` returns: looks until the state is there. */
async function becomes(identity: ProcessIdentity, state: ProcessState): Promise<void> {
  while (table.look(identity) !== state) await turn();
}

const node = (): ChildProcess =>
  spawn(process.execPath, childArgs, { stdio: ['ignore', 'pipe', 'inherit'] });

describe('the process table', () => {
  it('sees this process and a running child as alive', waitsAtMost, async () => {
    const child = node();
    try {
      const identity = await identityOf(child);
      assert.equal(identity.pid, child.pid);
      assert.equal(identity.hostId, table.self().hostId);
      assert.equal(table.look(identity), 'alive');
      assert.equal(table.look(table.self()), 'alive');
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('gives every process of one boot the same boot id', waitsAtMost, async () => {
    const child = node();
    try {
      assert.ok((await identityOf(child)).hostId.startsWith(`${bootId()}/`));
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('sees a frozen process as stopped and a thawed one as alive', waitsAtMost, async () => {
    const child = node();
    try {
      const identity = await identityOf(child);
      child.kill('SIGSTOP');
      await becomes(identity, 'stopped');
      child.kill('SIGCONT');
      await becomes(identity, 'alive');
    } finally {
      child.kill('SIGKILL');
    }
  });

  it('sees a killed process that its parent has not reaped as gone', waitsAtMost, async () => {
    const quoted = childArgs.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`).join(' ');
    // The shell becomes `sleep`, which never asks for the exit status of a child.
    const command = `'${process.execPath}' ${quoted} & exec sleep 1000`;
    const parent = spawn('sh', ['-c', command], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      const identity = await identityOf(parent);
      assert.notEqual(identity.pid, parent.pid);
      process.kill(identity.pid, 'SIGKILL');
      await becomes(identity, 'gone');
      assert.doesNotThrow(() => process.kill(identity.pid, 0), 'its pid is still taken');
    } finally {
      parent.kill('SIGKILL');
    }
  });

  it('sees a process that ended and was reaped as gone', waitsAtMost, async () => {
    const child = node();
    const identity = await identityOf(child);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(table.look(identity), 'gone');
  });

  it('sees a process whose pid was given to another one as gone', () => {
    assert.equal(table.look({ ...table.self(), startedAt: '1' }), 'gone');
  });

  it('knows nothing of a process of another host, boot or pid namespace', () => {
    assert.equal(table.look({ ...table.self(), hostId: 'elsewhere/1' }), 'unknown');
    assert.equal(table.look({ ...table.self(), hostId: `${bootId()}/1` }), 'unknown');
  });

  it('claims no death of a process that did not say when it started', () => {
    assert.equal(table.look({ ...table.self(), startedAt: '' }), 'unknown');
  });
});

describe('the status line of a Linux process', () => {
  const statOf = (name: string, letter: string, threads: number): string =>
    `7 (${name}) ${letter} ${Array(16).fill('0').join(' ')} ${threads} 0 4242 ${'0 '.repeat(20)}`;
  const seen = (state: ProcessState): Sighting => ({ seen: 'process', startedAt: '4242', state });

  it('is read from behind the last bracket of the name', () => {
    assert.deepEqual(linux.parseStat(statOf('a) Z (b', 'S', 1)), seen('alive'));
  });

  it('means stopped by T and t, and gone by X', () => {
    assert.deepEqual(linux.parseStat(statOf('n', 'T', 9)), seen('stopped'));
    assert.deepEqual(linux.parseStat(statOf('n', 't', 9)), seen('stopped'));
    assert.deepEqual(linux.parseStat(statOf('n', 'X', 1)), seen('gone'));
  });

  it('means gone by Z only when no thread of the process is left', () => {
    assert.deepEqual(linux.parseStat(statOf('n', 'Z', 1)), seen('gone'));
    assert.deepEqual(linux.parseStat(statOf('n', 'Z', 2)), seen('alive'));
  });

  it('proves no death by its absence while the kernel knows the pid', () => {
    assert.deepEqual(linux.absent(process.pid), { seen: 'unreadable' });
  });

  it('means nothing when it is cut off', () => {
    assert.deepEqual(linux.parseStat('7 (n) S 1'), { seen: 'unreadable' });
  });

  it('agrees with the start time that this process gives of itself', onlyLinux, () => {
    const sighting = linux.sight(process.pid);
    assert.equal(sighting.seen === 'process' && sighting.startedAt, table.self().startedAt);
  });
});

describe('the process table of a system without /proc', () => {
  it('reads the start and the state from one line of ps', () => {
    const at = (state: ProcessState): Sighting => ({
      seen: 'process',
      startedAt: 'Mon Jan 5 10:00:00 2026',
      state,
    });
    assert.deepEqual(posix.parsePs('Mon Jan  5 10:00:00 2026 S+\n'), at('alive'));
    assert.deepEqual(posix.parsePs('Mon Jan  5 10:00:00 2026     T'), at('stopped'));
    assert.deepEqual(posix.parsePs('Mon Jan  5 10:00:00 2026 Z'), at('gone'));
    assert.deepEqual(posix.parsePs(''), { seen: 'unreadable' });
  });

  it('has proof of death when the kernel knows no such pid', waitsAtMost, async () => {
    const child = spawn('true');
    await once(child, 'exit');
    assert.deepEqual(posix.sight(child.pid ?? 0), { seen: 'nothing' });
  });
});
