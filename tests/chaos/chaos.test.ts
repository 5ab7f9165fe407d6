/**
 * Chaos for a few seconds on a store in a file, so that every test run tries the whole apparatus.
 * `npm run chaos` is the long one, on a Postgres that is struck as well.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { cannotFreeze } from '../process/scene.ts';
import type { FinalRun } from './account.ts';
import { audit } from './auditor.ts';
import { chaos, sweepUp } from './chaos.ts';

const seconds = 10;
const terms = { seconds, store: 'sqlite', starters: 2, callers: 4, plantDouble: false } as const;

test('G1 G2 G3 G4 G7: killed, frozen and drained nodes on one file break nothing', {
  skip: cannotFreeze,
}, async (t) => {
  const { finding, evidence, tally, folder } = await chaos({ ...terms, seed: 7, workers: 3 });
  t.after(() => sweepUp(folder));
  assert.deepEqual(finding.violations, []);
  const { runs, recoveries, deeds, given } = finding.judged;
  const struck = [...tally.values()].reduce((sum, { took }) => sum + took, 0);
  t.diagnostic(`${runs} runs, ${struck} faults, ${recoveries} recoveries, ${deeds} steps`);
  assert.ok(runs > 20 && struck > 0 && recoveries > 0);
  assert.ok(deeds > 20 && given > deeds / 2);

  // The same evidence with one thing wrong in it.
  // What only a parent started nobody was promised.
  const promised = evidence.runs.filter(({ parent }) => parent === undefined);
  const [victim] = promised.filter(({ seen }) => seen.outcome === 'succeeded');
  assert.ok(victim !== undefined);
  const without = evidence.runs.filter((run) => run !== victim);
  const lost = audit({ ...evidence, runs: without }).violations;
  assert.ok(lost.some((one) => one.includes(`run ${victim.id} is lost`)));
  // A changed outcome shows where somebody was told the true one, which not every run's is.
  const shows = (one: FinalRun): boolean => {
    const others = evidence.runs.filter((run) => run !== one);
    const seen = { ...one.seen, result: '"planted"' };
    const { violations } = audit({ ...evidence, runs: [...others, { ...one, seen }] });
    return violations.some((what) => what.startsWith('U3 (G2)') && what.includes(one.id));
  };
  assert.ok(evidence.runs.filter(({ seen }) => seen.outcome === 'succeeded').some(shows));
});

test('a worker that claims a second end, and does a kept step again, is caught', async (t) => {
  const { finding, folder } = await chaos({
    ...{ ...terms, seconds: 3, seed: 8, workers: 1, plantDouble: true },
  });
  t.after(() => sweepUp(folder));
  const caught = finding.violations.filter((one) => /^U2 .* has 2 accepted ends/.test(one));
  assert.equal(caught.length, 1);
  const again = finding.violations.filter((one) => /^S1 run .* does step\/d/.test(one));
  assert.equal(again.length, 1);
});
