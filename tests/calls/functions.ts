/** Functions that a test can see into, and stop where it wants. */
import { type AnyFunction, defineFunction, type Later, type RunContext } from 'holdfast';
import { meetings } from '../e2e/runtime-scene.ts';

/** What a test sees of its functions. */
export interface Watched {
  /** Ids of calls, in the order in which they began. */
  readonly begun: string[];
  /** How many executed at once at the most. */
  readonly most: () => number;
  readonly meet: ReturnType<typeof made>;
  /** Promises of later answers, by id. */
  readonly laters: Map<string, Later>;
  readonly functions: readonly AnyFunction[];
}

const made = () => meetings();

/** A function that ends when the test meets it under the id of the call. */
export const held = (watched: Watched, name: string, more: object = {}): AnyFunction =>
  defineFunction({
    ...{ name, timeouts: { graceMs: 50 } },
    ...more,
    run: (_: unknown, ctx: RunContext) => waitIn(watched, ctx.runId),
  });

const counts = new WeakMap<Watched, { now: number; most: number }>();

async function waitIn(watched: Watched, id: string): Promise<string> {
  const count = counts.get(watched) ?? { now: 0, most: 0 };
  watched.begun.push(id);
  count.now += 1;
  count.most = Math.max(count.most, count.now);
  await watched.meet(id).promise;
  count.now -= 1;
  return `held ${id}`;
}

/** `echo`, `fail`, `obey`, `later`, and `hold`, one at a time, which ignores its signal. */
export function watchedFunctions(): Watched {
  const laters = new Map<string, Later>();
  const functions: AnyFunction[] = [];
  const count = { now: 0, most: 0 };
  const watched: Watched = {
    begun: [],
    most: () => count.most,
    meet: meetings(),
    laters,
    functions,
  };
  counts.set(watched, count);
  functions.push(
    defineFunction({ name: 'echo', run: (input: unknown) => input }),
    defineFunction({
      name: 'fail',
      run: (): never => {
        throw new Error('no such thing');
      },
    }),
    defineFunction({
      name: 'obey',
      run: async (_: unknown, ctx) => {
        watched.begun.push(ctx.runId);
        const { promise, resolve } = Promise.withResolvers<string>();
        ctx.signal.addEventListener('abort', () => resolve('stopped in good order'));
        return promise;
      },
    }),
    defineFunction({
      ...{ name: 'later', lane: 'later', timeouts: { graceMs: 50 } },
      run: (_: unknown, ctx) => {
        watched.begun.push(ctx.runId);
        laters.set(ctx.runId, ctx.later());
      },
    }),
    held(watched, 'hold', { lane: 'hold' }),
    held(watched, 'free'),
  );
  return watched;
}
