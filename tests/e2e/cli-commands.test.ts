import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Holdfast } from 'holdfast';
import * as desk from './apps/desk.ts';
import { appPath, type Called, call, temporaryFolder } from './call.ts';

const folder = temporaryFolder();
const store = folder.at('desk.db');
const on = (...words: string[]) => call([...words, '--store', store]);
const asked = (answer: string, ...words: string[]) =>
  call([...words, '--store', store], { answer });

/** A command that must succeed, and its JSON. */
async function json<T>(...words: string[]): Promise<T> {
  const called = await on(...words, '--json');
  assert.equal(called.exit, 0, called.err);
  return JSON.parse(called.out) as T;
}

/** Cells of a table, without its titles. */
const cells = ({ out }: Called): string[][] =>
  out
    .trimEnd()
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/ {2,}/));

interface Listed {
  readonly runs: readonly { readonly id: string; readonly fn: string }[];
  readonly next: string | null;
}

describe('the command line on a store with a node', () => {
  let hf: Holdfast;
  before(async () => {
    const functions = [desk.wait, ...desk.others];
    hf = await Holdfast.open({ store, functions, name: 'desk-1', slots: 4 });
  });
  after(async () => {
    await hf.drain({ graceMs: 0 });
    await hf.close();
    folder[Symbol.dispose]();
  });

  it('starts a run, waits for it and prints its result and nothing else', async () => {
    const called = await on('start', 'desk.greet', '{"name":"Ada"}', '--wait');
    assert.deepEqual([called.exit, called.out], [0, 'hello, Ada\n']);
    const { id, created, result } = await json<Record<string, unknown>>(
      ...['start', 'desk.greet', '{"name":"Bea"}', '--wait'],
    );
    assert.deepEqual([typeof id, created, result], ['string', true, 'hello, Bea']);
  });

  it('takes the input from a file and from standard input as well', async () => {
    const fromInput = await call(['start', 'desk.greet', '-', '--wait', '--store', store], {
      input: '{"name":"Cleo"}',
    });
    assert.equal(fromInput.out, 'hello, Cleo\n');
    const file = folder.at('input.json');
    await import('node:fs/promises').then((fs) => fs.writeFile(file, '{"name":"Dora"}'));
    assert.equal((await on('start', 'desk.greet', `@${file}`, '--wait')).out, 'hello, Dora\n');
  });

  it('starts by name alone with what the nodes told, and says what is not checked', async () => {
    const byName = await on('start', 'desk.greet', '{"name":"E"}', '--id', 'e-1');
    assert.equal(byName.out, 'e-1\n');
    assert.match(byName.err, /^started by name alone: without --app the input is checked when/);
    assert.equal((await json<{ tenant: string }>('show', 'e-1')).tenant, 'house');
  });

  it('refuses by name alone what takes the input, unless it is given', async () => {
    const refused = await on('start', 'desk.seat', '{"name":"E"}');
    assert.equal(refused.exit, 2);
    assert.match(
      refused.err,
      /the tenant of 'desk\.seat' could not be computed .*request\.invalid/,
    );
    const given = await on('start', 'desk.seat', '{"name":"E"}', '--tenant', 'x', '--id', 'seat-1');
    assert.equal(given.exit, 0);
    assert.equal((await json<{ tenant: string }>('show', 'seat-1')).tenant, 'x');
  });

  it('uses the definition of an app module when it is given', async () => {
    const app = appPath('desk');
    const called = await on('start', 'desk.seat', '{"name":"F"}', '--id', 'f-1', '--app', app);
    assert.deepEqual([called.exit, called.out, called.err], [0, 'f-1\n', '']);
    assert.equal((await json<{ tenant: string }>('show', 'f-1')).tenant, 'house-F');
    const setting = { env: { HOLDFAST_APP: app, HOLDFAST_STORE: store } };
    await call(['start', 'desk.seat', '{"name":"G"}', '--id', 'g-1'], setting);
    assert.equal((await json<{ tenant: string }>('show', 'g-1')).tenant, 'house-G');
  });

  it('gives every option of a start to the run', async () => {
    const options = ['--id', 'h-1', '--tenant', 't', '--priority', '-5', '--lane', 'l'];
    const more = ['--lane-width', '3', '--delay', '1h', '--deadline', '2h'];
    const tags = ['--tag', 'red', '--tag', 'blue'];
    await on('start', 'desk.greet', '{"name":"H"}', ...options, ...more, ...tags);
    const run = await json<Record<string, unknown>>('show', 'h-1');
    const { tenant, prioritySeconds, lane, laneWidth, status, gate, tags: kept } = run;
    assert.deepEqual(
      { tenant, prioritySeconds, lane, laneWidth, status, gate, kept },
      {
        ...{ tenant: 't', prioritySeconds: -5, lane: 'l', laneWidth: 3 },
        ...{ status: 'queued', gate: 'time', kept: ['red', 'blue'] },
      },
    );
    const wait = Number(run.dueAt) - Number(run.acceptedAt);
    assert.ok(Math.abs(wait - 3_600_000) < 1_000, `due after ${wait} ms`);
    assert.ok(Math.abs(Number(run.deadlineAt) - Number(run.acceptedAt) - 7_200_000) < 1_000);
    assert.equal((await on('cancel', 'h-1', '--reason', 'enough')).out, 'cancelled h-1\n');
  });

  it('says how a run ended that did not succeed, and exits with 1', async () => {
    const called = await on('start', 'desk.fail', '--wait', '--app', appPath('desk'));
    assert.equal(called.exit, 1);
    assert.match(called.err, /ended as failed: the desk is on fire .*\[run\.not_succeeded\]/);
    assert.doesNotMatch(called.err, /^ {4}at /m);
  });

  it('gives up waiting after the timeout, and the run goes on', async () => {
    const called = await on('start', 'desk.wait', '--id', 'w-0', '--wait', '--timeout', '1ms');
    assert.equal(called.exit, 8);
    assert.match(called.err, /it goes on \[wait\.timeout\]\n {2}look again later/);
    await on('cancel', 'w-0');
    assert.equal((await hf.runs.handle('w-0').outcome()).kind, 'cancelled');
  });

  it('lists runs by filter, a page at a time', async () => {
    for (const id of ['p-1', 'p-2', 'p-3']) {
      await on('start', 'desk.greet', '{"name":"P"}', '--id', id, '--tag', 'page', '--delay', '1h');
    }
    const first = await json<Listed>('ls', '--tag', 'page', '--limit', '2');
    assert.deepEqual(
      first.runs.map(({ id }) => id),
      ['p-3', 'p-2'],
    );
    const second = await json<Listed>(...['ls', '--tag', 'page', '--cursor', String(first.next)]);
    assert.deepEqual(
      second.runs.map(({ id }) => id),
      ['p-1'],
    );
    const shown = await on('ls', '--tag', 'page', '--function', 'desk.greet', '--since', '1h');
    assert.deepEqual(
      cells(shown).map(([id, state, fn]) => [id, state, fn]),
      [
        ['p-3', 'queued', 'desk.greet'],
        ['p-2', 'queued', 'desk.greet'],
        ['p-1', 'queued', 'desk.greet'],
      ],
    );
    const none = await on('ls', '--tag', 'page', '--status', 'done');
    assert.deepEqual([none.exit, none.out, none.err], [0, '', 'no run matches\n']);
  });

  it('counts what a bulk command is about to change, and asks', async () => {
    const filter = ['--where', 'tag=page'];
    const refused = await on('cancel', ...filter);
    assert.equal(refused.exit, 2);
    assert.match(refused.err, /^3 runs match\nholdfast: nobody can be asked here.*\n {2}add --yes/);
    const no = await asked('n', 'cancel', ...filter);
    assert.equal(no.err, '3 runs match\ncancel them? [y/N] nothing was changed\n');
    assert.equal((await asked('y', 'cancel', ...filter)).out, 'cancelled 3 of 3\n');
    assert.deepEqual(await json('cancel', ...filter, '--yes'), { matched: 0, changed: 0 });
    assert.deepEqual(await json('retry', ...filter, '--yes'), { matched: 3, changed: 3 });
  });

  it('retries one run under a new id that names the old one', async () => {
    await on('start', 'desk.greet', '{"name":"R"}', '--id', 'r-1', '--delay', '1h');
    await on('cancel', 'r-1');
    const { id, retryOf } = await json<{ id: string; retryOf: string }>('retry', 'r-1');
    assert.equal(retryOf, 'r-1');
    assert.equal(await hf.runs.result(id), 'hello, R');
  });

  it('shows a run whole: state, why, input, result, attempts', async () => {
    await on('start', 'desk.greet', '{"name":"S"}', '--id', 's-1', '--wait');
    const shown = await on('show', 's-1');
    assert.match(shown.out, /^id {8}s-1\nstate {5}succeeded\nwhy {7}It succeeded after one/);
    assert.match(shown.out, /\ninput\n {2}\{\n {4}"name": "S"\n {2}\}\nresult {4}"hello, S"\n/);
    assert.match(shown.out, /\nTRY {2}END .*\n {2}1 {2}succeeded/);
    const explained = await json<{ explanation: string }>('show', 's-1');
    assert.equal(`${explained.explanation}\n`, (await on('explain', 's-1')).out);
  });

  it('shows log lines without letting them at the terminal', async () => {
    await on('start', 'desk.greet', '{"name":"L"}', '--id', 'l-1', '--wait');
    const called = await on('logs', 'l-1', '--follow');
    const [first, second] = called.out.split('\n');
    assert.match(first ?? '', /Z #1 info {2}greeting \{"name":"L"\}$/);
    assert.match(second ?? '', /warn {2}done \\u001b\[31mgreeting$/);
    const records = await on('logs', 'l-1', '--json');
    const [line] = records.out
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text));
    assert.deepEqual([line.n, line.level, line.fields], [1, 'info', { name: 'L' }]);
  });

  it('follows the log of a run until it has ended', async () => {
    await on('start', 'desk.wait', '--id', 'w-1');
    const following = on('logs', 'w-1', '--follow');
    await on('cancel', 'w-1');
    assert.equal((await following).exit, 0);
    assert.equal((await hf.runs.get('w-1'))?.outcome?.kind, 'cancelled');
  });

  it('shows nodes, functions, lanes and tenants', async () => {
    await on('start', 'desk.wait', '--id', 'n-1', '--app', appPath('desk'));
    await on('start', 'desk.wait', '--id', 'n-2', '--app', appPath('desk'));
    assert.deepEqual(cells(await on('nodes'))[0]?.slice(0, 3), [
      'desk-1',
      'live',
      `${process.pid}`,
    ]);
    assert.ok(cells(await on('functions')).some(([name]) => name === 'desk.greet'));
    const lane = cells(await on('lanes')).find(([key]) => key === 'door');
    assert.deepEqual([lane?.[1], lane?.[2], lane?.[4]], ['open', '1', 'n-1']);
    assert.match((await on('explain', 'n-2')).out, /^Its lane 'door' is held by run 'n-1'/);
    assert.ok(cells(await on('tenants')).some(([tenant]) => tenant === 'default'));
    await on('cancel', 'n-2', 'n-1');
    for (const kind of ['nodes', 'functions', 'lanes', 'tenants']) {
      const document = await json<Record<string, unknown>>(kind);
      assert.ok(Array.isArray(document[kind]), kind);
    }
  });

  it('sets the terms of a tenant', async () => {
    await on('tenants', 'set', 'acme', '--weight', '2.5', '--running-max', '7');
    await on('tenants', 'set', 'acme', '--waiting-max', '9', '--running-max', 'none');
    const { tenants } = await json<{ tenants: readonly { tenant: string }[] }>('tenants');
    assert.deepEqual(
      tenants.find(({ tenant }) => tenant === 'acme'),
      { tenant: 'acme', weight: 2.5, runningMax: null, waitingMax: 9, holding: 0 },
    );
    assert.equal((await on('tenants', 'set', 'acme')).exit, 2);
    assert.equal((await on('tenants', 'set', 'acme', '--weight', '0')).exit, 2);
  });

  it('pauses and resumes functions and lanes, and lists what is paused', async () => {
    await on('pause', 'function', 'desk.pid', '--reason', 'for now');
    await on('pause', 'lane', 'side door');
    const { pauses } = await json<{ pauses: readonly { key: string }[] }>('pause');
    assert.deepEqual(pauses.map(({ key }) => key).sort(), ['desk.pid', 'side door']);
    assert.match((await on('pause')).out, /function 'desk\.pid' paused .* ago: for now\n/);
    await on('start', 'desk.pid', '--id', 'q-1');
    assert.match((await on('explain', 'q-1')).out, /^Its function 'desk\.pid' is paused.*for now/);
    await on('resume', 'function', 'desk.pid');
    await on('resume', 'lane', 'side door');
    assert.equal(await hf.runs.result('q-1'), process.pid);
    assert.equal((await on('pause')).err, 'nothing is paused\n');
  });

  it('prunes what is past its retention, and finds the store well', async () => {
    assert.deepEqual(await json('prune'), { pruned: 0 });
    const { healthy, findings } = await json<{ healthy: boolean; findings: unknown[] }>('doctor');
    assert.ok(healthy);
    assert.match((await on('doctor')).out, new RegExp(`\\n${findings.length} checks, .*0 bad\\n$`));
  });
});
