/**
 * Owns the VMs and threads behind the functions of one runtime: held while they may be executed.
 *
 * R1 They are ended after the engine, which executes on them until it has drained.
 */
import { limits } from '../core/limits.ts';
import type { AnyFunction } from '../define-function.ts';
import { partsOf } from '../define-function.ts';
import { type HeldResource, type PoolFigures, resourceOf } from '../ports/sandbox.ts';
import type { StopStack } from './stop-stack.ts';

/** The pool of one function. */
export interface FunctionPool {
  readonly fn: string;
  readonly figures: PoolFigures;
}

function resourcesOf(
  functions: readonly AnyFunction[],
): readonly (readonly [string, HeldResource])[] {
  return functions.flatMap((fn) => {
    const resource = resourceOf(partsOf(fn)?.run);
    return resource === null ? [] : [[fn.name, resource] as const];
  });
}

/** Holds what the functions need, until the runtime has stopped. */
export function holdResources(functions: readonly AnyFunction[], stops: StopStack): void {
  const held = resourcesOf(functions);
  if (held.length === 0) return;
  for (const [, resource] of held) resource.hold();
  stops.push('the sandboxes', async () => {
    await Promise.all(held.map(([, resource]) => resource.release()));
  });
}

/** The figures of all pools; past a bound they are told together as `other`. */
export function poolsOf(functions: readonly AnyFunction[]): readonly FunctionPool[] {
  const all = resourcesOf(functions).map(([fn, { figures }]) => ({ fn, figures }));
  const { metricFunctionsMax } = limits;
  const rest = all.splice(metricFunctionsMax);
  if (rest.length === 0) return all;
  const figures = rest.map((one) => one.figures).reduce(sum);
  return [...all, { fn: 'other', figures }];
}

const sum = (a: PoolFigures, b: PoolFigures): PoolFigures => ({
  live: a.live + b.live,
  busy: a.busy + b.busy,
  waiting: a.waiting + b.waiting,
  created: a.created + b.created,
  discarded: a.discarded + b.discarded,
});
