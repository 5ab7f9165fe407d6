/**
 * Owns the running of many seeds as tests.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Marks } from './marks.ts';
import { explainFailure } from './replay.ts';
import { simulate } from './simulate.ts';

const seedsPerTest = 50;

/** The mutation gate has many suites to run and asks for fewer seeds of each. */
const seedsMax = Number(process.env.HOLDFAST_SIM_SEEDS_MAX ?? Number.POSITIVE_INFINITY);

/**
 * What must have happened at least once in a few hundred seeds: else they prove less than they seem
 * to.
 */
const reached = [
  ...['tail lost', 'power failure', 'quarantined', 'parked', 'pruned', 'takeover timed'],
  ...['cancelled while running', 'timed-out while running', 'lost while running', 'cancel timed'],
  ...['lateResults', 'fenced', 'takenOver', 'handedBack', 'storeFaults', 'logLinesDropped'],
  ...['cut off', 'database away', 'failover', 'failover lost commits', 'machine crashed'],
  ...['database clock stepped', 'request came late', 'answer lost', 'far takeover timed'],
  ...['alive and dead by silence', 'step done', 'given again', 'children over'],
  ...['gone on by its version', 'batch of several', 'redriven', 'discarded'],
  ...['merged', 'debounced to its deadline', 'throttled', 'over its rate', 'met by unique'],
  ...['lane busy', 'gave way', 'told to give way'],
  ...['signal accepted', 'signal given', 'signal answered', 'signal refused: run.already_done'],
  ...['sender told: answered', 'sender told: unanswered'],
];

/** Tests for the seeds from `from` on. */
export function seedSuite(from: number, wanted: number): void {
  const count = Math.min(wanted, seedsMax);
  const marks = new Marks();
  describe(`simulated worlds from seed ${from}`, () => {
    for (let first = from; first < from + count; first += seedsPerTest) {
      const last = Math.min(first + seedsPerTest, from + count) - 1;
      it(`keep G1 to G7 in every step (seeds ${first} to ${last})`, async () => {
        for (let seed = first; seed <= last; seed += 1) {
          const report = await simulate(seed);
          marks.addAll(report.marks);
          assert.equal(report.violations.length, 0, explainFailure(report));
        }
      });
    }

    const skip = count < wanted ? 'fewer seeds were asked for' : false;
    it('reach the states that they are for', { skip }, () => {
      for (const what of reached) assert.ok((marks.all.get(what) ?? 0) > 0, `never: ${what}`);
    });
  });
}
