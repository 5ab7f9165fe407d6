/**
 * Owns what a runtime says when it was given no log: warnings and errors, one JSON line each, on
 * stderr.
 */
import type { Log, LogLevel } from '../ports/log.ts';

const told: ReadonlySet<LogLevel> = new Set(['warn', 'error']);

/** The default log. */
export const stderrLog: Log = {
  log(level, message, fields) {
    if (told.has(level)) {
      process.stderr.write(`${JSON.stringify({ holdfast: level, message, ...fields })}\n`);
    }
  },
};
