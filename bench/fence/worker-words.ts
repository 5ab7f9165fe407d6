/**
 * Owns the words between the referee and a process that executes.
 */
import type { System } from './contender.ts';
import type { Actor } from './history.ts';

/** On the command line of the process, as JSON. */
export interface Order {
  readonly system: System;
  readonly url: string;
  readonly actor: Actor;
}

/** What the referee tells the process. */
export type Tell =
  | 'work'
  /** Blocks the thread until a byte comes on the standard input; then the handler returns. */
  | 'compute'
  /** The handler returns. */
  | 'return'
  /** Answers, to show that the process had its turn. */
  | 'echo';

/** What the process says. */
export type Word =
  | { readonly said: 'loaded' | 'ready' | 'computing' | 'echo' }
  | { readonly said: 'begun' | 'returned'; readonly by: string }
  | { readonly said: 'words'; readonly words: string }
  | { readonly said: 'failed'; readonly words: string };
