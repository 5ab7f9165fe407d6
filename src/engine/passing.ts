/**
 * Owns which faults pass by themselves.
 */
import { HoldfastError } from '../core/errors.ts';

/** Whether waiting mends it: the store could not be asked, and is not closed. */
export const mayPass = (error: unknown): boolean =>
  error instanceof HoldfastError &&
  error.code.startsWith('store.') &&
  error.code !== 'store.closed';
