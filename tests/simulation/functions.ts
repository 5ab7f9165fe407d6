/**
 * Owns the functions of the simulated world: their policies, and their hosting in a process.
 */
import { retryDefault } from '../../src/core/retry.ts';
import type { BatchCode } from '../../src/engine/batch-words.ts';
import type { ChildTerms } from '../../src/engine/durable/child-starts.ts';
import type { HostedCode, SignalCheck } from '../../src/engine/hosted.ts';
import type { RunContext } from '../../src/engine/run-context.ts';
import type { RunPolicy, StartItem } from '../../src/ports/store-runs.ts';
import { batchMax, runBatch } from './batch.ts';
import { behave, type SimInput } from './behaviour.ts';
import { checkHalt, perform } from './durable.ts';
import { flowNames, isFlowName } from './flow-terms.ts';
import type { Execution } from './ledger.ts';
import type { SimProcess } from './sim-process.ts';
import type { SimWorld } from './sim-world.ts';

const base: RunPolicy = {
  retry: retryDefault,
  onCrash: 'retry',
  crashesMax: 3,
  attemptTimeoutMs: null,
  graceMs: 1_000,
};

/** What each function agrees on with its runs. */
export const policies: Readonly<Record<string, RunPolicy>> = {
  work: base,
  timed: {
    ...base,
    attemptTimeoutMs: 2_000,
    graceMs: 500,
    retry: { ...retryDefault, attemptsMax: 4, backoff: 'fixed', delayMs: 300 },
  },
  once: { ...base, onCrash: 'lose', retry: { ...retryDefault, attemptsMax: 1 } },
  narrow: { ...base, crashesMax: 1, retry: { ...retryDefault, delayMs: 100, delayMsMax: 500 } },
  sync: base,
  batched: base,
  durable: { ...base, retry: { ...retryDefault, attemptsMax: 5, delayMs: 300, delayMsMax: 500 } },
  ...Object.fromEntries(flowNames.map((name) => [name, base])),
};

/** The names of all functions. */
export const functionNames = Object.keys(policies);

/** Those without flow control. */
export const plainNames = functionNames.filter((fn) => !isFlowName(fn));

/** A child of a run of this world. */
export function childOf(fn: unknown, input: unknown, { tenant }: ChildTerms): StartItem {
  const policy = policies[String(fn)];
  if (policy === undefined) throw new Error(`no policy for '${fn}'`);
  return {
    ...{ id: '', idempotent: true, fn: String(fn), tenant, input: JSON.stringify(input), policy },
    ...{ lane: null, laneWidth: 1, prioritySeconds: 0, dueAt: null, deadlineAt: null, tags: [] },
  };
}

const versions = ['1', '2'];

/**
 * The functions as one process hosts them: durable ones in two versions, and every other process
 * has the other as its current one.
 */
export function hostedFunctions(world: SimWorld, process: SimProcess): readonly HostedCode[] {
  const order = process.index % 2 === 0 ? versions : versions.toReversed();
  return functionNames.flatMap((fn) =>
    (fn === 'durable' ? order : ['1']).map((version) => hosted(world, process, fn, version)),
  );
}

function hosted(world: SimWorld, process: SimProcess, fn: string, version: string): HostedCode {
  return {
    fn,
    version,
    digest: fn,
    concurrency: fn === 'narrow' ? 1 : null,
    signals: fn === 'durable' ? signals : none,
    read: fn === 'narrow' ? async (value: unknown) => ({ ok: true, value }) as const : null,
    run:
      fn === 'sync'
        ? (_input: unknown, ctx: RunContext) => runNow(world, process, ctx)
        : (input: unknown, ctx: RunContext) =>
            run({ world, process, version }, input as SimInput, ctx),
    ...(fn === 'batched' && { batch: batchOf(world, process) }),
  };
}

/** What durable runs take; data of the second name is checked. */
const signals: HostedCode['signals'] = new Map<string, SignalCheck | null>([
  ['go', null],
  ['halt', checkHalt],
]);
const none: HostedCode['signals'] = new Map();

const batchOf = (world: SimWorld, process: SimProcess): BatchCode => ({
  ...{ max: batchMax, waitMs: 40 },
  run: (items) => runBatch(items, world, process),
});

function executionOf(world: SimWorld, process: SimProcess, ctx: RunContext): Execution {
  const row = world.rowOf(ctx.runId);
  return {
    runId: ctx.runId,
    fence: ctx.fence,
    attempt: ctx.attempt,
    lane: ctx.lane,
    once: row?.fn === 'once',
    durable: row?.fn === 'durable',
    place: process,
    node: row?.fence === ctx.fence ? row.owner : null,
    signal: ctx.signal,
  };
}

function runNow(world: SimWorld, process: SimProcess, ctx: RunContext): unknown {
  const execution = executionOf(world, process, ctx);
  world.ledger.begin(execution);
  world.ledger.effect(execution);
  world.ledger.end(execution);
  return { fence: ctx.fence, attempt: ctx.attempt };
}

/** Where, and by which code. */
interface Hosting {
  readonly world: SimWorld;
  readonly process: SimProcess;
  readonly version: string;
}

async function run(
  { world, process, version }: Hosting,
  input: SimInput,
  ctx: RunContext,
): Promise<unknown> {
  const execution = executionOf(world, process, ctx);
  const { ledger } = world;
  const say = (what: string): void =>
    world.trace.add(`${process.name} ${what} ${ctx.runId} under fence ${ctx.fence}`);
  ledger.begin(execution);
  say('begins');
  try {
    world.steps.executes(execution, version);
    if (execution.durable) return await perform(input, ctx, { world, process, execution });
    return await behave(input, ctx, { clock: process.main, ledger, execution });
  } finally {
    ledger.end(execution);
    say('ends');
  }
}
