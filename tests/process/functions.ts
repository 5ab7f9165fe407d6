/**
 * The functions that the nodes of these tests host: all write the ledger, and differ in how long
 * they take and what they listen to.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { type AnyFunction, defineFunction, type RunContext } from 'holdfast';
import { openLedger } from './ledger.ts';
import { hostMs } from './wait.ts';

/** What a handler needs of its process. */
export interface Stage {
  readonly ledgerPath: string;
  readonly node: string;
  /** Resolves when those that hold may go on. */
  readonly gate: Promise<void>;
  /** The handler is about to return, and its end about to be sent. */
  readonly returning?: () => void;
}

export interface LaneInput {
  readonly key: string;
  readonly width: number;
}

/** Something short: a few turns of the event loop. */
export interface WorkInput {
  readonly lane?: LaneInput;
  readonly turns?: number;
  /** Makes the run as large as wanted. */
  readonly padding?: string;
}

/** Holds its slot, in the first `attempts` attempts (default 1). */
export interface HoldInput {
  readonly attempts?: number;
  /** Goes on at the gate (default), or at nothing but its signal. */
  readonly until?: 'gate' | 'signal';
  /** Does not listen to its signal. */
  readonly deaf?: boolean;
}

/** Blocks the event loop of its process, in the first attempt. */
export interface SpinInput {
  readonly ms: number;
  readonly lane?: LaneInput;
}

/** What every function returns: who did it. */
export interface Done {
  readonly node: string;
  readonly attempt: number;
}

export const spinGraceMs = 500;

// Nothing here is ended by a policy: crashes are what these tests make.
const terms = { retry: false, crashesMax: 100 } as const;

/** The functions, for one process. Without a stage they can be started and not executed. */
export function chaosFunctions(stage: Stage | null): readonly AnyFunction[] {
  const note = stage === null ? null : openLedger(stage.ledgerPath);
  const witnessed =
    <Input>(act: (input: Input, ctx: RunContext, stage: Stage) => Promise<void> | void) =>
    async (input: Input, ctx: RunContext): Promise<Done> => {
      if (stage === null || note === null) throw new Error('nothing is executed in this process');
      const { runId: run, attempt, fence, lane } = ctx;
      const doer = { run, attempt, fence, lane, node: stage.node };
      note({ event: 'begin', ...doer });
      try {
        await act(input, ctx, stage);
      } catch (error) {
        note({ event: 'stopped', ...doer });
        throw error;
      }
      note({ event: 'end', ...doer });
      stage.returning?.();
      return { node: stage.node, attempt };
    };
  return [
    defineFunction({
      name: 'work',
      ...terms,
      lane: ({ lane }: WorkInput) => lane ?? null,
      run: witnessed(async ({ turns = 0 }: WorkInput) => {
        for (let left = turns; left > 0; left -= 1) await turn();
      }),
    }),
    defineFunction({ name: 'hold', ...terms, run: witnessed(hold) }),
    defineFunction({
      name: 'spin',
      ...terms,
      timeouts: { graceMs: spinGraceMs },
      lane: ({ lane }: SpinInput) => lane ?? null,
      run: witnessed(({ ms }: SpinInput, { attempt }) => {
        const doneAt = hostMs() + ms;
        while (attempt === 1 && hostMs() < doneAt);
      }),
    }),
  ];
}

async function hold(input: HoldInput, ctx: RunContext, { gate }: Stage): Promise<void> {
  if (ctx.attempt > (input.attempts ?? 1)) return;
  const stopped = Promise.withResolvers<never>();
  // Aborting is not an error of whoever does not listen.
  stopped.promise.catch(() => {});
  ctx.signal.addEventListener('abort', () => stopped.reject(ctx.signal.reason));
  if (input.until === 'signal') await stopped.promise;
  await (input.deaf === true ? gate : Promise.race([gate, stopped.promise]));
}
