import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import pg from 'pg';
import type { PostgresBus } from '../../../src/bus/postgres/postgres-bus.ts';
import { openPostgresBus } from '../../../src/bus/postgres/postgres-bus.ts';
import type { BusTopic } from '../../../src/ports/bus.ts';
import { busTopics } from '../../../src/ports/bus.ts';
import type { Log } from '../../../src/ports/log.ts';
import { silentLog } from '../../../src/ports/log.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { parsePostgresAddress } from '../../../src/system/postgres/address.ts';
import { systemRandom } from '../../../src/system/random.ts';
import { startProxy } from '../../postgres/proxy.ts';
import type { TestServer } from '../../postgres/server.ts';
import { testServer } from '../../postgres/server.ts';
import { FarProcess } from './far-process.ts';
import { busContract, Ear } from './suite.ts';

const clock = systemClock();
const random = systemRandom();
const waitsAtMost = { timeout: 120_000 };

const open = async (url: string, log: Log = silentLog): Promise<PostgresBus> => {
  const address = parsePostgresAddress(url);
  return await openPostgresBus({ address, schema: address.schema ?? '', clock, random, log });
};

const farProcess = (url: string): FarProcess => {
  const file = new URL('./postgres-child.ts', import.meta.url);
  return new FarProcess(file, [], { HOLDFAST_BUS_URL: url });
};

busContract('postgres, with a second process', async () => {
  const { url } = (await testServer()).freshSchema();
  const children: FarProcess[] = [];
  return {
    open: () => open(url),
    far: async () => {
      const child = farProcess(url);
      children.push(child);
      return child;
    },
    close: async () => {
      for (const child of children) await child.end();
    },
  };
});

/** Keeps lines, and lets a test wait for one. */
class Lines implements Log {
  readonly lines: string[] = [];
  readonly #waiting: { readonly pattern: RegExp; readonly resolve: () => void }[] = [];

  log(level: string, message: string): void {
    this.lines.push(`${level}: ${message}`);
    for (const { pattern, resolve } of this.#waiting) if (pattern.test(message)) resolve();
  }

  line(pattern: RegExp): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ pattern, resolve }));
  }
}

