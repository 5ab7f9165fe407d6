/**
 * Owns the port to the runtime's own log (not the logs of runs, which are kept in the store).
 */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Structured lines about what the runtime does. Secrets and payloads are never handed to it. */
export interface Log {
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
  /** False: it would not keep an entry of that level. Left out: it keeps all. */
  wants?(level: LogLevel): boolean;
}

/** Keeps nothing. */
export const silentLog: Log = { log: () => {}, wants: () => false };
