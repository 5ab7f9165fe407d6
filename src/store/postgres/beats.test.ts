import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { startProxy } from '../../../tests/postgres/proxy.ts';
import { type FreshSchema, type TestServer, testServer } from '../../../tests/postgres/server.ts';
import type { NodeKey } from '../../core/execution/run.ts';
import type { Log } from '../../ports/log.ts';
import type { Beat } from '../../ports/store-nodes.ts';
import { systemClock } from '../../system/clock.ts';
import { type PostgresAddress, parsePostgresAddress } from '../../system/postgres/address.ts';
import { type Beats, openBeats } from './beats.ts';

const waitsAtMost = { timeout: 120_000 };
const clock = systemClock();
const node = (key: number): NodeKey => key as NodeKey;

/** Answers as the function of the store does, and keeps what it was asked. */
const standIn = (schema: string): string => `
  create function ${schema}.beat(
    p_node bigint, p_least double precision, p_seen bigint,
    out beat json, out judge double precision, out epoch bigint
  ) language plpgsql as $$
  begin
    insert into ${schema}.asked values (p_node, p_least, p_seen);
    judge := 1000 * (select count(*) from ${schema}.asked);
    epoch := 7;
    if p_node >= 100 then return; end if;
    beat := json_build_object('nodes', '[]'::json, 'stops',
      json_build_array(json_build_object('seq', p_node, 'fence', 1)));
  end $$`;

/** Keeps lines, and lets a test wait for one. */
class Lines implements Log {
  readonly lines: string[] = [];
  #waiting: { readonly pattern: RegExp; readonly resolve: () => void }[] = [];

  log(level: string, message: string, fields: Readonly<Record<string, unknown>> = {}): void {
    const line = `${level}: ${message} ${fields.code ?? ''}`.trim();
    this.lines.push(line);
    for (const { pattern, resolve } of this.#waiting) if (pattern.test(line)) resolve();
  }

  line(pattern: RegExp): Promise<void> {
    return new Promise((resolve) => this.#waiting.push({ pattern, resolve }));
  }
}

/** One node that is kept alive, as its owner sees it. */
class Owner {
  readonly beats: Beat[] = [];
  fenced = 0;
  #beaten = Promise.withResolvers<void>();
  readonly end = Promise.withResolvers<void>();
  readonly #beatsOf: Beats;
  readonly keeper: ReturnType<Beats['keepAlive']>;

  constructor(beats: Beats, key: number, everyMs = 20) {
    this.#beatsOf = beats;
    this.keeper = this.#beatsOf.keepAlive({
      node: node(key),
      everyMs,
      ttlMs: 15_000,
      onBeat: (beat) => {
        this.beats.push(beat);
        this.#beaten.resolve();
        this.#beaten = Promise.withResolvers<void>();
      },
      onFenced: () => {
        this.fenced += 1;
        this.end.resolve();
      },
    });
  }

  async beat(times = 1): Promise<void> {
    for (let i = 0; i < times; i++) await this.#beaten.promise;
  }
}

