import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HoldfastError } from '../../core/errors.ts';
import { monoMs, wallMs } from '../../core/time.ts';
import type { Clock } from '../../ports/clock.ts';
import type { SupervisorEvent, WorkerEvents } from './supervisor.ts';
import { Supervisor } from './supervisor.ts';

/** A clock that stands still until it is told to go on. */
function standingClock(): Clock & { goOn(ms: number): void } {
  let now = 0;
  let timers: { at: number; callback: () => void }[] = [];
  return {
    wall: () => wallMs(now),
    mono: () => monoMs(now),
    after: (delayMs, callback) => {
      const timer = { at: now + delayMs, callback };
      timers.push(timer);
      return {
        cancel: () => {
          timers = timers.filter((one) => one !== timer);
        },
      };
    },
    turn: () => ({ cancel: () => {} }),
    goOn: (ms) => {
      now += ms;
      const due = timers.filter((timer) => timer.at <= now);
      timers = timers.filter((timer) => timer.at > now);
      for (const { callback } of due) callback();
    },
  };
}

interface FakeWorker {
  readonly events: WorkerEvents;
  drained: number;
  killed: number;
}

function setUp(workers = 1) {
  const clock = standingClock();
  const started: FakeWorker[] = [];
  const said: SupervisorEvent[] = [];
  const supervisor = new Supervisor({
    workers,
    graceMs: 30_000,
    clock,
    say: (event) => said.push(event),
    spawn: (_worker, events) => {
      const worker: FakeWorker = { events, drained: 0, killed: 0 };
      started.push(worker);
      return {
        pid: 100 + started.length,
        order: () => {
          worker.drained += 1;
        },
        kill: () => {
          worker.killed += 1;
        },
      };
    },
  });
  const at = (index: number): FakeWorker => {
    const worker = started[index];
    assert.ok(worker !== undefined, `worker ${index} was not started`);
    return worker;
  };
  const becomeReady = (index: number): void =>
    at(index).events.report({ fact: 'ready', node: 'n', functions: ['f'], slots: 16, http: null });
  return { clock, started, said, supervisor, at, becomeReady };
}

const delays = (said: readonly SupervisorEvent[]) =>
  said.flatMap((event) => (event.event === 'ended' ? [event.restartInMs] : []));

describe('the supervisor of holdfast up', () => {
  it('starts as many workers as it is asked to', () => {
    const { supervisor, started } = setUp(3);
    void supervisor.run();
    assert.equal(started.length, 3);
  });

  it('starts a crashed worker again, later after each crash, up to a cap', () => {
    const { supervisor, started, said, clock, at, becomeReady } = setUp();
    void supervisor.run();
    for (let crash = 0; crash < 9; crash += 1) {
      becomeReady(crash);
      at(crash).events.ended(null, 'SIGKILL');
      assert.equal(started.length, crash + 1, 'not before its delay');
      clock.goOn(30_000);
      assert.equal(started.length, crash + 2);
    }
    assert.deepEqual(
      delays(said),
      [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000],
    );
  });

  it('begins at the shortest delay again once a worker was sound for a minute', () => {
    const { supervisor, said, clock, at, becomeReady } = setUp();
    void supervisor.run();
    becomeReady(0);
    at(0).events.ended(1, null);
    clock.goOn(500);
    becomeReady(1);
    clock.goOn(60_000);
    at(1).events.ended(1, null);
    assert.deepEqual(delays(said), [500, 500]);
  });

  it('fails with the refusal of a worker when none was ever ready', async () => {
    const { supervisor, at } = setUp(2);
    const running = supervisor.run();
    const details = { path: 'x' };
    at(0).events.report({ fact: 'refused', code: 'app.invalid', message: 'no app', details });
    at(0).events.ended(1, null);
    assert.equal(at(1).drained, 1, 'the others are asked to end');
    at(1).events.ended(0, null);
    await assert.rejects(running, (error) => {
      assert.ok(error instanceof HoldfastError);
      assert.equal(error.code, 'app.invalid');
      assert.equal(error.message, 'no app');
      return true;
    });
  });

  it('fails when a worker ends before it is ready, whatever ended it', async () => {
    const { supervisor, at } = setUp();
    const running = supervisor.run();
    at(0).events.ended(3, null);
    await assert.rejects(running, /ended with exit code 3 before it was ready/);
  });

  it('drains all workers when it is stopped, and ends with 0 when they have ended', async () => {
    const { supervisor, at, becomeReady, started, clock } = setUp(2);
    const running = supervisor.run();
    becomeReady(0);
    becomeReady(1);
    supervisor.stop(143);
    assert.deepEqual([at(0).drained, at(1).drained], [1, 1]);
    at(0).events.ended(0, null);
    at(1).events.ended(0, null);
    assert.equal(await running, 0);
    clock.goOn(1e9);
    assert.equal(started.length, 2, 'none is started again');
    assert.deepEqual([at(0).killed, at(1).killed], [0, 0]);
  });

  it('does not wait for a worker that is to be started again when it is stopped', async () => {
    const { supervisor, at, becomeReady } = setUp();
    const running = supervisor.run();
    becomeReady(0);
    at(0).events.ended(1, null);
    supervisor.stop(143);
    assert.equal(await running, 0);
  });

  it('kills at once when it is stopped a second time, and says so by its exit code', async () => {
    const { supervisor, at, becomeReady } = setUp();
    const running = supervisor.run();
    becomeReady(0);
    supervisor.stop(130);
    supervisor.stop(130);
    assert.equal(at(0).killed, 1);
    at(0).events.ended(null, 'SIGKILL');
    assert.equal(await running, 130);
  });

  it('kills what has not drained within the grace and a margin, and ends with 1', async () => {
    const { supervisor, at, becomeReady, clock } = setUp();
    const running = supervisor.run();
    becomeReady(0);
    supervisor.stop(143);
    clock.goOn(30_000);
    assert.equal(at(0).killed, 0);
    clock.goOn(5_000);
    assert.equal(at(0).killed, 1);
    at(0).events.ended(null, 'SIGKILL');
    assert.equal(await running, 1);
  });
});
