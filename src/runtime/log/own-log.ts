/**
 * Owns the runtime's own log where it was given none: on pino, one line an entry.
 *
 * L1 On a terminal an entry is a line that people read, elsewhere a line of JSON; both on stderr.
 *    What is written cannot move the cursor of a terminal.
 * L2 A line is written before the call returns: the last words of a process that dies are there.
 * L3 Secrets do not come this far: whoever hands out a log wraps it (`redactingLog`). pino's own
 *    redaction knows paths of a fixed depth only, and would be a second rule beside that of the
 *    store's lines.
 */
import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from 'pino';
import { checkOptions, checkWord, invalid } from '../../core/check.ts';
import type { Log, LogLevel } from '../../ports/log.ts';

/** How the runtime's own log is written. */
export interface LogOptions {
  /** Entries below it are not written. Default `warn`. */
  readonly level?: LogLevel | 'silent';
  /** Lines for people in the place of JSON. Default: where stderr is a terminal. */
  readonly pretty?: boolean;
  /** Gets each line, with its end. Default: stderr. */
  readonly destination?: { write(line: string): void };
}

const levels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** Checks the options; throws `request.invalid`. */
export function checkLogOptions(given: LogOptions): LogOptions {
  checkOptions('log', given, ['level', 'pretty', 'destination']);
  const { level, pretty, destination: to } = given;
  if (level !== undefined) checkWord('log.level', level, levels);
  if (pretty !== undefined && typeof pretty !== 'boolean') {
    throw invalid('log.pretty', pretty, 'it must be a boolean');
  }
  if (to !== undefined && typeof to?.write !== 'function') {
    throw invalid('log.destination', to, 'it must have a write method');
  }
  return given;
}

/**
 * Opens a log.
 *
 * @example
 * const log = openLog({ level: 'info', pretty: false });
 * log.log('info', 'the node joined', { node: 7 });
 * // => {"level":"info","time":"...","name":"holdfast","pid":1,"node":7,"message":"..."}
 */
export function openLog(options: LogOptions = {}): Log {
  const { level = 'warn', pretty, destination: to } = checkLogOptions(options);
  let logger: Logger | null = null;
  const open = (): Logger => {
    const sink = to ?? destination({ fd: stderrFd, sync: true });
    const asText = pretty ?? (to === undefined && process.stderr.isTTY === true);
    const base = { name: 'holdfast', pid: process.pid };
    const formatters = { level: (label: string) => ({ level: label }) };
    const timestamp = stdTimeFunctions.isoTime;
    const stream = asText ? prettyStream(sink) : sink;
    return pino({ level, base, formatters, timestamp, messageKey: 'message' }, stream);
  };
  const wants = (of: LogLevel): boolean => levels.indexOf(of) >= levels.indexOf(level);
  return {
    wants,
    log(of, message, fields) {
      // Most processes have nothing to say, and open nothing.
      if (!wants(of)) return;
      logger ??= open();
      logger[of](fields ?? {}, message);
    },
  };
}

/** For whoever said nothing about a log. */
export const stderrLog: Log = openLog();

const padTo = 5;
/** In threads, too, where the stream has none. */
const stderrFd = 2;

/** Lines of JSON as lines for people (L1). */
function prettyStream(sink: { write(line: string): void }): DestinationStream {
  return {
    write(line: string): void {
      const { level, time, name, pid, message, ...fields } = JSON.parse(line) as Entry;
      const moment = time.slice(11, 23);
      const more = Object.keys(fields).length === 0 ? '' : ` ${JSON.stringify(fields)}`;
      const text = harmless(`${message}${more}`);
      sink.write(`${moment} ${level.padEnd(padTo)} [${name} ${pid}] ${text}\n`);
    },
  };
}

interface Entry {
  readonly level: string;
  readonly time: string;
  readonly name: string;
  readonly pid: number;
  readonly message: string;
}

const unprintable = /[\p{Cc}\u2028\u2029]/gu;

const harmless = (text: string): string =>
  text.replace(unprintable, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);
