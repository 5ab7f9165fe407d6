/**
 * Everything that can be wrong with a database or with its address: one clear error each, which
 * says what to do and never shows a password; and what passes by itself is waited for.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { defineFunction, Holdfast, type OpenOptions } from 'holdfast';
import pg from 'pg';
import { refuseServer } from '../../src/store/postgres/server-check.ts';
import { until, within } from '../process/wait.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { Secretive } from './secretive.ts';

const password = 'p:a/s@s?w#ö d';
const secrets = new Secretive(password);
/** Short: most servers here never answer as one would like. */
const busyPatienceMs = 500;

const greet = defineFunction({ name: 'greet', run: (name: string) => `hello ${name}` });

let cluster: Cluster;
let admin: pg.Client;
const opened: Holdfast[] = [];

before(async () => {
  cluster = await startCluster({ password });
  await connectAdmin();
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((hf) => hf.close()));
  secrets.isKept();
});
after(async () => {
  await admin.end();
  await cluster.dispose();
});

async function connectAdmin(): Promise<void> {
  admin = new pg.Client({ connectionString: cluster.url() });
  // It is cut off by the tests that stop the server.
  admin.on('error', () => {});
  await admin.connect();
}

async function open(url: string, options: Partial<OpenOptions> = {}): Promise<Holdfast> {
  const hf = await Holdfast.open({
    store: url,
    log: secrets.log,
    busyPatienceMs,
    drainGraceMs: 0,
    ...options,
  });
  opened.push(hf);
  return hf;
}

/** An address on the cluster with some parts of it changed. */
function address(change: Partial<Record<'username' | 'password' | 'port' | 'host', string>> = {}) {
  const url = new URL(cluster.url());
  Object.assign(url, change);
  return url.href;
}

/** An address with a schema that nobody uses. */
function fresh(url = cluster.url()): { url: string; schema: string } {
  const schema = `s_${randomBytes(6).toString('hex')}`;
  return { url: `${url}?schema=${schema}`, schema };
}

/** A role of its own that may log in with the password. */
async function role(options = ''): Promise<{ name: string; url: string }> {
  const name = `r_${randomBytes(6).toString('hex')}`;
  await admin.query(`create role ${name} login password ${pg.escapeLiteral(password)} ${options}`);
  return { name, url: address({ username: name }) };
}