describe('the heartbeats of a store in Postgres', waitsAtMost, () => {
  let server: TestServer;
  let place: FreshSchema;
  let lines: Lines;
  const opened: Beats[] = [];

  const open = (address: PostgresAddress = parsePostgresAddress(place.url)): Beats => {
    const beats = openBeats({ address, schema: place.schema, log: lines });
    opened.push(beats);
    return beats;
  };
  const asked = async (): Promise<number[]> => {
    const rows = await server.query(`select node from ${place.schema}.asked`);
    return rows.map((row) => Number(row.node));
  };
  const sessions = (what = 'pid'): Promise<Record<string, unknown>[]> =>
    server.query(`select ${what} as value from pg_stat_activity where application_name = $1`, [
      `holdfast ${place.schema} beat`,
    ]);
  /** Resolves when the server has ended them all. */
  const noSessions = async (): Promise<void> => {
    while ((await sessions()).length > 0);
  };

  beforeEach(async () => {
    server = await testServer();
    place = server.freshSchema();
    lines = new Lines();
    await server.query(`create schema ${place.schema}`);
    await server.query(
      `create table ${place.schema}.asked
        (node integer, least double precision, seen bigint, nth serial)`,
    );
    await server.query(standIn(place.schema));
  });
  afterEach(async () => {
    for (const beats of opened.splice(0)) await beats.close();
    await place.drop();
  });

  it('renews at once and then again and again, and hands out what the store says', async () => {
    const owner = new Owner(open(), 7);
    await owner.beat(3);
    assert.deepEqual(owner.beats[0], { nodes: [], stops: [{ seq: 7, fence: 1 }] });
    const [row] = await server.query(`select distinct node from ${place.schema}.asked`);
    assert.deepEqual(row, { node: 7 });
    assert.deepEqual(lines.lines, []);
  });

  it('K1: trusts the time of asking to join until the first beat', async () => {
    const beats = open();
    let joinedAt = 0;
    await beats.joining(async () => {
      joinedAt = clock.mono();
      return { ok: true, node: node(3) };
    });
    const owner = new Owner(beats, 3);
    const first = owner.keeper.lastRenewalStarted();
    assert.ok(first > 0 && first <= joinedAt, `${first} of ${joinedAt}`);
    await owner.beat();
    assert.ok(owner.keeper.lastRenewalStarted() > joinedAt);
    assert.equal(new Owner(beats, 4).keeper.lastRenewalStarted(), 0);
  });

  it('H2: goes on while the event loop is busy, and says since when', async () => {
    const owner = new Owner(open(), 7, 20);
    await owner.beat();
    const before = (await asked()).length;
    const busyFrom = clock.mono();
    while (clock.mono() - busyFrom < 1_500);
    const age = clock.mono() - owner.keeper.lastRenewalStarted();
    assert.ok(age < 1_000, `the last renewal was ${age} ms ago, of 1,500 that were busy`);
    assert.ok((await asked()).length >= before + 3);
  });

  it('keeps all nodes of a process over one connection, in their own time', async () => {
    const beats = open();
    const owners = [1, 2, 3, 4, 5].map((key) => new Owner(beats, key));
    await Promise.all(owners.map((owner) => owner.beat(2)));
    assert.equal((await sessions()).length, 1);
    for (const owner of owners) await owner.keeper.stop();
  });

  it('H1: asks once for each beat, and nothing else', async () => {
    const owner = new Owner(open(), 7, 10_000);
    await owner.beat();
    const [session] = await sessions("query || ' ' || state");
    assert.match(
      String(session?.value),
      /^select beat::text, .* "\w+"\.beat\(\$1, \$2, \$3\) idle$/,
    );
    assert.deepEqual(await asked(), [7]);
  });

  it("H5: says with each beat the least that the judge's clock can be by now", async () => {
    const beats = open();
    const owner = new Owner(beats, 7, 50);
    await owner.beat(3);
    await owner.keeper.stop();
    const second = new Owner(beats, 8, 50);
    await second.beat(2);
    const told = await server.query(
      `select nth, least, seen::int from ${place.schema}.asked order by nth`,
    );
    assert.deepEqual([told[0]?.least, told[0]?.seen], [null, null]);
    assert.ok(told.length >= 5);
    for (const { nth, least, seen } of told.slice(1)) {
      // What the beat before was told, and the time since; by another node of the process, too.
      const sinceMs = Number(least) - 1_000 * (Number(nth) - 1);
      assert.ok(sinceMs > 0 && sinceMs < 1_000, `${sinceMs} ms`);
      assert.equal(seen, 7);
    }
  });

  it('H4: says once that a node was declared dead, and beats for it no more', async () => {
    const beats = open();
    const dead = new Owner(beats, 100);
    const alive = new Owner(beats, 1);
    await dead.end.promise;
    await alive.beat(3);
    assert.deepEqual([dead.fenced, dead.beats.length], [1, 0]);
    assert.equal((await asked()).filter((key) => key === 100).length, 1);
    await dead.keeper.stop();
  });

  it('beats no more for a node that is stopped', async () => {
    const beats = open();
    const [gone, alive] = [new Owner(beats, 1), new Owner(beats, 2)];
    await gone.beat();
    await gone.keeper.stop();
    await gone.keeper.stop();
    const heard = gone.beats.length;
    await alive.beat(2);
    const before = (await asked()).filter((key) => key === 1).length;
    await alive.beat(3);
    assert.equal((await asked()).filter((key) => key === 1).length, before);
    assert.equal(gone.beats.length, heard);
  });

  it('H3: connects again when its session was ended', async () => {
    const owner = new Owner(open(), 7);
    for (let i = 0; i < 3; i++) {
      await owner.beat();
      const before = await sessions();
      await sessions('pg_terminate_backend(pid)');
      await owner.beat(2);
      assert.notDeepEqual(await sessions(), before);
    }
    assert.equal(owner.fenced, 0);
  });

  it('H3: gives a connection up that does not answer, and says once that it fails', async () => {
    const { hostname, port } = new URL(place.url);
    const proxy = await startProxy({ host: hostname, port: Number(port) });
    try {
      const owner = new Owner(open(parsePostgresAddress(proxy.url(place.url))), 7);
      await owner.beat();
      const failing = lines.line(/^warn: heartbeats fail/);
      proxy.hang();
      const hungAt = clock.mono();
      await failing;
      const tookMs = clock.mono() - hungAt;
      assert.ok(tookMs > 1_000 && tookMs < 6_000, `${tookMs} ms`);
      const back = lines.line(/^info: heartbeats are back/);
      proxy.cut();
      proxy.heal();
      await back;
      await owner.beat();
      assert.deepEqual(lines.lines, [
        'warn: heartbeats fail and are tried again store.unavailable',
        'info: heartbeats are back',
      ]);
    } finally {
      for (const beats of opened.splice(0)) await beats.close();
      await proxy.close();
    }
  });

  it('H3: goes on when what it calls is there again, over the same connection', async () => {
    const owner = new Owner(open(), 7);
    await owner.beat();
    const before = await sessions();
    const failing = lines.line(/^warn: heartbeats fail and are tried again store.corrupt/);
    await server.query(`drop function ${place.schema}.beat`);
    await failing;
    const back = lines.line(/^info: heartbeats are back/);
    await server.query(standIn(place.schema));
    await back;
    await owner.beat();
    assert.deepEqual(await sessions(), before);
    assert.equal(lines.lines.length, 2);
  });

  it('H3: begins when the server is there, if it is not at first', async () => {
    const { hostname, port } = new URL(place.url);
    const proxy = await startProxy({ host: hostname, port: Number(port) });
    try {
      proxy.refuse();
      const failing = lines.line(/^warn: heartbeats fail/);
      const owner = new Owner(open(parsePostgresAddress(proxy.url(place.url))), 7);
      await failing;
      assert.equal(owner.keeper.lastRenewalStarted(), 0);
      proxy.heal();
      await owner.beat();
    } finally {
      for (const beats of opened.splice(0)) await beats.close();
      await proxy.close();
    }
  });

  it('K3: starts its thread again with all nodes when it has ended', async () => {
    const address = parsePostgresAddress(place.url);
    let asked = 0;
    const secret = () => {
      asked += 1;
      return asked === 1 ? { text: 'nothing that is understood', env: {} } : address.secret();
    };
    const beats = open({ ...address, secret });
    const owners = [new Owner(beats, 1), new Owner(beats, 2)];
    await Promise.all(owners.map((owner) => owner.beat()));
    assert.deepEqual(lines.lines, [
      'error: the thread of heartbeats has ended and is started again',
    ]);
  });

  it('K2: ends its thread and its session when it closes, and keeps nobody then', async () => {
    const beats = open();
    const owner = new Owner(beats, 7);
    await owner.beat();
    await beats.close();
    await beats.close();
    await noSessions();
    const late = new Owner(beats, 8);
    await late.keeper.stop();
    assert.ok(!(await asked()).includes(8));
  });

  it('closes in time where nobody answers', async () => {
    const { hostname, port } = new URL(place.url);
    const proxy = await startProxy({ host: hostname, port: Number(port) });
    try {
      const beats = open(parsePostgresAddress(proxy.url(place.url)));
      await new Owner(beats, 7).beat();
      proxy.hang();
      const closedFrom = clock.mono();
      await beats.close();
      assert.ok(clock.mono() - closedFrom < 2_500, `${clock.mono() - closedFrom} ms`);
    } finally {
      await proxy.close();
    }
  });

  it('K2: does not keep the process alive', async () => {
    const module = (path: string): string => JSON.stringify(new URL(path, import.meta.url));
    const code = `
      const { openBeats } = await import(${module('./beats.ts')});
      const { parsePostgresAddress } = await import(
        ${module('../../system/postgres/address.ts')});
      const address = parsePostgresAddress(process.env.HOLDFAST_BEATS_URL);
      const log = { log: (level, message) => console.log(message) };
      const beats = openBeats({ address, schema: address.schema, log });
      await new Promise((resolve) => {
        const held = setInterval(() => {}, 1_000);
        const onBeat = () => { clearInterval(held); resolve(); };
        beats.keepAlive({ node: 1, everyMs: 20, ttlMs: 15_000, onBeat, onFenced: resolve });
      });`;
    const args = ['--input-type=module', '-e', code];
    const env = { ...process.env, HOLDFAST_BEATS_URL: place.url };
    const ended = await promisify(execFile)(process.execPath, args, { ...waitsAtMost, env });
    assert.equal(ended.stdout, '');
    assert.ok((await asked()).includes(1));
  });
});
