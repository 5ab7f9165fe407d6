/**
 * Owns how a start is written.
 *
 * B1 A run always has its id before it is asked for: sent again, it is the same run.
 */
import type { StartOptions as LibraryOptions } from '../runtime/start-item.ts';
import { webId } from '../system/web.ts';

/** What may be said about one run; each word overrules the definition. */
export type StartOptions = Omit<LibraryOptions, 'tx'>;

/** One run of `startMany`. */
export type StartManyItem<Input> = StartOptions &
  (undefined extends Input ? { readonly input?: Input } : { readonly input: Input });

/** A start as it is sent. */
export interface StartBody extends Omit<StartOptions, 'dueAt'> {
  readonly input: unknown;
  readonly id: string;
  readonly dueAt?: number;
}

/** Makes the body of a start. */
export function startBody(input: unknown, options: StartOptions): StartBody {
  const { id = webId(), dueAt, ...rest } = options;
  const due = dueAt === undefined ? {} : { dueAt: Number(dueAt) };
  return { ...rest, ...due, input: input ?? null, id };
}
