/**
 * Owns the making of children from what the code of their parent says: as `hf.start` makes runs.
 *
 * M1 A child is a run of its parent's own: what its result is, and when it is closed, follows from
 *    that. Terms by which it may be a run that is there already are refused, unless waived.
 */

import { HoldfastError } from '../core/errors.ts';
import type { AnyFunction } from '../define-function.ts';
import type { ChildMaker } from '../engine/durable/child-starts.ts';
import type { World } from '../engine/world.ts';
import type { Registry, Startable } from './registry.ts';
import { startItem } from './start-item.ts';

/** Makes children of the functions that a runtime knows, or that a node hosts. */
export function childMaker(world: World, registry: Registry, inputBytesMax: number): ChildMaker {
  return async (given, input, { alone = false, ...terms }) => {
    const fn = given as AnyFunction | string;
    const found = registry.find(fn) ?? (await registry.look(world, String(fn)));
    const own = alone ? ownOf(found) : checkOwn(found);
    return startItem(world, inputBytesMax, own, input, terms);
  };
}

/** M1 */
function checkOwn(fn: Startable): Startable {
  const { name, parts } = fn;
  const { debounce, unique } = parts?.terms.flow ?? {};
  if (debounce === undefined && unique === undefined) return fn;
  const term = debounce === undefined ? 'unique' : 'debounce';
  const message =
    `'${name}' has '${term}', by which a start may be a run that is there already, and a child ` +
    "is its parent's own; start it with { alone: true }, which passes by that term";
  throw new HoldfastError('child.joins', message, { details: { fn: name, term } });
}

/** The function without the terms that are waived. */
function ownOf({ name, parts }: Startable): Startable {
  if (parts?.terms.flow === undefined) return { name, parts };
  const { debounce: _, unique: __, ...flow } = parts.terms.flow;
  return { name, parts: { ...parts, terms: { ...parts.terms, flow } } };
}
