/**
 * SIGKILL at each point of a step in a transaction, from before its first statement to after its
 * record: the effect is there once, and the result is the one that was kept with it.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Holdfast } from 'holdfast';
import { type FreshSchema, type TestServer, testServer } from '../postgres/server.ts';
import { cannotFreeze } from './scene.ts';
import { bookOnce, heldFrom, type KillPoint, type TransactionOrder } from './transaction-worker.ts';
import { hostMs, patienceMs, within } from './wait.ts';

/** What is said to the database from the beginning of such a step to its end. */
const said = [
  'begin isolation',
  'begin_result',
  'insert into',
  'keep_result',
  'commit',
  '.record(',
];
const points: readonly KillPoint[] = said.flatMap((text) =>
  (['before', 'said', 'after'] as const).map((when) => ({ when, text })),
);

let server: TestServer;
let place: FreshSchema;
let hf: Holdfast;
const children: ChildProcess[] = [];

before(async () => {
  server = await testServer();
  place = server.freshSchema();
  hf = await Holdfast.open({ store: place.url, functions: [bookOnce(null)], execute: false });
  await server.query(
    `create table "${place.schema}".ledger (
      run text not null, number integer not null, place integer generated always as identity)`,
  );
});
after(async () => {
  for (const child of children) child.kill('SIGKILL');
  await hf.close();
  await place.drop();
});

/** A node that is at work. */
async function worker(more: Partial<TransactionOrder> = {}): Promise<ChildProcess> {
  const order: TransactionOrder = { store: place.url, schema: place.schema, ...more };
  const child = fork(join(import.meta.dirname, 'transaction-worker.ts'), [JSON.stringify(order)], {
    execArgv: ['--conditions=holdfast-source'],
  });
  children.push(child);
  await within(patienceMs, 'the worker is ready', once(child, 'message'));
  return child;
}

describe('a step in a transaction whose process is killed', { timeout: 240_000 }, () => {
  it('has its effect once, wherever that was', async (t) => {
    let node = await worker();
    for (const [order, point] of points.entries()) {
      const where = `${point.when} '${point.text}'`;
      const armed = once(node, 'message');
      node.send(point);
      await within(patienceMs, 'the worker knows where', armed);
      const gone = once(node, 'exit');
      const run = await hf.start(bookOnce(null), order);
      const [, signal] = await within(patienceMs, `it is killed ${where}`, gone);
      assert.equal(signal, 'SIGKILL', where);
      assert.equal((await run.get())?.outcome, null, where);
      node = await worker();
      const [placed, told] = (await run.result({ timeoutMs: patienceMs })) as [number, string];
      const rows = await server.query(`select place from "${place.schema}".ledger where run = $1`, [
        run.id,
      ]);
      assert.deepEqual(rows, [{ place: placed }], where);
      assert.equal(told, `booked ${order}`);
    }
    t.diagnostic(`killed at ${points.length} points`);
    node.kill('SIGKILL');
    await once(node, 'exit');
  });

  const skip = cannotFreeze;
  it('is done by the next owner when one that was frozen in it has gone on', { skip }, async () => {
    const leaseTtlMs = 2_500;
    const frozen = await worker({ leaseTtlMs });
    const written = once(frozen, 'message');
    const run = await hf.start(bookOnce(null), heldFrom);
    await within(patienceMs, 'it has written', written);
    const heir = await worker({ leaseTtlMs });
    frozen.kill('SIGSTOP');
    await blocked();
    assert.ok(((await run.get())?.attempt ?? 0) > 1, 'the heir owns the run, and waits');
    frozen.kill('SIGCONT');
    frozen.send('go on');
    await within(patienceMs, 'the heir has written', once(heir, 'message'));
    heir.send('go on');
    const [placed] = (await run.result({ timeoutMs: patienceMs })) as [number, string];
    const rows = await server.query(`select place from "${place.schema}".ledger where run = $1`, [
      run.id,
    ]);
    assert.deepEqual(rows, [{ place: placed }]);
  });
});

/** Waits until a step waits for the transaction of another one. */
async function blocked(): Promise<void> {
  for (const givesUpAt = hostMs() + patienceMs; hostMs() < givesUpAt; ) {
    const waiting = await server.query(
      `select 1 from pg_stat_activity where application_name = $1 and wait_event_type = 'Lock'`,
      [`holdfast ${place.schema} steps`],
    );
    if (waiting.length > 0) return;
    await turn();
  }
  assert.fail('nobody waits for the transaction');
}
