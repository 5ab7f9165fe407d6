import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { certify, needsOpenssl } from '../../../tests/postgres/certificates.ts';
import { type Cluster, startCluster } from '../../../tests/postgres/cluster.ts';
import { testServer } from '../../../tests/postgres/server.ts';
import { parsePostgresAddress } from './address.ts';
import { type ConnectOptions, connectPostgres, dropConnection } from './connect.ts';

const waitsAtMost = { timeout: 60_000 };
const options: ConnectOptions = {
  applicationName: 'holdfast test',
  connectTimeoutMs: 10_000,
  statementTimeoutMs: 50,
  lockTimeoutMs: 30,
  idleInTransactionTimeoutMs: 7_000,
  settings: { synchronous_commit: 'off', search_path: '"a \\b", c' },
};

const open = async (t: TestContext, url: string, also: Partial<ConnectOptions> = {}) => {
  const client = await connectPostgres(parsePostgresAddress(url), { ...options, ...also });
  t.after(() => client.end());
  return client;
};

type Client = Awaited<ReturnType<typeof open>>;

async function settingsOf(client: Client): Promise<unknown> {
  const { rows } = await client.query(`select current_setting('application_name') as application,
    current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
    current_setting('idle_in_transaction_session_timeout') as idle,
    current_setting('synchronous_commit') as commit, current_setting('search_path') as path`);
  return rows[0];
}

const expected = {
  application: 'holdfast test',
  statement: '50ms',
  lock: '30ms',
  idle: '7s',
  commit: 'off',
  path: '"a \\b", c',
};

/** What is left of a greeting: nothing but a refusal, or what the server gets to see. */
type Meets = (greeting: Buffer) => { readonly refusal: string } | { readonly greeting: Buffer };

/** Refuses, or hands on to the server, each connection that is made, by its greeting. */
async function pooler(t: TestContext, target: string, meets: Meets) {
  const { hostname, port } = new URL(target);
  const greetings: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (greeting: Buffer) => {
      greetings.push(greeting.toString('latin1'));
      const met = meets(greeting);
      if ('refusal' in met) {
        const body = Buffer.from(`SFATAL\0VFATAL\0C08P01\0M${met.refusal}\0\0`);
        const head = Buffer.from([0x45, 0, 0, 0, body.length + 4]);
        socket.end(Buffer.concat([head, body]));
        return;
      }
      const server = connect(Number(port), hostname);
      server.on('error', () => {});
      server.write(met.greeting);
      socket.pipe(server).pipe(socket);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as AddressInfo).port);
  return { url: url.href, greetings };
}

/** A greeting without the settings in it, as of a pooler that ignores them. */
function withoutOptions(greeting: Buffer): Buffer {
  const words = greeting.toString('latin1', 8).split('\0');
  const kept: string[] = [];
  for (let at = 0; words[at]; at += 2) {
    const [name = '', value = ''] = words.slice(at, at + 2);
    if (name !== 'options') kept.push(name, value);
  }
  const body = Buffer.from(`${kept.join('\0')}\0\0`, 'latin1');
  const head = Buffer.from(greeting.subarray(0, 8));
  head.writeInt32BE(head.length + body.length);
  return Buffer.concat([head, body]);
}

const ignoring: Meets = (greeting) => ({ greeting: withoutOptions(greeting) });

