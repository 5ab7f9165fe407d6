/**
 * Owns the words between a runtime and a thread that executes a trusted module.
 *
 * W1 A thread executes one call at a time. What travels is what the structured clone holds.
 */
import type { LogLevel } from '../../ports/log.ts';
import type { PartData } from '../../ports/store-parts.ts';

/** What a handler in a thread knows of its run. */
export interface ThreadCallFacts {
  readonly runId: string;
  readonly attempt: number;
  readonly fence: number;
  readonly tenant: string;
  readonly lane: string | null;
  readonly tags: readonly string[];
  readonly deadlineAt: number | null;
  readonly traceparent: string | null;
}

/** What the thread is started with. */
export interface ThreadSetup {
  readonly module: string;
}

/** To the thread. */
export type ThreadOrder =
  | {
      readonly order: 'run';
      readonly call: number;
      readonly input: unknown;
      readonly facts: ThreadCallFacts;
    }
  | { readonly order: 'abort'; readonly call: number; readonly fault: ThreadFault };

/** An error on its way between threads. */
export interface ThreadFault {
  readonly name: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly code?: string | undefined;
  /** When its author wants it to be tried again; `never` for not at all. */
  readonly retry?: 'never' | { readonly at: number | null; readonly afterMs: number | null };
}

/** From the thread. */
export type ThreadWord =
  | { readonly word: 'ready' }
  | { readonly word: 'refused'; readonly message: string }
  | { readonly word: 'part'; readonly call: number; readonly part: PartData }
  | { readonly word: 'progress'; readonly call: number; readonly value: unknown }
  | {
      readonly word: 'line';
      readonly call: number;
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>> | undefined;
    }
  | { readonly word: 'done'; readonly call: number; readonly value: unknown }
  | { readonly word: 'failed'; readonly call: number; readonly fault: ThreadFault };
