/**
 * What the tests of the SQLite store share: folders that vanish, runs to start, other processes.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { NodeCard } from '../../src/ports/store-nodes.ts';
import type { RunPolicy, StartItem } from '../../src/ports/store-runs.ts';
import {
  openSqliteStore,
  type SqliteOptions,
  type SqliteStore,
} from '../../src/store/sqlite/sqlite-store.ts';

const policy: RunPolicy = {
  retry: {
    attemptsMax: 3,
    backoff: 'fixed',
    delayMs: 1_000,
    factor: 1,
    delayMsMax: 1_000,
    jitter: 0,
  },
  onCrash: 'retry',
  crashesMax: 3,
  attemptTimeoutMs: null,
  graceMs: 1_000,
};

let lastRun = 0;

/** A run that can be claimed at once, under an id of its own in this process. */
export function item(over: Partial<StartItem> = {}): StartItem {
  lastRun += 1;
  return {
    id: `run-${process.pid}-${lastRun}`,
    idempotent: false,
    fn: 'work',
    input: `{"n":${lastRun}}`,
    lane: null,
    laneWidth: 1,
    tenant: 'default',
    prioritySeconds: 0,
    dueAt: null,
    deadlineAt: null,
    tags: [],
    policy,
    ...over,
  };
}

export const card: NodeCard = {
  name: 'node',
  process: { hostId: 'host', hostName: 'host', pid: 1, startedAt: '1' },
  ttlMs: 15_000,
  slots: 8,
  functions: [{ fn: 'work', version: '1', digest: 'd' }],
};

/** A folder that is removed after the test. */
export async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'holdfast-sqlite-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A store that is closed after the test. */
export async function opened(t: TestContext, options: SqliteOptions): Promise<SqliteStore> {
  const store = await openSqliteStore(options);
  t.after(() => store.close());
  return store;
}

/** Another process that does one of the things in child.ts. */
export interface Child {
  readonly process: ChildProcess;
  /** What it says next. */
  hear(): Promise<unknown>;
  go(): void;
  /** Its exit code, or the signal that ended it. */
  readonly gone: Promise<number | string>;
  /** What it has written to its standard error. */
  complained(): string;
}

/** Starts another process; it is killed after the test at the latest. */
export function child(t: TestContext, ...args: readonly string[]): Child {
  const path = new URL('./child.ts', import.meta.url).pathname;
  const execArgv = ['--conditions=holdfast-source'];
  const stdio = ['ignore', 'pipe', 'pipe', 'ipc'] as const;
  const running = fork(path, [...args], { execArgv, stdio: [...stdio] });
  t.after(() => running.kill('SIGKILL'));
  let complaint = '';
  running.stderr?.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const gone = once(running, 'exit').then(([code, signal]) => code ?? signal);
  return {
    process: running,
    gone,
    complained: () => complaint,
    async hear() {
      const silent = gone.then((end) => Promise.reject(new Error(`the process ended: ${end}`)));
      const [word] = await Promise.race([once(running, 'message'), silent]);
      return word;
    },
    go: () => running.send('go'),
  };
}
