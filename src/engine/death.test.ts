import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeKeyOf } from '../core/execution/run.ts';
import { wallMs } from '../core/time.ts';
import type { ProcessState } from '../ports/process-table.ts';
import type { NodeRow } from '../ports/store-nodes.ts';
import { deathOf, vetoTtls } from './death.ts';

const row = (change: Partial<NodeRow> = {}): NodeRow => ({
  node: nodeKeyOf(7),
  name: 'worker-7',
  process: { hostId: 'h', hostName: 'host', pid: 4711, startedAt: 's' },
  state: 'live',
  joinedAt: wallMs(0),
  ttlMs: 15_000,
  renewedAgoMs: 0,
  leaseOver: false,
  bootOver: false,
  slots: 4,
  running: 2,
  functions: [],
  ...change,
});

const kind = (
  process: ProcessState,
  silentMs: number,
  change: Partial<NodeRow> = {},
  stoppedHere = false,
): string | null => deathOf({ row: row(change), process, silentMs, stoppedHere })?.kind ?? null;

describe('the judgement on a node', () => {
  it('is death at once for a process that is gone, whatever its lease says (G7)', () => {
    assert.equal(kind('gone', 0), 'process-gone');
    assert.equal(kind('gone', 0, { state: 'draining' }), 'process-gone');
  });

  it('is death when the host was booted since', () => {
    assert.equal(kind('unknown', 0, { bootOver: true }), 'boot-changed');
  });

  it('waits for the lease of a process that cannot be looked up', () => {
    assert.equal(kind('unknown', 15_000), null);
    assert.equal(kind('unknown', 15_001), 'lease-over');
  });

  it('waits for the lease of a frozen process, and no longer', () => {
    assert.equal(kind('stopped', 15_000), null);
    assert.equal(kind('stopped', 15_001), 'lease-over');
  });

  it('leaves a live process alone long past its lease: a slow disk is no death', () => {
    assert.equal(kind('alive', 15_000 * vetoTtls), null);
    assert.equal(kind('alive', 15_000 * vetoTtls + 1), 'lease-over');
  });

  it('takes a former tenure that has stopped its work for dead at once', () => {
    assert.equal(kind('alive', 0, {}, true), 'left');
  });

  it('asks nothing of nodes that ended, save for what they still own', () => {
    assert.equal(kind('unknown', 99_999, { state: 'left', running: 0 }), null);
    assert.equal(kind('unknown', 99_999, { state: 'dead', running: 0 }), null);
    assert.equal(kind('unknown', 0, { state: 'dead', running: 1 }), 'left');
  });

  it('names who died, where, and how long it was silent', () => {
    const death = deathOf({ row: row(), process: 'gone', silentMs: 12.4, stoppedHere: false });
    assert.equal(death?.detail.code, 'attempt.crashed');
    assert.equal(death?.detail.message, "the owner 'worker-7' (pid 4711 on host) is gone");
    assert.deepEqual(death?.detail.details, {
      kind: 'process-gone',
      node: 7,
      name: 'worker-7',
      pid: 4711,
      host: 'host',
      startedAt: 's',
      silentMs: 12,
    });
  });
});
