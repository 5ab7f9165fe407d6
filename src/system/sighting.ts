/**
 * Owns what a look at one pid can find, whichever way the system was asked.
 */
import type { ProcessState } from '../ports/process-table.ts';

/** A process with its start and state; proof that there is none; or no answer. */
export type Sighting =
  | { readonly seen: 'process'; readonly startedAt: string; readonly state: ProcessState }
  | { readonly seen: 'nothing' }
  | { readonly seen: 'unreadable' };
