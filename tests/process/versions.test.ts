/**
 * New code under running runs, with a process for each node: what a version has begun it ends,
 * and what nobody can go on with waits where everybody sees it.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Holdfast, type Run } from 'holdfast';
import { testServer } from '../postgres/server.ts';
import type { VersionsOrder } from './versions-worker.ts';
import { hostMs, patienceMs, within } from './wait.ts';

/** A node that is ready. */
async function node(
  t: TestContext,
  store: string,
  ...versions: readonly string[]
): Promise<ChildProcess> {
  const order: VersionsOrder = { store, name: `v${versions.join('+')}`, versions };
  const child = fork(join(import.meta.dirname, 'versions-worker.ts'), [JSON.stringify(order)], {
    execArgv: ['--conditions=holdfast-source'],
  });
  t.after(() => child.kill('SIGKILL'));
  await within(patienceMs, `a node of ${versions} is ready`, once(child, 'message'));
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGTERM');
  await within(patienceMs, 'the node is gone', gone);
}

/** Looks until a run is as it should be. */
async function seen(hf: Holdfast, id: string, fits: (run: Run) => boolean): Promise<Run> {
  const givesUpAt = hostMs() + patienceMs;
  for (;;) {
    const run = await hf.runs.get(id);
    assert.ok(run !== null);
    if (fits(run)) return run;
    assert.ok(hostMs() < givesUpAt, `run ${id} is ${run.status} at ${run.gate}`);
    await turn();
  }
}

const parked = ({ status }: Run): boolean => status === 'parked';
const plain = { failsFirst: false };

interface Result {
  readonly begun: string;
  readonly ended: string;
  readonly pid: number;
}

async function deploying(t: TestContext, store: string): Promise<void> {
  const hf = await Holdfast.open({ store, execute: false });
  t.after(() => hf.close());
  const first = await node(t, store, '1');
  const old = await hf.start('charge', plain);
  await seen(hf, old.id, parked);
  await stop(first);
  const second = await node(t, store, '2');
  await hf.emit('go', null);
  await seen(hf, old.id, ({ gate }) => gate === 'slot');
  // The node looks for work, and takes what it can execute.
  const fresh = await hf.start('charge', plain);
  await seen(hf, fresh.id, parked);
  const waits = await seen(hf, old.id, () => true);
  assert.deepEqual([waits.gate, waits.attempt, waits.pin], ['slot', 1, '1']);
  assert.equal(
    (await hf.runs.explain(old.id)).sentence,
    "It waits for version '1' of 'charge', which no live node hosts.",
  );
  const [listed] = await hf.functions.list();
  assert.deepEqual(listed?.pinned, [
    { version: '1', unfinished: 1, waiting: 1, hosted: false },
    { version: '2', unfinished: 1, waiting: 0, hosted: true },
  ]);
  const both = await node(t, store, '1', '2');
  const result = (await old.result({ timeoutMs: patienceMs })) as Result;
  assert.deepEqual([result.begun, result.ended], [`1 in ${first.pid}`, '1']);
  assert.equal(result.pid, both.pid);
  await stop(second);
  const last = await hf.start('charge', plain);
  await seen(hf, last.id, parked);
  await hf.emit('go', null);
  for (const run of [fresh, last]) {
    assert.equal(((await run.result({ timeoutMs: patienceMs })) as Result).ended, '2');
  }
}

async function sideBySide(t: TestContext, store: string): Promise<void> {
  const hf = await Holdfast.open({ store, execute: false });
  t.after(() => hf.close());
  const nodes = await Promise.all([node(t, store, '1'), node(t, store, '2')]);
  const items = Array.from({ length: 24 }, (_, at) => ({ input: { failsFirst: at % 2 === 0 } }));
  const started = await hf.startMany('charge', items);
  const runs = started.map((one) => (one.ok ? one.run : assert.fail(String(one.error))));
  for (const { id } of runs) await seen(hf, id, parked);
  await hf.emit('go', null);
  const pids = new Map(nodes.map(({ pid }, at) => [pid, String(at + 1)]));
  for (const run of runs) {
    const { begun, ended, pid } = (await run.result({ timeoutMs: patienceMs })) as Result;
    assert.equal(begun, `${ended} in ${pid}`, 'it has ended where its code is');
    assert.equal(pids.get(pid), ended);
  }
}

describe('a deploy under running runs', () => {
  for (const [title, story] of Object.entries({
    'ends what each version has begun, and says what waits for whom': deploying,
    'may take its time: nodes of both versions work side by side': sideBySide,
  })) {
    it(`${title}, on a file`, async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'holdfast-versions-'));
      // Behind the end of whoever uses it.
      await story(t, join(folder, 'store.db')).finally(() =>
        t.after(() => rm(folder, { recursive: true, force: true })),
      );
    });

    it(`${title}, on Postgres`, async (t) => {
      const { url, drop } = await (await testServer()).freshDatabase();
      await story(t, url).finally(() => t.after(drop));
    });
  }
});
