import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { fileBus } from '../../../src/bus/file/file-bus.ts';
import { monoMs } from '../../../src/core/time.ts';
import type { Bus } from '../../../src/ports/bus.ts';
import { busTopics } from '../../../src/ports/bus.ts';
import type { Clock } from '../../../src/ports/clock.ts';
import type { Log } from '../../../src/ports/log.ts';
import { silentLog } from '../../../src/ports/log.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { systemRandom } from '../../../src/system/random.ts';
import { FarProcess } from './far-process.ts';
import { busContract, Ear } from './suite.ts';

const clock = systemClock();
const random = systemRandom();
const waitsAtMost = { timeout: 20_000 };
const farProcess = (folder: string): FarProcess =>
  new FarProcess(new URL('./file-child.ts', import.meta.url), [folder]);

const open = (folder: string, log: Log = silentLog, on: Clock = clock): Bus =>
  fileBus({ folder, clock: on, random, log });

const onlyLinux = process.platform === 'linux' ? {} : { skip: 'counts watches in /proc' };

/** How many files this process watches, as the kernel lists them. */
function inotifyWatches(): number {
  let watches = 0;
  for (const descriptor of readdirSync('/proc/self/fdinfo')) {
    const path = `/proc/self/fdinfo/${descriptor}`;
    // The descriptor of the listing itself is closed by now.
    if (existsSync(path)) watches += readFileSync(path, 'utf8').split('inotify wd').length - 1;
  }
  return watches;
}

busContract('file, with a second process', async () => {
  const root = await mkdtemp(join(tmpdir(), 'holdfast-bus-'));
  const folder = join(root, 'x.db-bus');
  const children: FarProcess[] = [];
  return {
    open: () => open(folder),
    far: async () => {
      const child = farProcess(folder);
      children.push(child);
      return child;
    },
    close: async () => {
      for (const child of children) await child.end();
      await rm(root, { recursive: true, force: true });
    },
  };
});

