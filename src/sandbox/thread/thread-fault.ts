/**
 * Owns the way of an error from one thread to another.
 *
 * F1 What the engine judges an error by (its code, and whether it is to be tried again) arrives.
 * F2 Anything can be thrown; nothing breaks this.
 */
import { NonRetryableError, RetryAtError } from '../../core/handler-error.ts';
import { limits } from '../../core/limits.ts';
import type { ThreadFault } from './thread-wire.ts';

/** A thrown value, ready to be sent. */
export function sendThrown(thrown: unknown): ThreadFault {
  try {
    return thrown instanceof Error ? sendError(thrown) : sendOther(thrown);
  } catch {
    return { name: 'Error', message: 'the handler threw a value that cannot be read' };
  }
}

function sendOther(thrown: unknown): ThreadFault {
  const text = typeof thrown === 'object' ? JSON.stringify(thrown) : String(thrown);
  return { name: 'Error', message: `the handler threw ${cut(text ?? 'a value')}` };
}

/** Known by name: the module may have loaded classes of its own. */
function sendError(error: Error): ThreadFault {
  const { name, message, stack } = error;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const fault = { name: cut(String(name)), message: cut(String(message)), stack, code };
  if (name === 'NonRetryableError') return { ...fault, retry: 'never' };
  if (name !== 'RetryAtError') return fault;
  const { at, afterMs } = error as Partial<RetryAtError>;
  return { ...fault, retry: { at: at ?? null, afterMs: afterMs ?? null } };
}

/** The error that was sent, with the stack of the thread. */
export function receiveThrown(fault: ThreadFault): Error {
  const error = receivedOf(fault);
  if (fault.stack !== undefined) error.stack = fault.stack;
  return error;
}

function receivedOf({ name, message, code, retry }: ThreadFault): Error {
  const extras = code === undefined ? {} : { code };
  if (retry === 'never') return new NonRetryableError(message, extras);
  if (retry !== undefined) {
    const { at, afterMs } = retry;
    return new RetryAtError(message, {
      ...extras,
      ...(at === null ? {} : { at }),
      ...(afterMs === null ? {} : { afterMs }),
    });
  }
  return Object.assign(new Error(message), { name, ...extras });
}

const cut = (text: string): string => text.slice(0, limits.errorMessageCharsMax);
