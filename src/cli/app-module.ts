/**
 * Owns the loading of an app module: every function that it exports is hosted.
 *
 * A1 A function may be exported by name, or stand in an exported array or object; one that is
 *    exported in several places counts once.
 * A2 Whatever goes wrong is `app.invalid` with the first line of the cause, and the cause kept.
 * A3 Of several versions of one name the last is the current one. Names of exports have no order,
 *    so that such versions have to stand in one array.
 */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { HoldfastError } from '../core/errors.ts';
import type { AnyFunction } from '../define-function.ts';
import { isFunctionDefinition } from '../define-function.ts';

/** The functions that the module at `path` exports. */
export async function loadApp(path: string): Promise<readonly AnyFunction[]> {
  const exported = Object.values(await importModule(resolve(path), path));
  const found = new Set<AnyFunction>(exported.flatMap(definitionsIn));
  const arrays = exported.filter(Array.isArray).map(definitionsIn);
  if (found.size > 0) return inOrder([...found], arrays, path);
  throw invalid(path, 'exports no function', 'export what defineFunction() returned');
}

/** A3 */
function inOrder(
  found: readonly AnyFunction[],
  arrays: readonly (readonly AnyFunction[])[],
  path: string,
): readonly AnyFunction[] {
  const byName = Map.groupBy(found, ({ name }) => name);
  return [...byName].flatMap(([name, all]) => {
    if (new Set(all.map(({ version }) => version)).size === 1) return all;
    const array = arrays.find((one) => all.every((fn) => one.includes(fn)));
    if (array !== undefined) return array.filter((fn) => all.includes(fn));
    const what = `exports several versions of '${name}' in no order`;
    throw invalid(path, what, 'export them in one array, the current one last');
  });
}

async function importModule(file: string, path: string): Promise<Record<string, unknown>> {
  const isFile = await stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile) throw invalid(path, 'is not there', 'give the path of a .ts or .js module');
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (cause) {
    const [why = ''] = (cause instanceof Error ? `${cause}` : String(cause)).split('\n');
    throw invalid(path, `cannot be loaded: ${why}`, 'mend the module and start again', cause);
  }
}

const invalid = (path: string, what: string, todo: string, cause?: unknown): HoldfastError =>
  new HoldfastError('app.invalid', `the app module '${path}' ${what}`, {
    details: { path, todo },
    cause,
  });

function definitionsIn(value: unknown): readonly AnyFunction[] {
  if (isFunctionDefinition(value)) return [value];
  return isPlain(value) ? Object.values(value).filter(isFunctionDefinition) : [];
}

/** An array or an object literal: the values of anything else are its own business. */
function isPlain(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}
