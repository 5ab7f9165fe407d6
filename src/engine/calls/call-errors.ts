/**
 * Owns the words in which calls are refused, and those in which they end without a result.
 */
import { shown } from '../../core/check.ts';
import { type ErrorCode, HoldfastError } from '../../core/errors.ts';
import type { Checked } from '../hosted.ts';
import type { CallTarget } from './call-target.ts';

export const drainingError = (): HoldfastError =>
  new HoldfastError('node.draining', 'this process takes no more calls; it is shutting down');

export const fullError = (queueMax: number): HoldfastError =>
  new HoldfastError('call.full', `${queueMax} calls wait, as many as allowed`, {
    details: { queueMax },
  });

export function duplicateError(id: string, active: boolean): HoldfastError {
  const message = active ? `a call '${id}' is under way` : `a call '${id}' has ended lately`;
  return new HoldfastError('call.duplicate', message, { details: { id, active } });
}

/** Nobody has the name, or its prefixes fit none of what was asked for. */
export function missingError(
  name: string,
  word: string | undefined,
  missing: 'name' | 'route',
): HoldfastError {
  const code: ErrorCode = missing === 'name' ? 'function.unknown' : 'call.no_route';
  const message =
    missing === 'name'
      ? `no function ${shown(name)} can be called here`
      : `no prefix of '${name}' fits ${word === undefined ? 'a call without a word' : shown(word)}`;
  return new HoldfastError(code, message, { details: { name } });
}

export const accessError = (name: string): HoldfastError =>
  new HoldfastError('auth.denied', `the access of the caller does not allow '${name}'`, {
    details: { name },
  });

/** The reason of a cancel, as its code and its caller get it. */
export function cancelledError({ name }: CallTarget, reason: unknown): HoldfastError {
  const why = typeof reason === 'string' && reason !== '' ? `: ${reason}` : '';
  const message = `the call of '${name}' was cancelled${why}`;
  const cause = typeof reason === 'string' ? undefined : reason;
  return new HoldfastError('call.cancelled', message, { details: { fn: name }, cause });
}

export const endedError = ({ name }: CallTarget): HoldfastError =>
  new HoldfastError('call.cancelled', 'the process ended before the call was answered', {
    details: { fn: name },
  });

export const deadlineError = ({ name }: CallTarget): HoldfastError =>
  new HoldfastError('call.timed_out', `the call of '${name}' was not answered in its time`, {
    details: { fn: name },
  });

/** The checked input; throws `input.invalid`. */
export function fitting({ name }: CallTarget, checked: Checked): unknown {
  if (checked.ok) return checked.value;
  const message = `the input of '${name}' does not fit its schema: ${checked.issues.join('; ')}`;
  throw new HoldfastError('input.invalid', message, { details: { issues: checked.issues } });
}

/** Whatever was thrown while a call was let in, as one of our errors. */
export function errorOf(thrown: unknown): HoldfastError {
  if (thrown instanceof HoldfastError) return thrown;
  const why = thrown instanceof Error ? thrown.message : shown(thrown);
  const message = `the schema of the function failed by itself: ${why}`;
  return new HoldfastError('input.invalid', message, { cause: thrown });
}

export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' &&
  value !== null &&
  'then' in value &&
  typeof value.then === 'function';
