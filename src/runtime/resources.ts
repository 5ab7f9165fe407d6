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
export interface FunctionPool extends PoolFigures {
  readonly fn: string;
}

/** A handler under its name. */
interface NamedHandler {
  readonly name: string;
  readonly run: unknown;
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

/**
 * The figures of all pools, those of one name together: it may have several versions. Past a bound
 * they are told as `other`. `served`: what can be called beside what is hosted.
 */
export function poolsOf(
  functions: readonly AnyFunction[],
  served: readonly NamedHandler[],
): readonly FunctionPool[] {
  const hosted = functions.map((fn) => ({ name: fn.name, run: partsOf(fn)?.run }));
  const byName = new Map<string, Set<HeldResource>>();
  for (const { name, run } of [...hosted, ...served]) {
    const resource = resourceOf(run);
    if (resource === null) continue;
    const known = byName.get(name) ?? new Set<HeldResource>();
    byName.set(name, known.add(resource));
  }
  const all = [...byName].map(([fn, held]): FunctionPool => {
    return { fn, ...[...held].map(({ figures }) => figures).reduce(sum) };
  });
  const rest = all.splice(limits.metricFunctionsMax);
  if (rest.length === 0) return all;
  return [...all, { ...rest.reduce(sum), fn: 'other' }];
}

const sum = <Figures extends PoolFigures>(a: Figures, b: Figures): Figures => ({
  ...a,
  live: a.live + b.live,
  busy: a.busy + b.busy,
  waiting: a.waiting + b.waiting,
  created: a.created + b.created,
  discarded: a.discarded + b.discarded,
  poisoned: a.poisoned + b.poisoned,
});
