/**
 * Owns the runtime's own log as `holdfast up` writes it: one line an entry, on `err`.
 */
import { type Log, type LogLevel, logLevels } from '../ports/log.ts';
import { formatMoment } from './duration.ts';
import type { Io } from './io.ts';
import { harmlessLine, paint } from './printer.ts';

/** A log that writes entries from `least` up, as text or as JSON. */
export function lineLog(io: Io, least: LogLevel, json: boolean): Log {
  return {
    log: (level, message, fields) => {
      if (logLevels.indexOf(level) < logLevels.indexOf(least)) return;
      const at = formatMoment(io.clock.wall());
      if (json) {
        io.err.write(`${JSON.stringify({ at, level, pid: process.pid, message, ...fields })}\n`);
        return;
      }
      const more = fields === undefined ? '' : ` ${JSON.stringify(fields)}`;
      const text = harmlessLine(`${level.padEnd(5)} [${process.pid}] ${message}${more}`);
      io.err.write(`${paint(io.err, 'dim', at)} ${text}\n`);
    },
  };
}
