/**
 * Owns the checking of what the code says about children, before a step is made of it.
 *
 * O1 What is about the run that is made (its lane, its priority) is checked where it is made.
 */
import { checkOptions, checkWord, invalid } from '../../core/check.ts';
import { checkStepName } from '../../core/durable/keys.ts';
import { type ChildClose, childCloses } from '../../ports/store-family.ts';
import type { ChildOptions } from './child-words.ts';

const names = [
  ...['name', 'close', 'lane', 'priority', 'tags', 'delayMs', 'dueAt', 'deadlineMs', 'alone'],
] as const;

/** What was said of children that are to be started together. */
export interface CheckedChildren {
  readonly name: string;
  readonly close: ChildClose;
  readonly terms: Omit<ChildOptions, 'name' | 'close'>;
}

/** Throws `request.invalid` and `key.invalid`. */
export function checkChildren(what: string, fn: unknown, options: ChildOptions): CheckedChildren {
  checkOptions(`the options of ctx.${what}`, options, names);
  const { name, close = 'cancel', ...terms } = options;
  if (terms.alone !== undefined && typeof terms.alone !== 'boolean') {
    throw invalid('alone', terms.alone, 'it must be a boolean');
  }
  checkWord('close', close, childCloses);
  const given = name ?? nameOf(fn);
  return { name: checkStepName('the name of children', given), close, terms };
}

function nameOf(fn: unknown): unknown {
  if (typeof fn === 'string') return fn;
  if (typeof fn === 'object' && fn !== null && 'name' in fn) return fn.name;
  throw invalid('the function', fn, 'give a definition or the name of a function');
}

/** Whether something can be gone through. Throws `request.invalid`. */
export function checkInputs(inputs: unknown): void {
  const known = typeof inputs === 'object' && inputs !== null;
  if (known && (Symbol.iterator in inputs || Symbol.asyncIterator in inputs)) return;
  throw invalid('the inputs of ctx.all', inputs, 'give an array or another (async) iterable');
}
