/**
 * Owns what the supervisor of `holdfast up` and its worker processes say to each other.
 *
 * M1 The channel itself is a message: when it closes, the supervisor is gone and the worker drains.
 * M2 The store is handed over as HOLDFAST_STORE: only the user who started the worker can read its
 *    environment, and the app module finds it there as well.
 */
import type { ErrorCode } from '../../core/errors.ts';
import type { HttpOrder } from '../http-options.ts';

/** From the supervisor to a worker. */
export interface DrainOrder {
  readonly do: 'drain';
}

/** From a worker to the supervisor. */
export type WorkerReport =
  | {
      readonly fact: 'ready';
      readonly node: string;
      readonly functions: readonly string[];
      readonly slots: number;
      /** The address of its HTTP API, or null. */
      readonly http: string | null;
    }
  /** The worker cannot work: the app or the store is not as it must be. */
  | {
      readonly fact: 'refused';
      readonly code: ErrorCode;
      readonly message: string;
      readonly details: Readonly<Record<string, unknown>>;
    }
  /** Everything that ran has ended or was handed back. */
  | { readonly fact: 'drained' };

/**
 * How a worker is to work; handed over on its command line, which everybody on the machine can
 * read. So the store, whose address may hold a password, is not in it (M2).
 */
export interface WorkerOrder {
  readonly app: string;
  readonly node: string;
  readonly durability: 'full' | 'relaxed';
  readonly slots: number | null;
  readonly graceMs: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  readonly json: boolean;
  /** The HTTP API that it serves, too, or null. */
  readonly http: HttpOrder | null;
}
