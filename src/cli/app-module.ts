/**
 * Owns the loading of an app module: every function that it exports is hosted.
 *
 * A1 A function may be exported by name, or stand in an exported array or object; one that is
 *    exported in several places counts once.
 * A2 Whatever goes wrong is `app.invalid` with the first line of the cause, and the cause kept.
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
  const found = new Set<AnyFunction>();
  for (const value of exported) for (const fn of definitionsIn(value)) found.add(fn);
  if (found.size > 0) return [...found];
  throw invalid(path, 'exports no function', 'export what defineFunction() returned');
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
