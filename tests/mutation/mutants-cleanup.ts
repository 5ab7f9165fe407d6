/**
 * Owns the guards of clean-up after a cancel that the mutation gate takes out. The rules of
 * `mutants.ts` hold.
 */
import type { Mutant } from './mutants.ts';

const transition = 'src/core/execution/transition.ts';
const attempt = 'src/engine/attempt.ts';

export const cleanUpMutants: readonly Mutant[] = [
  {
    name: 'clean-up: of what is parked',
    guards: 'G5: a cancel lets parked code clean up',
    stage: 'contract',
    file: transition,
    from: 'return run.lingering === null ? cleanUp(',
    to: 'return run.wakeAt === Number.NaN ? cleanUp(',
  },
  {
    name: 'clean-up: only where steps are kept',
    guards: 'G5: what has nothing to clean up ends at once',
    stage: 'core',
    file: transition,
    from: 'if (terms.hasSteps && run.attempt > 0)',
    to: 'if (run.attempt > 0)',
  },
  {
    name: 'clean-up: the stop goes along',
    guards: 'G5: a run that is handed out to clean up does not go on',
    stage: 'core',
    file: transition,
    from: 'stop: run.stop,',
    to: 'stop: null,',
  },
  {
    name: 'clean-up: bounded',
    guards: 'G5: a cancelled run that nobody takes up ends',
    stage: 'contract',
    file: 'src/store/verbs/apply.ts',
    from: "if (next.status === 'queued' && next.stop !== null) {",
    to: "if (next.status === 'queued' && next.stop !== null && judge < 0) {",
  },
  {
    name: 'clean-up: where the code was',
    guards: 'replay: code hears of the stop when it is where it was',
    stage: 'engine',
    file: attempt,
    from: 'if (this.#toCleanUp === undefined) this.#armTimeout();',
    to: 'this.caughtUp();\n    if (this.#toCleanUp === undefined) this.#armTimeout();',
  },
  {
    name: 'clean-up: over crashes',
    guards: 'G5: clean-up goes on with another owner',
    stage: 'core',
    file: 'src/core/execution/running.ts',
    from: 'if (again) return requeue(crashed, now, before, run.stop);',
    to: 'if (again) return requeue(crashed, now, before);',
  },
  {
    name: 'clean-up: what was about to be done',
    guards: 'a step that was not begun is not begun after a cancel',
    stage: 'engine',
    file: 'src/engine/durable/durable.ts',
    from: 'if (told) for (const op of held) this.#refuse(op);',
    to: 'if (told) this.#held.push(...held);',
  },
  {
    name: 'clean-up: ends of refused waits',
    guards: 'clean-up goes on although others end what was waited for',
    stage: 'engine',
    file: 'src/engine/durable/ends.ts',
    from: "if (!stopping) return 'missing';",
    to: "return 'missing';",
  },
];