describe('a connection', waitsAtMost, () => {
  it('C1: has its settings from the first statement on', async (t) => {
    const { url } = await testServer();
    assert.deepEqual(await settingsOf(await open(t, url)), expected);
  });

  it('C1: has them also behind a pooler that refuses them in the greeting', async (t) => {
    const between = await pooler(t, (await testServer()).url, (greeting) =>
      greeting.includes('options\0')
        ? { refusal: 'unsupported startup parameter: options' }
        : { greeting },
    );
    assert.deepEqual(await settingsOf(await open(t, between.url)), expected);
    assert.equal(between.greetings.length, 2);
  });

  it('C1: has them also behind a pooler that drops them without a word', async (t) => {
    const between = await pooler(t, (await testServer()).url, ignoring);
    assert.deepEqual(await settingsOf(await open(t, between.url)), expected);
    assert.equal(between.greetings.length, 1);
  });

  it("C1: refuses a session that is somebody else's, too", async (t) => {
    const server = await testServer();
    const { url, drop } = await server.freshDatabase();
    t.after(drop);
    const name = new URL(url).pathname.slice(1);
    await server.query(`alter database "${name}" set holdfast.session = 'set'`);
    const between = await pooler(t, url, ignoring);
    const shared = { code: 'store.bad_path', message: /pool_mode = session/ };
    await assert.rejects(open(t, between.url), shared);
  });

  it('gives up in time where nobody answers', async (t) => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    t.after(() => silent.close());
    const { port } = silent.address() as AddressInfo;
    const connecting = open(t, `postgres://u@127.0.0.1:${port}/d`, { connectTimeoutMs: 50 });
    await assert.rejects(connecting, { code: 'store.unavailable', message: /in time/ });
  });

  it('is given up when its maker says so', async (t) => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    const accepted = once(silent, 'connection');
    await once(silent, 'listening');
    t.after(() => silent.close());
    const { port } = silent.address() as AddressInfo;
    const giveUp = new AbortController();
    const url = `postgres://u@127.0.0.1:${port}/d`;
    const connecting = open(t, url, { signal: giveUp.signal });
    await accepted;
    giveUp.abort();
    await assert.rejects(connecting, { code: 'store.unavailable' });
    await assert.rejects(open(t, url, { signal: giveUp.signal }));
  });

  it('is refused in our words, without the password', async (t) => {
    const server = await testServer();
    const missing = new URL(server.url);
    missing.pathname = '/nope';
    missing.password = 's3cret';
    await assert.rejects(open(t, missing.href), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'store.bad_path');
      assert.doesNotMatch(error.message, /s3cret/);
      return true;
    });
    await assert.rejects(open(t, 'postgres://u@127.0.0.1:1/d'), { code: 'store.unavailable' });
    const socket = open(t, `postgres:///d?host=${join(tmpdir(), 'no-such-folder')}`);
    await assert.rejects(socket, { code: 'store.unavailable', message: /no such socket/ });
  });

  it('C2: may break while nobody uses it', async (t) => {
    const server = await testServer();
    const client = await connectPostgres(parsePostgresAddress(server.url), options);
    const ended = new Promise<void>((resolve) => client.on('end', resolve));
    const { rows } = await client.query('select pg_backend_pid() as pid');
    await server.query('select pg_terminate_backend($1)', [rows[0].pid]);
    await ended;
    const other = await open(t, server.url);
    const dropped = new Promise<void>((resolve) => other.on('end', resolve));
    dropConnection(other);
    await dropped;
  });
});

describe('TLS', { ...waitsAtMost, ...needsOpenssl }, () => {
  let folder: string;
  let cluster: Cluster;
  const file = (name: string): string => join(folder, name);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-tls-'));
    const { key, cert } = certify(folder, 'server', 'localhost');
    certify(folder, 'other', 'other.example.org');
    cluster = await startCluster({
      password: 's3cret',
      settings: { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' },
      files: { 'server.crt': cert, 'server.key': key },
    });
  });
  after(async () => {
    await cluster.dispose();
    rmSync(folder, { recursive: true });
  });

  const url = (query: string, host = 'localhost', password = 's3cret'): string =>
    `postgres://postgres:${password}@${host}:${cluster.port}/postgres?${query}`;
  const encrypted = async (t: TestContext, address: string): Promise<boolean> => {
    const client = await open(t, address);
    const text = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()';
    return (await client.query(text)).rows[0].ssl;
  };

  it('is on exactly if it was asked for', async (t) => {
    assert.equal(await encrypted(t, url('sslmode=disable')), false);
    assert.equal(await encrypted(t, url('')), false);
    assert.equal(await encrypted(t, url('sslmode=require')), true);
  });

  it('T1: checks who the server is, as far as the mode says', async (t) => {
    const [own, other] = [file('server.crt'), file('other.crt')];
    assert.equal(await encrypted(t, url(`sslmode=verify-full&sslrootcert=${own}`)), true);
    assert.equal(
      await encrypted(t, url(`sslmode=verify-ca&sslrootcert=${own}`, '127.0.0.1')),
      true,
    );
    const denied = { code: 'store.denied', message: /certificate of the server is not trusted/ };
    for (const address of [
      url('sslmode=verify-full'),
      url(`sslmode=verify-full&sslrootcert=${other}`),
      url(`sslmode=verify-full&sslrootcert=${own}`, '127.0.0.1'),
      url(`sslmode=verify-ca&sslrootcert=${other}`),
      url(`sslmode=require&sslrootcert=${other}`),
    ]) {
      await assert.rejects(open(t, address), denied, address);
    }
  });

  it('binds the password to the channel', async (t) => {
    assert.equal(await encrypted(t, url('sslmode=require&channel_binding=prefer')), true);
  });

  it('does not help a wrong password, nor a missing one', async (t) => {
    const denied = { code: 'store.denied' };
    await assert.rejects(open(t, url('sslmode=require', 'localhost', 'wrong')), denied);
    const none = `postgres://postgres@localhost:${cluster.port}/postgres`;
    await assert.rejects(open(t, none), { ...denied, message: /asks for a password; give one/ });
  });
});
