/** Processes that host VMs, with a program that does what no honest one would do. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { scriptLimitsOf } from '../../src/sandbox/vm/limits.ts';
import { VmHosts } from '../../src/sandbox/vm/process/vm-hosts.ts';
import { openVm, type RemoteVm } from '../../src/sandbox/vm/remote-vm.ts';
import { SimulatedClock } from '../../src/testing/simulated-clock.ts';
import { until } from '../process/wait.ts';
import { isThere } from './children.ts';

function scene() {
  const clock = new SimulatedClock();
  const path = '../../../../tests/sandbox/hosts/odd-host';
  const hosts = new VmHosts({ path, flags: [] }, clock);
  const all: RemoteVm[] = [];
  const open = async (source = 'obedient'): Promise<RemoteVm> => {
    const setup = { file: 'x', source, limits: scriptLimitsOf('x'), grants: [], engine: 'none' };
    const vm = await openVm(hosts.link('a', setup), setup, clock);
    all.push(vm);
    return vm;
  };
  const run = (vm: RemoteVm, input = 'go', signal: AbortSignal | null = null) => {
    const result = vm.run({
      ...{ input: JSON.stringify(input), signal },
      ...{ onValue: () => {}, grant: async () => 'null' },
    });
    result.catch(() => {});
    return result.then(Number);
  };
  const end = () => Promise.all(all.map((vm) => vm.close()));
  return { clock, open, run, [Symbol.asyncDispose]: async () => void (await end()) };
}

describe('a process of VMs', { timeout: 60_000 }, () => {
  it('is one for all VMs of a tenant', async () => {
    await using hosts = scene();
    const [first, second] = [await hosts.open(), await hosts.open()];
    assert.equal(await hosts.run(first), await hosts.run(second));
  });

  it('that is doomed keeps what runs, and nothing else', async () => {
    await using hosts = scene();
    const resting = await hosts.open();
    const waiting = await hosts.open();
    const last = await hosts.open();
    const stop = new AbortController();
    const wait = hosts.run(waiting, 'wait', stop.signal);
    const pid = await hosts.run(last, 'doom');
    await until('it is known', () => !resting.alive && !last.alive);
    assert.deepEqual([waiting.alive, isThere(pid)], [true, true]);
    assert.notEqual(await hosts.run(await hosts.open()), pid, 'others begin elsewhere');
    stop.abort(new Error('enough'));
    await assert.rejects(wait, /enough/);
    await until('the process is gone', () => !isThere(pid));
  });

  it('is given up when a VM does not go, and ended when it never does', async () => {
    await using hosts = scene();
    const stubborn = await hosts.open('stubborn');
    const resting = await hosts.open();
    const waiting = await hosts.open();
    const pid = await hosts.run(resting);
    const wait = hosts.run(waiting, 'wait');
    const stop = new AbortController();
    const stuck = hosts.run(stubborn, 'wait', stop.signal);
    stop.abort(new Error('enough'));
    await assert.rejects(stuck, /enough/);
    assert.equal(resting.alive, true);
    await hosts.clock.advance(500);
    await until('it is in doubt', () => !resting.alive);
    assert.notEqual(await hosts.run(await hosts.open()), pid, 'others begin elsewhere');
    await hosts.clock.advance(2_000);
    await assert.rejects(wait, { code: 'script.lost' });
    await until('the process is gone', () => !isThere(pid));
  });

  it('that says what no process says is ended', async () => {
    await using hosts = scene();
    const waiting = await hosts.open();
    const odd = await hosts.open();
    const wait = hosts.run(waiting, 'wait');
    hosts.run(odd, 'odd').catch(() => {});
    await assert.rejects(wait, { code: 'script.lost', message: /SIGKILL/ });
    assert.equal(odd.alive, false);
  });
});
