/** The order over many functions, and what finding it costs. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openHandWorld } from '../../../tests/verbs/hand-world.ts';
import { monoMs } from '../../core/time.ts';
import { openTables } from '../memory/tables.ts';
import { claim } from './claim.ts';
import type { Tables } from './tables.ts';
import { openTxn } from './txn.ts';

const names = Array.from({ length: 12 }, (_, at) => `fn-${at}`);

describe('claiming from several functions', () => {
  it('is in the order of acceptance over all of them, however they are mixed', async () => {
    const { scene } = openHandWorld();
    const node = await scene.join();
    // Long stretches of one function, then all of them in turn.
    const wishes = Array.from({ length: 600 }, (_, at) => ({
      fn: names[at < 200 ? 0 : at < 300 ? 1 : at % names.length] ?? '',
    }));
    const ids = await scene.start(...wishes);
    assert.deepEqual(await scene.claimIds(node, 250, names), ids.slice(0, 250));
    assert.deepEqual(await scene.claimIds(node, 350, names), ids.slice(250));
  });

  it('never takes more of a function than it has room for', async () => {
    const { scene, store } = openHandWorld();
    const node = await scene.join();
    await scene.startMany(100, { fn: 'fn-0' });
    await scene.startMany(100, { fn: 'fn-1' });
    const functions = names.map((fn) => ({ fn, runsMax: fn === 'fn-0' ? 40 : 3 }));
    const reply = await store.claim({ node, functions, runsMax: 60 });
    assert.ok(reply.ok);
    assert.deepEqual(
      ['fn-0', 'fn-1'].map((fn) => reply.runs.filter((run) => run.fn === fn).length),
      [40, 3],
    );
  });

  it('reads a small multiple of what it hands out, whatever else is waiting', async () => {
    const { scene, store, now } = openHandWorld();
    for (const fn of names) await scene.startMany(500, { fn });
    const tables = openTables();
    for (const row of store.rows()) tables.runs.insert({ ...row, policy: 1 }, 'null');
    const { policy } = scene.item();
    tables.settings.policyKey(policy);
    const node = tables.nodes.insert({
      ...scene.card(),
      state: 'live',
      joinedAt: now(),
      endedAt: null,
      renewedAt: 0,
      boot: 'b',
    });
    let rowsRead = 0;
    const counted: Tables = {
      ...tables,
      runs: {
        ...tables.runs,
        ready(fn, rowsMax) {
          const rows = tables.runs.ready(fn, rowsMax);
          rowsRead += rows.length;
          return rows;
        },
      },
    };
    const txn = openTxn(counted, { wall: now(), judge: monoMs(0), boot: 'b' });
    const functions = names.map((fn) => ({ fn, runsMax: 240 }));
    const reply = claim(txn, { node, functions, runsMax: 240 });
    assert.ok(reply.ok);
    assert.equal(reply.runs.length, 240);
    assert.ok(rowsRead <= 4 * 240, `${rowsRead} rows were read`);
  });
});
