/**
 * Owns the making of children from what the code of their parent says: as `hf.start` makes runs.
 */

import type { AnyFunction } from '../define-function.ts';
import type { ChildMaker } from '../engine/durable/child-starts.ts';
import type { World } from '../engine/world.ts';
import type { Registry } from './registry.ts';
import { startItem } from './start-item.ts';

/** Makes children of the functions that a runtime knows, or that a node hosts. */
export function childMaker(world: World, registry: Registry, inputBytesMax: number): ChildMaker {
  return async (given, input, terms) => {
    const fn = given as AnyFunction | string;
    const found = registry.find(fn) ?? (await registry.look(world, String(fn)));
    return startItem(world, inputBytesMax, found, input, terms);
  };
}