describe('the postgres bus', waitsAtMost, () => {
  let server: TestServer;
  let schema: string;
  let url: string;
  const buses: PostgresBus[] = [];
  const opened = async (...args: Parameters<typeof open>): Promise<PostgresBus> => {
    const bus = await open(...args);
    buses.push(bus);
    return bus;
  };
  const listening = (bus: PostgresBus, topic: BusTopic = 'ready'): Ear => {
    const ear = new Ear();
    bus.subscribe(topic, ear.listener);
    return ear;
  };
  /** The sessions of all buses on the schema. */
  const sessions = (what: string): Promise<Record<string, unknown>[]> =>
    server.query(`select ${what} as value from pg_stat_activity where application_name = $1`, [
      `holdfast ${schema} wake`,
    ]);

  beforeEach(async () => {
    server = await testServer();
    ({ schema, url } = server.freshSchema());
  });
  afterEach(async () => {
    for (const bus of buses.splice(0)) await bus.close();
  });

  it('wakes another process far sooner than a poll would', async (t) => {
    const far = farProcess(url);
    const bus = await opened(url);
    let resolve = (_at: number): void => {};
    for (const topic of busTopics) bus.subscribe(topic, () => resolve(clock.mono()));
    const latencies: number[] = [];
    for (let i = 0; i < 50; i++) {
      const woken = new Promise<number>((done) => {
        resolve = done;
      });
      const topic = busTopics[i % busTopics.length] ?? 'ready';
      const [sentAt, wokenAt] = await Promise.all([far.publishAt(topic), woken]);
      latencies.push(wokenAt - sentAt);
    }
    const median = latencies.toSorted((a, b) => a - b)[25] ?? Number.POSITIVE_INFINITY;
    t.diagnostic(`publish to listener in another process: median ${median.toFixed(2)} ms`);
    assert.ok(median < 200, `median ${median} ms against a poll of 2,000 ms`);
    await far.end();
  });

  it('N1: makes few notifications of many publishes', async () => {
    const [bus, other] = [await opened(url), await opened(url)];
    const [ready, done] = [listening(other, 'ready'), listening(other, 'done')];
    const woken = Promise.all([ready.next(), done.next()]);
    for (let i = 0; i < 10_000; i++) {
      bus.publish('ready');
      bus.publish('done');
    }
    await woken;
    // The others may hear of it before the server has confirmed it here.
    while (bus.counts().notified === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual([bus.counts().notified, ready.calls, done.calls], [1, 1, 1]);
    const startedAt = clock.mono();
    while (clock.mono() - startedAt < 100) {
      bus.publish('ready');
      await new Promise((resolve) => setImmediate(resolve));
    }
    const last = listening(other, 'nodes').next();
    bus.publish('nodes');
    await last;
    const { notified } = bus.counts();
    // One in 5 ms, where a timer may come a whole one early; those of this test's own last moment
    // come on top.
    const most = (clock.mono() - startedAt) / 4 + 3;
    assert.ok(notified > 2 && notified <= most, `${notified} of at most ${most}`);
  });

  it('keeps the buses of other schemas and databases apart', async () => {
    const database = await server.freshDatabase();
    const bus = await opened(url);
    const strangers = [
      listening(await opened(server.freshSchema().url)),
      listening(await opened(`${database.url}?schema=${schema}`)),
    ];
    const far = await opened(url);
    const woken = listening(far).next();
    bus.publish('ready');
    await woken;
    // Their own server tells them nothing even while it tells them something else.
    const own = strangers.map((ear) => ear.next());
    for (const stranger of buses.slice(1, 3)) stranger.publish('ready');
    await Promise.all(own);
    assert.deepEqual(
      strangers.map((ear) => ear.calls),
      [1, 1],
    );
    for (const opened of buses.splice(0)) await opened.close();
    await database.drop();
  });

  it('P2: comes back after the server ended its session, and wakes everybody once', async () => {
    const lines = new Lines();
    const bus = await opened(url, lines);
    const ears = busTopics.map((topic) => listening(bus, topic));
    const woken = Promise.all(ears.map((ear) => ear.next()));
    await sessions('pg_terminate_backend(pid)');
    await woken;
    assert.deepEqual(
      ears.map((ear) => ear.calls),
      busTopics.map(() => 1),
    );
    assert.deepEqual(lines.lines, [
      'warn: no wake-ups through the database: other processes find work by polling only',
      'info: wake-ups are back',
    ]);
    assert.deepEqual(bus.counts(), { notified: 0, refused: 0, lost: 1 });
    const next = listening(bus).next();
    (await opened(url)).publish('ready');
    await next;
  });

  it('P2: tells the others what was published while nobody could be told', async () => {
    const proxy = await startProxy({
      host: new URL(url).hostname,
      port: Number(new URL(url).port),
    });
    try {
      const lines = new Lines();
      const lost = lines.line(/no wake-ups/);
      const bus = await opened(proxy.url(url), lines);
      const own = listening(bus);
      const other = listening(await opened(url));
      proxy.refuse();
      await lost;
      const ownWoken = own.next();
      for (let i = 0; i < 1_000; i++) bus.publish('ready');
      await ownWoken;
      assert.deepEqual([own.calls, other.calls], [1, 0]);
      const woken = other.next();
      proxy.heal();
      await woken;
      assert.equal(other.calls, 1);
      assert.equal(lines.lines.filter((line) => /^warn/.test(line)).length, 1);
    } finally {
      for (const opened of buses.splice(0)) await opened.close();
      await proxy.close();
    }
  });

  it('P2: gives a connection up that does not answer any more', async () => {
    const proxy = await startProxy({
      host: new URL(url).hostname,
      port: Number(new URL(url).port),
    });
    try {
      const lines = new Lines();
      const lost = lines.line(/no wake-ups/);
      const bus = await opened(proxy.url(url), lines);
      const other = listening(await opened(url));
      proxy.hang();
      bus.publish('ready');
      await lost;
      const woken = other.next();
      proxy.cut();
      proxy.heal();
      await woken;
    } finally {
      for (const opened of buses.splice(0)) await opened.close();
      await proxy.close();
    }
  });

  it('P3: goes on where the server refuses to notify, says so once, and tries again', async () => {
    const [database, role] = [await server.freshDatabase(), schema];
    const own = new URL(database.url);
    own.searchParams.set('schema', schema);
    await server.query(`create role ${role} login`);
    const admin = new pg.Client(database.url);
    await admin.connect();
    try {
      await admin.query('revoke execute on function pg_notify from public');
      const woken = listening(await opened(own.href)).next();
      own.username = role;
      const lines = new Lines();
      const refused = lines.line(/refuses wake-ups/);
      const bus = await opened(own.href, lines);
      bus.publish('ready');
      await refused;
      bus.publish('ready');
      await admin.query('grant execute on function pg_notify to public');
      await woken;
      assert.ok(bus.counts().refused >= 1);
      assert.deepEqual(lines.lines, [
        'warn: the server refuses wake-ups: other processes find work by polling only',
      ]);
    } finally {
      for (const opened of buses.splice(0)) await opened.close();
      await admin.end();
      await database.drop();
      await server.query(`drop role ${role}`);
    }
  });

  it('opens and closes without a server, and says so once', async () => {
    const lines = new Lines();
    const bus = await opened('postgres://u@127.0.0.1:1/d?schema=s', lines);
    const ear = listening(bus);
    const woken = ear.next();
    bus.publish('ready');
    await woken;
    await bus.close();
    assert.deepEqual(lines.lines, [
      'warn: no wake-ups through the database: other processes find work by polling only',
    ]);
  });

  it('says what is due before it closes, and closes in time where nobody answers', async () => {
    const bus = await opened(url);
    const woken = listening(await opened(url)).next();
    bus.publish('ready');
    await bus.close();
    await woken;
    const proxy = await startProxy({
      host: new URL(url).hostname,
      port: Number(new URL(url).port),
    });
    try {
      const silent = await opened(proxy.url(url));
      proxy.hang();
      silent.publish('ready');
      const startedAt = clock.mono();
      await silent.close();
      assert.ok(clock.mono() - startedAt < 4_000, `${clock.mono() - startedAt} ms`);
    } finally {
      await proxy.close();
    }
  });

  it('P4: asks nothing while nothing is published', async () => {
    await opened(url);
    const [first] = await sessions('query_start::text || query');
    assert.match(String(first?.value), /listen/);
    // Another bus comes and goes on the same server meanwhile, with all that it asks.
    const other = await opened(server.freshSchema().url);
    const woken = listening(other).next();
    other.publish('ready');
    await woken;
    assert.deepEqual(await sessions('query_start::text || query'), [first]);
  });

  it('P4: does not keep the process alive while it listens', async () => {
    const module = (path: string): string =>
      JSON.stringify(new URL(`../../../src/${path}`, import.meta.url));
    const code = `
      const { openPostgresBus } = await import(${module('bus/postgres/postgres-bus.ts')});
      const { systemClock } = await import(${module('system/clock.ts')});
      const { systemRandom } = await import(${module('system/random.ts')});
      const { parsePostgresAddress } = await import(${module('system/postgres/address.ts')});
      const log = { log: (level, message) => console.log(message) };
      const address = parsePostgresAddress(process.env.HOLDFAST_BUS_URL);
      const options = { clock: systemClock(), random: systemRandom(), log, schema: 's' };
      const bus = await openPostgresBus({ ...options, address });
      bus.subscribe('ready', () => {});
      bus.publish('ready');`;
    const args = ['--conditions=holdfast-source', '--input-type=module', '-e', code];
    const env = { ...process.env, HOLDFAST_BUS_URL: url };
    const ended = await promisify(execFile)(process.execPath, args, { ...waitsAtMost, env });
    assert.equal(ended.stdout, '');
  });
});
