/**
 * Owns the place where secrets are taken out of the runtime's log, whoever writes it.
 *
 * R1 What reaches a log, ours or one that was given, went through here.
 */
import { type Redactor, withoutCredentials } from '../../core/redact.ts';
import type { Log } from '../../ports/log.ts';

/** The log, without secrets. */
export const redactingLog = (log: Log, redactor: Redactor): Log => ({
  wants: (level) => log.wants?.(level) ?? true,
  log(level, message, fields) {
    if (log.wants?.(level) === false) return;
    const shown = withoutCredentials(message);
    const more = fields === undefined ? null : redactor.fields(fields);
    if (more === null) log.log(level, shown);
    else log.log(level, shown, more);
  },
});