describe('the file bus', waitsAtMost, () => {
  let root: string;
  let folder: string;
  const buses: Bus[] = [];
  const opened = (...args: Parameters<typeof open>): Bus => {
    const bus = open(...args);
    buses.push(bus);
    return bus;
  };
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'holdfast-bus-'));
    folder = join(root, 'x.db-bus');
  });
  afterEach(async () => {
    for (const bus of buses.splice(0)) await bus.close();
    await rm(root, { recursive: true, force: true });
  });

  it('wakes another process far sooner than a poll would', async (t) => {
    const far = farProcess(folder);
    const bus = opened(folder);
    let resolve = (_at: number): void => {};
    for (const topic of busTopics) bus.subscribe(topic, () => resolve(clock.mono()));
    const latencies: number[] = [];
    for (let i = 0; i < 50; i++) {
      const woken = new Promise<number>((done) => {
        resolve = done;
      });
      // Topics take turns, so that no write is held back behind the one before.
      const topic = busTopics[i % busTopics.length] ?? 'ready';
      const [sentAt, wokenAt] = await Promise.all([far.publishAt(topic), woken]);
      latencies.push(wokenAt - sentAt);
    }
    const median = latencies.toSorted((a, b) => a - b)[25] ?? Number.POSITIVE_INFINITY;
    t.diagnostic(`publish to listener in another process: median ${median.toFixed(2)} ms`);
    assert.ok(median < 200, `median ${median} ms against a poll of 2,000 ms`);
    await far.end();
  });

  it('keeps its folder and files to their owner', () => {
    opened(folder).publish('ready');
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.equal(statSync(join(folder, 'ready')).mode & 0o777, 0o600);
  });

  it('writes files that never grow', () => {
    for (let i = 0; i < 3; i++) opened(folder).publish('ready');
    assert.equal(statSync(join(folder, 'ready')).size, 36);
  });

  it('goes on after its folder was deleted', async () => {
    const [bus, other] = [opened(folder), opened(folder)];
    const ear = new Ear();
    bus.subscribe('ready', ear.listener);
    const repaired = ear.next();
    await rm(folder, { recursive: true });
    await repaired;
    const woken = ear.next();
    other.publish('ready');
    await woken;
  });

  it('makes a deleted folder again when it publishes, and goes on listening', async () => {
    const [bus, other] = [opened(folder), opened(folder)];
    const ear = new Ear();
    bus.subscribe('ready', ear.listener);
    const own = ear.next();
    rmSync(folder, { recursive: true });
    bus.publish('ready');
    assert.ok(existsSync(join(folder, 'ready')));
    await own;
    const woken = ear.next();
    other.publish('ready');
    await woken;
  });

  it('makes a deleted file again when it publishes without listening', () => {
    const bus = opened(folder);
    bus.publish('ready');
    rmSync(join(folder, 'ready'));
    bus.publish('ready');
    void bus.close();
    assert.ok(existsSync(join(folder, 'ready')));
  });

  it('watches a topic once, and only while somebody listens', onlyLinux, () => {
    const bus = opened(folder);
    const before = inotifyWatches();
    const leave = [bus.subscribe('ready', () => {}), bus.subscribe('ready', () => {})];
    assert.equal(inotifyWatches(), before + 1);
    leave[0]?.();
    assert.equal(inotifyWatches(), before + 1);
    leave[1]?.();
    assert.equal(inotifyWatches(), before);
  });

  it('does without the folder where it cannot be made, and says so once', async () => {
    const lines: string[] = [];
    const log: Log = { log: (level, message) => lines.push(`${level}: ${message}`) };
    const bus = opened(join(root, 'missing', 'x.db-bus'), log);
    const ear = new Ear();
    bus.subscribe('ready', ear.listener);
    bus.subscribe('done', () => {});
    const woken = ear.next();
    bus.publish('ready');
    bus.publish('done');
    await woken;
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? '', /^warn: no wake-ups through '.*x\.db-bus': .*polling only$/);
  });

  it('survives a file in the place of its folder', async () => {
    writeFileSync(folder, 'not a folder');
    const lines: string[] = [];
    const bus = opened(folder, { log: (level) => lines.push(level) });
    bus.subscribe('ready', () => {});
    bus.publish('ready');
    assert.deepEqual(lines, ['warn']);
    assert.equal(readFileSync(folder, 'utf8'), 'not a folder');
  });

  it('does not keep the process alive while it listens', async () => {
    const module = (path: string): string => JSON.stringify(new URL(path, import.meta.url));
    const code = `
      const { fileBus } = await import(${module('../../../src/bus/file/file-bus.ts')});
      const { systemClock } = await import(${module('../../../src/system/clock.ts')});
      const { systemRandom } = await import(${module('../../../src/system/random.ts')});
      const log = { log: (level, message) => console.log(message) };
      const options = { clock: systemClock(), random: systemRandom(), log };
      const bus = fileBus({ ...options, folder: ${JSON.stringify(folder)} });
      bus.subscribe('ready', () => {});
      bus.publish('ready');
      bus.publish('ready');`;
    const args = ['--conditions=holdfast-source', '--input-type=module', '-e', code];
    assert.equal((await promisify(execFile)(process.execPath, args, waitsAtMost)).stdout, '');
  });
});

describe('the file bus within one moment', waitsAtMost, () => {
  let root: string;
  let path: string;
  let bus: Bus;
  let timers: (() => void)[];
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'holdfast-bus-'));
    path = join(root, 'ready');
    timers = [];
    const frozen: Clock = {
      wall: clock.wall,
      mono: () => monoMs(1_000),
      after: (_delayMs, callback) => {
        timers.push(callback);
        return { cancel: () => {} };
      },
      turn: () => ({ cancel: () => {} }),
    };
    bus = open(root, silentLog, frozen);
    bus.publish('ready');
    writeFileSync(path, '');
  });
  afterEach(async () => {
    await bus.close();
    await rm(root, { recursive: true, force: true });
  });

  it('M1: writes the first publish at once and the others together a moment later', () => {
    for (let i = 0; i < 100; i++) bus.publish('ready');
    assert.equal(statSync(path).size, 0);
    assert.equal(timers.length, 1);
    timers[0]?.();
    assert.equal(statSync(path).size, 36);
  });

  it('M1: writes what is held back when it closes', async () => {
    bus.publish('ready');
    assert.equal(statSync(path).size, 0);
    await bus.close();
    assert.equal(statSync(path).size, 36);
  });

  it('M2: calls its own listeners after a write that may cover another one', async () => {
    const ear = new Ear();
    bus.subscribe('ready', ear.listener);
    const first = ear.next();
    bus.publish('ready');
    await first;
    const second = ear.next();
    timers[0]?.();
    await second;
  });
});