describe('an address', () => {
  const secret = encodeURIComponent(password);
  for (const [title, url, words] of [
    ['with a port that is none', `postgres://app:${secret}@localhost:port/db`, /port/],
    ['with a password that was not encoded', `postgres://app:${password}@localhost/db`, /%40/],
    ['of another kind of database', `mysql://app:${secret}@localhost/db`, /mysql/],
    ['with a schema that cannot be one', `postgres://app:${secret}@h/db?schema=a"b`, /a-z, 0-9/],
    ['with a parameter that is not known', `postgres://app:${secret}@h/db?ssl=yes`, /'ssl'.*known/],
    ['with no host at all', `postgres:app:${secret}`, /postgres:\/\//],
  ] as const) {
    it(`${title} is refused`, async () => {
      await secrets.refusal('store.bad_path', words, open(url));
    });
  }

  it('of a host without an address is told', async () => {
    const words = /nowhere\.invalid.*(has no address|no name server)/;
    await secrets.refusal('store.unavailable', words, open(address({ host: 'nowhere.invalid:1' })));
  });

  it('where nobody listens is told', async () => {
    const url = address({ port: '1' });
    await secrets.refusal(
      'store.unavailable',
      /127\.0\.0\.1:1\/postgres: nobody listens/,
      open(url),
    );
  });

  it('of a database that is not there is told', async () => {
    const url = cluster.url('not there');
    await secrets.refusal(
      'store.bad_path',
      /\/not there: .*there is no such database; create it/,
      open(url),
    );
  });
});

describe('rights', () => {
  it('a wrong password, or none, is told', async () => {
    const wrong = 'an0ther-one';
    const watch = new Secretive(password, wrong);
    const options = { log: watch.log };
    await watch.refusal('store.denied', /password/, open(address({ password: wrong }), options));
    await watch.refusal('store.denied', /password/, open(address({ password: '' }), options));
  });

  it('a role that may not create the schema is told, and does not leave half of it', async () => {
    const { url } = await role();
    const place = fresh(url);
    await secrets.refusal('store.denied', /permission denied for database.*grant/, open(place.url));
    const { rows } = await admin.query('select from pg_namespace where nspname = $1', [
      place.schema,
    ]);
    assert.deepEqual(rows, []);
  });

  it('a role that may only use what another one made works, and changes no table', async () => {
    const place = fresh();
    await open(place.url);
    const { name, url } = await role();
    await admin.query(
      `grant usage on schema ${place.schema} to ${name};
       grant select, insert, update, delete on all tables in schema ${place.schema} to ${name};
       grant usage on all sequences in schema ${place.schema} to ${name};`,
    );
    const hf = await open(`${url}?schema=${place.schema}`, { functions: [greet] });
    assert.equal(await (await hf.start(greet, 'role')).result(), 'hello role');
    await assert.rejects(admin.query(`set role ${name}; drop table ${place.schema}.live`), {
      code: '42501',
    });
    await admin.query('reset role');
  });

  it('a role without rights in a schema that is there is told', async () => {
    const place = fresh();
    await open(place.url);
    const { url } = await role();
    const call = open(`${url}?schema=${place.schema}`);
    await secrets.refusal('store.denied', /permission denied.*grant/, call);
  });
});

describe('a schema', () => {
  it('of a newer version is refused, and left as it is', async () => {
    const place = fresh();
    await (await open(place.url)).close();
    const marks = `${place.schema}.meta`;
    await admin.query(`update ${marks} set value = '999' where key in ('version', 'oldest')`);
    const before = (await admin.query(`select * from ${marks} order by key`)).rows;
    await secrets.refusal('store.newer_schema', /999.*update holdfast/, open(place.url));
    assert.deepEqual((await admin.query(`select * from ${marks} order by key`)).rows, before);
  });

  it('of a newer version that still takes this one is used', async () => {
    const place = fresh();
    await (await open(place.url)).close();
    await admin.query(`update ${place.schema}.meta set value = '999' where key = 'version'`);
    const hf = await open(place.url, { functions: [greet] });
    assert.equal(await (await hf.start(greet, 'older')).result(), 'hello older');
  });

  it('with tables of another program is refused, and left as it is', async () => {
    const { url, schema } = fresh();
    await admin.query(`create schema ${schema}; create table ${schema}.runs (id int)`);
    await secrets.refusal('store.corrupt', /another program.*\?schema=/, open(url));
    const text = `select relname from pg_class where relnamespace = '${schema}'::regnamespace`;
    assert.deepEqual((await admin.query(text)).rows, [{ relname: 'runs' }]);
  });

  it('that many open at once is made once', async () => {
    const { url } = fresh();
    const all = await Promise.all(Array.from({ length: 6 }, () => open(url)));
    const [first, ...others] = all;
    const run = await first?.start('greet', 'all').catch((error: unknown) => error);
    assert.equal((run as { code?: string }).code, 'function.unknown');
    for (const hf of others) assert.equal((await hf.runs.counts()).queued, 0);
  });

  it('on which two products host different functions of one name tells the second', async () => {
    const { url } = fresh();
    await open(url, { functions: [greet] });
    const other = defineFunction({
      name: 'greet',
      timeouts: { attemptMs: 7 },
      run: () => 'another product',
    });
    const call = open(url, { functions: [other] });
    await secrets.refusal('function.conflict', /greet/, call);
  });

  it('that goes away under a runtime is told', async () => {
    const { url, schema } = fresh();
    const hf = await open(url);
    await admin.query(`drop schema ${schema} cascade`);
    await secrets.refusal('store.corrupt', /restore a backup/, hf.runs.counts());
  });
});

describe('a server', () => {
  it('without a connection left is told', async () => {
    const { url } = await role('connection limit 0');
    const words = /no connection left; raise max_connections/;
    await secrets.refusal('store.unavailable', words, open(fresh(url).url));
  });

  it('that has a connection again within the patience was worth waiting for', async () => {
    const { name, url } = await role();
    await admin.query(`grant create on database postgres to ${name}`);
    const hf = await open(fresh(url).url, { busyPatienceMs: 60_000 });
    await admin.query(`alter role ${name} connection limit 0`);
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [
      name,
    ]);
    const counting = hf.runs.counts();
    const refused = `too many connections for role "${name}"`;
    await until('it was refused', () => cluster.log().includes(refused));
    await admin.query(`alter role ${name} connection limit -1`);
    assert.equal((await counting).queued, 0);
  });

  it('on which a statement takes too long is told, and used again later', async () => {
    const { url, schema } = fresh();
    const hf = await open(url, { functions: [greet] });
    const text = `select relname from pg_class where relnamespace = '${schema}'::regnamespace`;
    const tables: { relname: string }[] = (await admin.query(`${text} and relkind = 'r'`)).rows;
    const names = tables.map(({ relname }) => `${schema}.${relname}`);
    await admin.query(`begin; lock table ${names.join(', ')} in access exclusive mode`);
    try {
      await secrets.refusal('store.busy', /long transactions/, hf.start(greet, 'blocked'));
    } finally {
      await admin.query('rollback');
    }
    assert.equal(await (await hf.start(greet, 'free')).result(), 'hello free');
  });

  it('that is a standby is told, and that it takes the primary', async () => {
    const standby = await startCluster({ password, files: { 'standby.signal': '' } });
    try {
      const words = /can only be read.*primary/;
      await secrets.refusal('store.unavailable', words, open(standby.url()));
    } finally {
      await standby.dispose();
    }
  });

  it('that is too old is told', () => {
    const facts = { version: 120_022, named: '12.22', standby: false, wall: 0 };
    const refuse = (): void => refuseServer(facts, 'app@db:5432/jobs', 0, 0);
    assert.throws(refuse, { code: 'store.too_old', message: /app@db.* 12\.22; it takes 13/ });
    refuseServer({ ...facts, version: 130_000 }, 'app@db:5432/jobs', 0, 0);
  });

  it('that is down when a runtime opens is told within its patience', async () => {
    const url = fresh().url;
    await cluster.stop();
    try {
      const from = performance.now();
      await secrets.refusal('store.unavailable', /nobody listens.*start the server/, open(url));
      assert.ok(performance.now() - from < 10_000);
    } finally {
      await cluster.start();
      await connectAdmin();
    }
  });

  for (const [how, end] of [
    ['stops', () => cluster.stop()],
    ['crashes', () => cluster.kill()],
  ] as const) {
    it(`that ${how} and comes back has cost a runtime nothing but time`, async () => {
      const begun = Promise.withResolvers<void>();
      const released = Promise.withResolvers<void>();
      const hold = defineFunction({
        name: 'hold',
        run: async (_input: null, ctx) => {
          begun.resolve();
          await released.promise;
          return ctx.attempt;
        },
      });
      const hf = await open(fresh().url, { functions: [greet, hold], pollMs: 50 });
      const early = await hf.start(greet, 'early');
      assert.equal(await early.result(), 'hello early');
      const held = await hf.start(hold, null);
      await begun.promise;
      await end();
      const away = /nobody listens|connection broke|ended the connection|crashed/;
      await secrets.refusal('store.unavailable', away, hf.start(greet, 'into the void'));
      await secrets.refusal('store.unavailable', away, hf.runs.get(early.id));
      released.resolve();
      await cluster.start();
      await connectAdmin();
      const late = await hf.start(greet, 'late');
      assert.equal(await late.result({ timeoutMs: 30_000 }), 'hello late');
      assert.equal(await held.result({ timeoutMs: 30_000 }), 1, 'it was not executed again');
      assert.equal(await early.result(), 'hello early');
      const { done, queued, running } = await hf.runs.counts();
      assert.deepEqual([done, queued, running], [3, 0, 0]);
      const bad = (await hf.doctor()).filter(({ level }) => level === 'bad');
      assert.deepEqual(bad, []);
    });
  }

  it('that stays away does not keep a runtime from closing', async () => {
    const hf = await open(fresh().url, { functions: [greet] });
    assert.equal(await (await hf.start(greet, 'once')).result(), 'hello once');
    await cluster.stop();
    try {
      await within(30_000, 'it is closed', hf.close());
    } finally {
      await cluster.start();
      await connectAdmin();
    }
  });

  it('that is away for less than the patience is not even noticed', async () => {
    const { url } = fresh();
    const hf = await open(url, { functions: [greet], busyPatienceMs: 60_000 });
    await cluster.stop();
    const starting = hf.start(greet, 'patient');
    await cluster.start();
    await connectAdmin();
    assert.equal(await (await starting).result({ timeoutMs: 30_000 }), 'hello patient');
  });
});
