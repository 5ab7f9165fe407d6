/**
 * What time will change is looked for from floors on: whatever comes to stand before one lowers it,
 * whichever way it comes, so that nothing is overslept.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { WallMs } from '../../src/core/time.ts';
import type { ClaimedRun } from '../../src/ports/store-runs.ts';
import { sweepAll } from '../contract/store/family-words.ts';
import { park, running } from '../contract/store/step-words.ts';
import { type StoreScene, storeScene } from './store-scene.ts';

const soon = (at: StoreScene, ms = 3_600_000): WallMs => (at.scene.world.now() + ms) as WallMs;
const timed = { policy: { attemptTimeoutMs: 60_000 } };

/** Puts all floors above everything, as a claim does that finds nothing. */
async function raise(at: StoreScene): Promise<void> {
  for (const kind of ['due', 'deadline', 'overdue']) {
    await at.sql(`select $s.put_cell('times', $1, 'infinity', 0, 0, 0)`, [kind]);
  }
}

const floors = async (at: StoreScene): Promise<unknown[]> =>
  (
    await at.sql(`select key from $s.cells where kind = 'times' and a < 'infinity' order by key`)
  ).map(({ key }) => key);

type Way = readonly [
  name: string,
  kinds: readonly string[],
  prepare: (at: StoreScene) => Promise<ClaimedRun | null>,
  act: (at: StoreScene, run: ClaimedRun) => Promise<unknown>,
];

const none = async (): Promise<null> => null;
const claimed = (at: StoreScene): Promise<ClaimedRun> => running(at.scene);

const ways: readonly Way[] = [
  ['a delayed start', ['due'], none, (at) => at.scene.start({ dueAt: soon(at) })],
  [
    'a plain start with a deadline',
    ['deadline'],
    none,
    (at) => at.scene.start({ deadlineAt: soon(at) }),
  ],
  [
    'a claim of what has a timeout',
    ['overdue'],
    none,
    async (at) => {
      await at.scene.start(timed);
      await at.scene.claim(await at.scene.join());
    },
  ],
  [
    'a failure that is tried again later',
    ['due'],
    claimed,
    (at, run) => at.scene.fail(run, { advice: { kind: 'at', at: soon(at) } }),
  ],
  [
    'the parking for a sleep',
    ['due'],
    claimed,
    (at, run) =>
      park(at.scene, run, 0, {
        ...{ does: 'wait', key: 'sleep/a', kind: 'sleep', event: null, token: null },
        wake: { at: soon(at) },
      }),
  ],
  [
    'a cancel of what is executed',
    ['overdue'],
    claimed,
    (at, run) => at.store.cancel([{ id: run.id, reason: 'enough' }]),
  ],
  [
    'a hand-back of what has a deadline',
    ['deadline'],
    (at) => running(at.scene, { deadlineAt: soon(at) }),
    (at, run) => at.scene.end(run, { how: 'handed-back' }),
  ],
];

describe('the floor of a time', () => {
  for (const [name, kinds, prepare, act] of ways) {
    it(`is lowered by ${name}`, async () => {
      await using at = await storeScene();
      const run = await prepare(at);
      await raise(at);
      await act(at, run as ClaimedRun);
      assert.deepEqual(await floors(at), kinds);
      await at.scene.nothingIsWrong();
    });
  }

  it('does not stand in the way of what is due', async () => {
    await using at = await storeScene();
    await raise(at);
    const [late, over] = await at.scene.start(
      { dueAt: soon(at, 30) },
      { dueAt: soon(at), deadlineAt: soon(at, 30) },
    );
    await at.scene.until('both have come', async () => {
      await sweepAll(at.scene);
      const stands = [await at.scene.stands(late), await at.scene.stands(over)];
      return stands.join() === 'slot,timed-out';
    });
  });
});
