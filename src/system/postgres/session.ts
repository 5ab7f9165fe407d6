/**
 * Owns the mark by which a connection knows that its session of the server is nobody else's.
 *
 * M1 Whoever sets up a session reads the mark first, and leaves one. A fresh session has none, and
 *    neither has one that a pooler has reset. One that somebody marked is shared, or was not reset:
 *    its settings may change at any moment, so that it is refused.
 */
import { HoldfastError } from '../../core/errors.ts';

/** The setting that is the mark. Nothing on the server knows the name. */
export const sessionMark = 'holdfast.session';

/** An expression: the mark of the session, or what is as good as none. */
export const markText = `current_setting('${sessionMark}', true)`;

/** The fault of a session that is not for one client alone. `shown` names the place. */
export function sharedSession(shown: string): HoldfastError {
  const message =
    `store ${shown}: a pooler in between gives one session of the server to several clients; set ` +
    'pool_mode = session and server_reset_query = DISCARD ALL there, or name the server itself';
  return new HoldfastError('store.bad_path', message, { details: { path: shown } });
}
