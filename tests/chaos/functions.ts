/**
 * The functions of a chaos run, and the lanes and tenants among which they are executed. Every
 * handler writes to the ledger when it begins, at each step, and when it is done.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { type AnyFunction, defineFunction, type RunContext } from 'holdfast';
import type { Pen } from './ledger.ts';
import { pause } from './pause.ts';
import { child, perform } from './saga.ts';

/** What one run is to do. */
export interface WorkInput {
  /** Steps of the work, and ms between two of them. */
  readonly steps: number;
  readonly stepMs: number;
  /**
   * Further steps, long ones, of every attempt but the first: whoever has taken over is still at
   * work when the late owner comes back.
   */
  readonly againSteps: number;
  /** So many attempts throw first. */
  readonly failures: number;
  readonly lane: string | null;
  readonly tenant: string;
  /** Makes the id's input its own; of a durable run it says what it does. */
  readonly salt: number;
  /** By which starts of functions with flow control meet. */
  readonly key?: string;
}

/** How many execute at once in a lane, which its name tells. */
export const laneWidth = (lane: string): number => (lane.startsWith('wide') ? 2 : 1);

export const lanes: readonly string[] = [
  ...['single-a', 'single-b', 'single-c', 'single-d'],
  ...['wide-a', 'wide-b', 'wide-c'],
];

/** Tenants and how many of their runs may be owned at once; null: no limit. */
export const tenantLimits: Readonly<Record<string, number | null>> = {
  free: null,
  tight: 2,
  middle: 4,
};

/** Short, so that code which ignores its signal outlives it. */
const graceMs = 300;
const againStepMs = 200;

/** Functions that are executed at most once, and those that are durable. */
export const losing: readonly string[] = ['once'];
export const durable: readonly string[] = ['saga'];

/** Functions with flow control, and what they go by. */
export const unique = 'single';
export const debounced = 'settling';
export const flowKeys: readonly string[] = ['a', 'b', 'c'];
export const debounceTerm = { quietMs: 400, maxMs: 1_200 } as const;

// Crashes are what these runs are for; none may be set aside because of them.
const terms = {
  crashesMax: 1_000,
  timeouts: { graceMs },
  lane: ({ lane }: WorkInput) => (lane === null ? null : { key: lane, width: laneWidth(lane) }),
  tenant: ({ tenant }: WorkInput) => tenant,
} as const;

const key = ({ key: own }: WorkInput): string => own ?? '';

const retry = { attemptsMax: 3, backoff: 'fixed', delayMs: 40, delayMsMax: 40 } as const;

/** The functions for one process; without a pen they can be started and not executed. */
export function chaosFunctions(pen: Pen | null): readonly AnyFunction[] {
  const run = (deaf: boolean) => async (input: WorkInput, ctx: RunContext) => {
    if (pen === null) throw new Error('nothing is executed in this process');
    const { runId, fence, attempt, signal } = ctx;
    const tell = (what: 'begin' | 'step' | 'return' | 'throw'): void =>
      pen({ what, run: runId, fence, aborted: signal.aborted });
    tell('begin');
    try {
      const { steps, stepMs, againSteps } = input;
      const heeded = deaf ? null : signal;
      await work(steps, stepMs, heeded, () => tell('step'));
      if (attempt > 1) await work(againSteps, againStepMs, heeded, () => tell('step'));
      if (attempt <= input.failures) throw new Error('this attempt fails');
    } catch (error) {
      tell('throw');
      throw error;
    }
    tell('return');
    return { fence, attempt, salt: input.salt };
  };
  const saga = ({ salt }: WorkInput, ctx: RunContext) => {
    if (pen === null) throw new Error('nothing is executed in this process');
    return perform(salt, ctx, pen);
  };
  return [
    defineFunction({ name: 'saga', ...terms, retry, signals: { tell: null }, run: saga }),
    defineFunction({ name: 'quick', ...terms, retry, run: run(false) }),
    defineFunction({ name: 'slow', ...terms, retry, run: run(false) }),
    defineFunction({ name: 'flaky', ...terms, retry, run: run(false) }),
    defineFunction({ name: 'deaf', ...terms, retry, run: run(true) }),
    defineFunction({ name: 'once', ...terms, retry: false, onCrash: 'lose', run: run(false) }),
    defineFunction({ name: child, ...terms, retry, run: run(false) }),
    defineFunction({ name: unique, ...terms, retry, flow: { unique: { key } }, run: run(false) }),
    defineFunction({
      ...{ name: debounced, ...terms, retry, run: run(false) },
      flow: { debounce: { key, ...debounceTerm } },
    }),
  ];
}

async function work(
  steps: number,
  stepMs: number,
  signal: AbortSignal | null,
  step: () => void,
): Promise<void> {
  for (let left = steps; left > 0; left -= 1) {
    if (stepMs === 0) await turn();
    else await pause(stepMs, signal ?? undefined);
    signal?.throwIfAborted();
    step();
  }
}
