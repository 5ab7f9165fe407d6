/** The honesty of the benchmark on Postgres: a doubled job has to be seen, and a needed one not. */
import assert from 'node:assert/strict';
import test from 'node:test';
import type { Answer } from '../../bench/case.ts';
import { Lives } from '../../bench/postgres/lives.ts';
import { ranOnce } from '../../bench/postgres/progress.ts';
import { peerVersions, rosterOf } from '../../bench/postgres/roster.ts';

class FakeSeat {
  #listener: (event: Answer) => void = () => {};
  onEvent(listener: (event: Answer) => void): () => void {
    this.#listener = listener;
    return () => {};
  }
  begin(n: number, beganMs: number): void {
    this.#listener({ n, beganMs, afterMs: 0 });
  }
  end(n: number, endedMs: number): void {
    this.#listener({ n, endedMs });
  }
}

const seats = () => [new FakeSeat(), new FakeSeat()] as const;
const ran = (ranges: readonly number[], repeated: readonly number[] = []): Answer => ({
  ...{ begun: 0, numbers: { ranges, repeated } },
});

test('a job that ran twice is seen, in one process and in two', () => {
  assert.equal(ranOnce([ran([0, 5, 7, 9]), ran([5, 7])]), 0);
  assert.throws(() => ranOnce([ran([0, 5], [3])]), /ran twice, but 3/);
  assert.throws(() => ranOnce([ran([0, 5]), ran([4, 6])]), /in two processes, but 4/);
});

test('a job that the dead process held may begin once more, and only once', () => {
  const [victim, heir] = seats();
  const lives = new Lives([victim, heir]);
  victim.begin(1, 1_000);
  assert.deepEqual(lives.held(victim), [1]);
  heir.begin(1, 3_000);
  assert.deepEqual(lives.began(heir, [1], 2_000), [3_000]);
  assert.equal(lives.doubled(victim, 2_000), 0);
  heir.begin(1, 3_100);
  assert.equal(lives.doubled(victim, 2_000), 1);
});

test('a job that had ended long before the death must not begin again', () => {
  const [victim, heir] = seats();
  const lives = new Lives([victim, heir]);
  victim.begin(1, 1_000);
  victim.end(1, 1_200);
  victim.begin(2, 1_700);
  victim.end(2, 1_900);
  heir.begin(1, 3_000);
  heir.begin(2, 3_000);
  assert.equal(lives.doubled(victim, 2_000), 1);
  assert.equal(lives.ended, 2);
});

test('sides are chosen by their words, and each peer states its version and settings', () => {
  const words = rosterOf(['holdfast', 'graphile']).map(({ side, durability }) => [
    side,
    durability,
  ]);
  assert.deepEqual(words, [
    ['ours', 'full'],
    ['ours', 'relaxed'],
    ['graphile', 'full'],
  ]);
  for (const [name, { version, settings }] of Object.entries(peerVersions())) {
    assert.match(version, /^\d+\.\d+/, name);
    assert.ok(settings, name);
  }
});
