/** The HTTP API from the command line: keys, a server of its own, and one beside the workers. */
import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { after, describe, it } from 'node:test';
import { Holdfast } from 'holdfast';
import { appPath, call, endOf, startProcess, temporaryFolder } from './call.ts';

const folder = temporaryFolder();
after(() => folder[Symbol.dispose]());
const patience = { timeout: 60_000 };

/** A store that is there. */
async function storeAt(name: string): Promise<string> {
  const path = folder.at(`${name}.db`);
  await (await Holdfast.open({ store: path })).close();
  return path;
}

/** The first line of JSON that a process says which has the field, and the process. */
async function said(words: readonly string[], field: string) {
  const child = startProcess(words);
  assert.ok(child.stdout !== null);
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as Record<string, unknown>;
    if (typeof event[field] === 'string') return { child, event };
  }
  return assert.fail('it ended before');
}

describe('holdfast keys', patience, () => {
  it('makes a key, shows it once, lists it without its secret, and revokes it', async () => {
    const store = await storeAt('keys');
    const made = await call(['keys', 'create', 'shop', '--tenant', 'acme', '--store', store]);
    assert.match(made.out, /^hf_[0-9a-f]{16}_[\w-]{43}\n$/);
    assert.match(made.err, /shown this once/);
    const listed = await call(['keys', '--json', '--store', store]);
    const { keys } = JSON.parse(listed.out) as { keys: Record<string, unknown>[] };
    const [{ id, createdAt, ...rest } = {}] = keys;
    assert.deepEqual(rest, { name: 'shop', scope: 'start', tenant: 'acme', usedAt: null });
    assert.ok(made.out.includes(String(id)));
    assert.doesNotMatch(listed.out, new RegExp(made.out.trim().slice(20)));
    const table = await call(['keys', 'ls', '--store', store]);
    assert.match(table.out, /^ID +NAME +SCOPE +TENANT +CREATED +USED/);
    assert.equal((await call(['keys', 'revoke', String(id), '--store', store])).exit, 0);
    const again = await call(['keys', 'revoke', String(id), '--store', store]);
    assert.deepEqual([again.exit, /auth\.unknown_key/.test(again.err)], [4, true]);
  });

  it('refuses a word that is no scope, and makes no store', async () => {
    const store = await storeAt('scopes');
    const wrong = await call(['keys', 'create', 'a', '--scope', 'root', '--store', store]);
    assert.equal(wrong.exit, 2);
    const nowhere = await call(['keys', 'create', 'a', '--store', folder.at('none.db')]);
    assert.match(nowhere.err, /store\.bad_path/);
  });
});

describe('holdfast serve', patience, () => {
  it('serves until SIGTERM, and executes nothing', async () => {
    const store = await storeAt('serve');
    const words = ['serve', appPath('desk'), '--listen', '0', '--store', store, '--json'];
    const { child, event } = await said(words, 'url');
    const url = String(event.url);
    assert.equal((await fetch(`${url}/readyz`)).status, 200);
    const started = await fetch(`${url}/api/v1/functions/desk.pid/runs`, { method: 'POST' });
    assert.equal(started.status, 201);
    const { id } = (await started.json()) as { id: string };
    const run = await (await fetch(`${url}/api/v1/runs/${id}`)).json();
    assert.equal((run as { status: string }).status, 'queued');
    child.kill('SIGTERM');
    assert.deepEqual(await endOf(child), { exit: 0, signal: null });
  });

  it('refuses to be reached by others without a key, and says what to do', async () => {
    const store = await storeAt('open');
    const told = await call(['serve', '--listen', '0.0.0.0:0', '--store', store]);
    assert.equal(told.exit, 2);
    assert.match(told.err, /auth\.missing/);
    assert.match(told.err, /holdfast keys create/);
  });

  it('refuses what is no address, and a port that is taken', async () => {
    const store = await storeAt('address');
    for (const address of ['', ':', '127.0.0.1:99999', 'a:b:c', '[::1']) {
      const told = await call(['serve', '--listen', address, '--store', store]);
      assert.equal(told.exit, 2, address);
    }
    const { child, event } = await said(
      ['serve', '--listen', '0', '--store', store, '--json'],
      'url',
    );
    const { port } = new URL(String(event.url));
    const told = await call(['serve', '--listen', port, '--store', store]);
    assert.match(told.err, /EADDRINUSE/);
    child.kill('SIGINT');
    assert.deepEqual(await endOf(child), { exit: 0, signal: null });
  });
});

describe('holdfast up --http', patience, () => {
  it('serves from the first worker, beside what it executes', async () => {
    const store = folder.at('up.db');
    const words = ['up', appPath('desk'), '--workers', '2', '--http', '127.0.0.1:0'];
    const { child, event } = await said([...words, '--store', store, '--json'], 'http');
    const url = String(event.http);
    const started = await fetch(`${url}/api/v1/functions/desk.pid/runs`, { method: 'POST' });
    const { id } = (await started.json()) as { id: string };
    const result = await fetch(`${url}/api/v1/runs/${id}/result?waitMs=30000`);
    assert.equal(result.status, 200);
    child.kill('SIGTERM');
    assert.deepEqual(await endOf(child), { exit: 0, signal: null });
  });

  it('refuses options of the API without its address', async () => {
    const words = ['up', appPath('desk'), '--allow-anonymous', '--store', folder.at('no.db')];
    const told = await call(words);
    assert.deepEqual([told.exit, /--http/.test(told.err)], [2, true]);
  });
});
