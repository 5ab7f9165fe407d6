import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { systemClock } from './clock.ts';

const clock = systemClock();
const source = JSON.stringify(new URL('./clock.ts', import.meta.url));

async function inChild(code: string): Promise<string> {
  const load = `const { systemClock } = await import(${source});`;
  const text = `${load} const clock = systemClock(); ${code}`;
  const args = ['--conditions=holdfast-source', '--input-type=module', '-e', text];
  return (await promisify(execFile)(process.execPath, args, { timeout: 20_000 })).stdout.trim();
}

describe('the system clock', () => {
  it('says wall time as the host does', () => {
    const before = Date.now();
    const wall = clock.wall();
    assert.ok(wall >= before && wall <= Date.now());
  });

  it('says monotonic time that another process of the host can compare', async () => {
    const before = clock.mono();
    const theirs = Number(await inChild('console.log(clock.mono())'));
    assert.ok(before < theirs && theirs < clock.mono());
  });

  it('calls back once, and not before the delay is over', async () => {
    const from = clock.mono();
    const hold = setTimeout(() => {}, 10_000);
    await new Promise<void>((resolve) => clock.after(20, resolve));
    clearTimeout(hold);
    // Node's timers count whole milliseconds and may come up to one early.
    assert.ok(clock.mono() - from >= 19);
  });

  it('does not call back after it was cancelled, however often', async () => {
    let called = false;
    const timer = clock.after(0, () => {
      called = true;
    });
    timer.cancel();
    timer.cancel();
    const hold = setTimeout(() => {}, 10_000);
    await new Promise<void>((resolve) => clock.after(2, resolve));
    clearTimeout(hold);
    assert.equal(called, false);
  });

  it('does not keep the process alive', async () => {
    assert.equal(await inChild("clock.after(3_600_000, () => {}); console.log('over');"), 'over');
  });
});

describe('a delay longer than the timers of the platform', () => {
  it('is split into parts that add up, and can be cancelled in any part', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const calls: string[] = [];
    const month = 30 * 86_400_000;
    clock.after(month, () => calls.push('month'));
    const cancelled = clock.after(month, () => calls.push('cancelled'));
    t.mock.timers.tick(2_147_483_647);
    assert.deepEqual(calls, []);
    cancelled.cancel();
    t.mock.timers.tick(month - 2_147_483_647 - 1);
    assert.deepEqual(calls, []);
    t.mock.timers.tick(1);
    assert.deepEqual(calls, ['month']);
    t.mock.timers.tick(month);
    assert.deepEqual(calls, ['month']);
  });
});
