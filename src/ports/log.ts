/**
 * Owns the port to the runtime's own log (not the logs of runs, which are kept in the store), and
 * the levels of both.
 */

/** The least important first. */
export const logLevels = ['debug', 'info', 'warn', 'error'] as const;

/** One of the levels, of which the least important is named first. */
export type LogLevel = (typeof logLevels)[number];

/** Structured lines about what the runtime does. Secrets and payloads are never handed to it. */
export interface Log {
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** False: it would not keep an entry of that level. Left out: it keeps all. */
  wants?(level: LogLevel): boolean;
}

/** Keeps nothing. */
export const silentLog: Log = { log: () => {}, wants: () => false };
