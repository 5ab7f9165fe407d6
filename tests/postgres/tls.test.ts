/**
 * A store behind TLS, on a server that lets nobody in without it: every connection that a runtime
 * makes is encrypted, those of its threads included, and checks who the server is as far as the
 * mode of the address says.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { defineFunction, Holdfast } from 'holdfast';
import pg from 'pg';
import { call } from '../e2e/call.ts';
import { certify, needsOpenssl } from './certificates.ts';
import { type Cluster, startCluster } from './cluster.ts';
import { Secretive } from './secretive.ts';

const password = 's3cret:pass@word';
const secrets = new Secretive(password);

const paid = defineFunction({
  name: 'paid',
  lane: 'one',
  run: (_: null, ctx) =>
    ctx.transaction('look', async (tx) => {
      await tx.query('select 1');
      return 'paid';
    }),
});
const roles = ['', ' beat', ' decide', ' steps', ' wake'];

describe('a store behind TLS', { timeout: 120_000, ...needsOpenssl }, () => {
  let folder: string;
  let cluster: Cluster;
  const file = (name: string): string => join(folder, name);

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-tls-'));
    const { key, cert } = certify(folder, 'server', 'localhost');
    certify(folder, 'other', 'localhost');
    cluster = await startCluster({
      password,
      settings: { ssl: 'on', ssl_cert_file: 'server.crt', ssl_key_file: 'server.key' },
      files: {
        'server.crt': cert,
        'server.key': key,
        'pg_hba.conf': 'hostssl all all all scram-sha-256\n',
      },
    });
  });
  after(async () => {
    await cluster.dispose();
    rmSync(folder, { recursive: true });
  });

  /** An address on the server, in a schema of its own. */
  const url = (schema: string, query: string, host = 'localhost'): string => {
    const secret = encodeURIComponent(password);
    const rest = query === '' ? '' : `&${query}`;
    return `postgres://postgres:${secret}@${host}:${cluster.port}/postgres?schema=${schema}${rest}`;
  };
  const open = (store: string) =>
    Holdfast.open({ store, functions: [paid], log: secrets.log, drainGraceMs: 0 });

  async function connect(): Promise<pg.Client> {
    const ssl = { ca: readFileSync(file('server.crt'), 'utf8') };
    const options = { host: 'localhost', port: cluster.port, user: 'postgres', password, ssl };
    const client = new pg.Client({ ...options, database: 'postgres' });
    await client.connect();
    return client;
  }

  /** Waits until every connection of a runtime is there: one that works has all. */
  async function encrypted(schema: string): Promise<void> {
    const text = `select distinct application_name as name from pg_stat_ssl
      join pg_stat_activity using (pid) where ssl and application_name like $1 order by name`;
    const expected = roles.map((role) => `holdfast ${schema}${role}`).join();
    const client = await connect();
    try {
      for (let names = ''; names !== expected; ) {
        const { rows } = await client.query(text, [`holdfast ${schema}%`]);
        names = rows.map(({ name }) => name).join();
      }
    } finally {
      await client.end();
    }
  }

  for (const mode of ['require', 'verify-ca', 'verify-full']) {
    it(`works with sslmode=${mode}, in all of its threads`, async () => {
      const schema = `s_${mode.replace('-', '_')}`;
      const root = mode === 'require' ? '' : `&sslrootcert=${file('server.crt')}`;
      await using hf = await open(url(schema, `sslmode=${mode}${root}`));
      assert.equal(await (await hf.start(paid, null)).result(), 'paid');
      await encrypted(schema);
      secrets.isKept();
    });
  }

  it('is refused where the server is not the one that was meant', async () => {
    const words = /certificate of the server is not trusted; .*sslrootcert/;
    const [own, other] = [file('server.crt'), file('other.crt')];
    for (const address of [
      url('s', `sslmode=verify-full&sslrootcert=${other}`),
      url('s', `sslmode=verify-ca&sslrootcert=${other}`),
      url('s', 'sslmode=verify-full'),
      url('s', `sslmode=verify-full&sslrootcert=${own}`, '127.0.0.1'),
    ]) {
      await secrets.refusal('store.denied', words, open(address));
    }
    await secrets.refusal('store.denied', /add sslmode=require/, open(url('s', '')));
  });

  it('is migrated by the command line, and not where the authority is another one', async () => {
    const migrate = async (authority: string) => {
      const store = url('m', `sslmode=verify-full&sslrootcert=${file(authority)}`);
      const called = await call(['migrate'], { env: { HOLDFAST_STORE: store } });
      secrets.hear(called.out, called.err);
      return called;
    };
    const refused = await migrate('other.crt');
    assert.equal(refused.exit, 2, refused.err);
    assert.match(refused.err, /not trusted.*\[store\.denied\]/);
    const done = await migrate('server.crt');
    assert.equal(done.exit, 0, done.err);
    const client = await connect();
    const { rows } = await client.query('select count(*)::int as tables from m.meta');
    await client.end();
    assert.ok(rows[0].tables > 0);
    secrets.isKept();
  });

  it('is found again by every connection after the server was restarted', async () => {
    const root = `sslrootcert=${file('server.crt')}`;
    await using hf = await open(url('s_again', `sslmode=verify-full&${root}`));
    await (await hf.start(paid, null)).result();
    await cluster.stop();
    await cluster.start();
    assert.equal(await (await hf.start(paid, null)).result(), 'paid');
    await encrypted('s_again');
    secrets.isKept();
  });
});
