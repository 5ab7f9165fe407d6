/**
 * Owns the one table of refusals and faults, and the error that carries one of them to a user.
 *
 * E1 A code is `area.reason`, permanent once released, and stands in docs/reference/errors.md.
 * E2 `retry` says whether the same request may succeed later: `never`, `after` (wait first), `safe`
 *    (at once).
 * E3 `exit` is the process exit code of the command line for that kind of trouble.
 */

/** What a code means for whoever gets it. */
export interface ErrorRow {
  readonly http: number;
  readonly retry: 'never' | 'after' | 'safe';
  readonly exit: number;
  /** One sentence for the reference: when it happens and what to do. */
  readonly meaning: string;
}

const row = (http: number, retry: ErrorRow['retry'], exit: number, meaning: string): ErrorRow => ({
  http,
  retry,
  exit,
  meaning,
});

/** The table. Types, documentation, HTTP answers and exit codes derive from it. */
export const errorTable = {
  'request.invalid': row(400, 'never', 2, 'An argument breaks a rule; the message names both.'),
  'input.invalid': row(400, 'never', 2, "The input fails the function's schema; see the paths."),
  'payload.too_large': row(
    413,
    'never',
    2,
    'An input, result, part or progress value is over its limit.',
  ),
  'payload.not_json': row(400, 'never', 2, 'A value cannot be written as JSON.'),
  'payload.no_key': row(
    409,
    'never',
    5,
    'A stored value was written by a codec, or under a key, that this runtime was not given.',
  ),
  'payload.damaged': row(
    500,
    'never',
    7,
    'A stored value was changed, or moved from where it stood; its codec refuses it.',
  ),
  'key.invalid': row(
    400,
    'never',
    2,
    'An id, lane, tenant, name or tag is empty, long or not printable.',
  ),
  'function.unknown': row(404, 'never', 4, 'No function of that name is known here.'),
  'function.duplicate': row(
    409,
    'never',
    2,
    'Two functions of one name and version were given to one runtime.',
  ),
  'function.conflict': row(
    409,
    'never',
    5,
    'A live node hosts another definition of the same version.',
  ),
  'function.paused': row(409, 'after', 5, 'The function is paused.'),
  'run.not_found': row(404, 'never', 4, 'No run of that id is in the store.'),
  'run.conflict': row(409, 'never', 5, 'The id is taken by a run with another function or input.'),
  'run.illegal_transition': row(409, 'never', 5, 'The run is not in a state that allows this.'),
  'run.already_done': row(409, 'never', 5, 'The run has its outcome already; it never changes.'),
  'run.not_succeeded': row(
    409,
    'never',
    1,
    'The result was asked for but the run ended otherwise.',
  ),
  'run.deadline_passed': row(409, 'never', 1, 'The run did not end before its total deadline.'),
  'run.cancelled': row(409, 'never', 1, 'The run was cancelled.'),
  'attempt.timed_out': row(504, 'never', 1, 'An attempt took longer than its timeout.'),
  'attempt.crashed': row(
    500,
    'never',
    1,
    'The owner of the attempt died; the evidence is in details.',
  ),
  'attempt.failed': row(500, 'never', 1, 'The handler threw; the message is its own.'),
  'attempt.over': row(
    409,
    'never',
    5,
    'The attempt is over; the run has ended, or goes on in a later attempt.',
  ),
  'output.invalid': row(500, 'never', 1, 'What a step gave fails its schema; see the paths.'),
  'step.timed_out': row(504, 'never', 1, 'A step took longer than its timeout.'),
  'step.not_found': row(404, 'never', 4, 'The run has no step of that key.'),
  'parent.over': row(
    409,
    'never',
    5,
    'Only the attempt that owns a run starts children of it, and that one is over.',
  ),
  'child.too_deep': row(
    409,
    'never',
    2,
    'Too many runs stand above this one: each started the next; do they ever come to an end?',
  ),
  'child.joins': row(
    409,
    'never',
    2,
    'By its `debounce` or `unique` the child may be a run of somebody else; start it `alone`.',
  ),
  'child.failed': row(
    409,
    'never',
    1,
    'A child did not succeed; its id, its outcome and its error are in details.',
  ),
  'children.full': row(
    413,
    'never',
    2,
    'More children than `ctx.all` starts, or than `values()` holds in memory at once.',
  ),
  'steps.full': row(413, 'never', 2, 'The run has as many steps as its limit.'),
  'parts.full': row(
    429,
    'after',
    6,
    'Too many parts wait for the store; await `ctx.emit.drained()` between them.',
  ),
  'replay.diverged': row(
    409,
    'never',
    5,
    'The code asks for other steps than were recorded; the difference is in details.',
  ),
  'call.duplicate': row(
    409,
    'never',
    5,
    'A call of that id is under way, or ended less than a minute ago.',
  ),
  'call.full': row(503, 'after', 6, 'As many calls wait in this process as its limit allows.'),
  'call.quarantined': row(
    503,
    'after',
    6,
    'The lane of the call is held by code that ignores that its own call is over.',
  ),
  'call.busy': row(503, 'after', 6, 'Whoever the work was offered to did not take it in time.'),
  'call.no_route': row(404, 'never', 4, 'None of the prefixes of that name fits the call.'),
  'call.refused': row(403, 'never', 2, 'A resolver of this process refused the call, or failed.'),
  'call.cancelled': row(499, 'never', 1, 'The call was cancelled, or its process ended.'),
  'call.timed_out': row(504, 'never', 1, 'The call was not answered before its deadline.'),
  'call.failed': row(500, 'never', 1, 'The handler threw; details.error is what it threw.'),
  'call.not_durable': row(
    409,
    'never',
    2,
    'Steps, sleeps, waits and parts take a run; a call keeps nothing.',
  ),
  'call.only': row(409, 'never', 2, 'Only a call is answered later; a run is not.'),
  'call.malformed': row(400, 'never', 2, 'A line on standard input breaks a rule of the protocol.'),
  'call.unsafe_result': row(
    500,
    'never',
    1,
    'The result has a line that ends a frame of the protocol; it was not sent.',
  ),
  'event.conflict': row(409, 'never', 5, 'The id is taken by an event with other data.'),
  'signal.unknown': row(404, 'never', 4, 'The function of the run takes no signal of that name.'),
  'signal.not_found': row(404, 'never', 4, 'No signal of that id was sent to the run.'),
  'signal.conflict': row(
    409,
    'never',
    5,
    'The id is taken by a signal to the same run with another name or other data.',
  ),
  'signals.full': row(
    429,
    'after',
    6,
    'As many signals wait in the inbox of the run as its limit; it reads them too slowly.',
  ),
  'state.full': row(413, 'never', 2, 'The run has as many names of declared state as its limit.'),
  'approval.not_found': row(404, 'never', 4, 'Nobody waits, or waited, under that token.'),
  'approval.already_done': row(409, 'never', 5, 'The wait was decided, or is over.'),
  'fence.stale': row(409, 'never', 5, 'The run has another owner now; the write changed nothing.'),
  'node.fenced': row(409, 'never', 5, 'This node lost its lease and stopped its work.'),
  'node.clock_off': row(
    500,
    'never',
    7,
    "The clock of this machine and the database server's are too far apart.",
  ),
  'rate.limited': row(
    429,
    'after',
    6,
    'Too many starts of that key, or calls of that tenant; `details.retryAfterMs` says how long.',
  ),
  'lane.busy': row(
    409,
    'after',
    5,
    'The function starts nothing in a lane in which a run waits or is executed.',
  ),
  'run.joined': row(
    409,
    'never',
    5,
    'A start from a transaction met a run that does its work: `details.runId` names that one.',
  ),
  'batch.no_verdict': row(
    500,
    'never',
    1,
    'The function of a batch ended without saying what became of this item.',
  ),
  'dead.not_found': row(
    404,
    'never',
    4,
    'The run is no dead letter, or no longer: it was redriven, discarded or pruned.',
  ),
  'node.draining': row(503, 'after', 6, 'The node is shutting down and takes no more work.'),
  'tenant.full': row(429, 'after', 6, 'The tenant has as many waiting runs as its limit allows.'),
  'store.full': row(
    503,
    'after',
    6,
    'The store has as many live runs as its limit, or no space left.',
  ),
  'store.busy': row(
    503,
    'after',
    6,
    'Another process held the store for longer than the patience.',
  ),
  'store.unavailable': row(
    503,
    'after',
    6,
    'The store could not be read or written; the cause is kept.',
  ),
  'store.closed': row(409, 'never', 5, 'The runtime or its store is closed.'),
  'store.bad_path': row(
    400,
    'never',
    2,
    'The path is a folder, has no parent, or is not writable; or the address is wrong.',
  ),
  'store.denied': row(
    500,
    'never',
    2,
    'The database refuses the role, its password or a right, or its certificate is not trusted.',
  ),
  'store.corrupt': row(
    500,
    'never',
    7,
    'The file or schema is damaged or is no holdfast store; it was not touched.',
  ),
  'store.too_old': row(500, 'never', 7, 'The database server is older than PostgreSQL 13.'),
  'store.newer_schema': row(409, 'never', 7, 'A newer version of holdfast wrote the store.'),
  'store.older_schema': row(
    409,
    'after',
    7,
    'The store is not made or not up to date, and opening must not change it: `holdfast migrate`.',
  ),
  'store.moved': row(409, 'never', 7, 'The store was moved to another place; open that one.'),
  'auth.missing': row(
    401,
    'never',
    2,
    'An access key is needed, and none that this store knows was given.',
  ),
  'auth.denied': row(
    403,
    'never',
    2,
    'The scope or the tenant of the access key does not allow this.',
  ),
  'auth.unknown_key': row(404, 'never', 4, 'No access key has that id.'),
  'auth.full': row(409, 'never', 5, 'The store has as many access keys as its limit; revoke one.'),
  'http.no_route': row(404, 'never', 4, 'Nothing is served at that path.'),
  'http.wrong_method': row(
    405,
    'never',
    2,
    'The path does not take that method; `Allow` names those that it takes.',
  ),
  'http.media_type': row(415, 'never', 2, 'The body is not `application/json`, or it is encoded.'),
  'http.not_json': row(400, 'never', 2, 'The body is no JSON text in UTF-8.'),
  'http.too_deep': row(400, 'never', 2, 'The JSON of the body nests deeper than allowed.'),
  'http.url_too_long': row(414, 'never', 2, 'The URL is longer than allowed.'),
  'http.headers_too_large': row(431, 'never', 2, 'The headers are too many or too large.'),
  'http.duplicate_header': row(400, 'never', 2, 'A header that decides something was sent twice.'),
  'http.malformed': row(400, 'never', 2, 'What was sent is no HTTP request.'),
  'http.timeout': row(
    408,
    'after',
    6,
    'The request did not arrive in the time that it has; nothing was done.',
  ),
  'http.wrong_host': row(
    421,
    'never',
    2,
    'Without keys the server answers to loopback names only, and `Host` is another.',
  ),
  'http.wrong_origin': row(
    403,
    'never',
    2,
    'Without keys the server takes nothing from pages of origins that were not named to it.',
  ),
  'http.busy': row(503, 'after', 6, 'As many streams or operations are under way as allowed.'),
  'operation.not_found': row(
    404,
    'never',
    4,
    'No operation of that id is remembered by this process.',
  ),
  'app.invalid': row(400, 'never', 2, 'The app module cannot be loaded or exports no function.'),
  'script.invalid': row(400, 'never', 2, 'A script does not compile; the message names the line.'),
  'script.failed': row(500, 'never', 1, 'A script threw; the message names script and line.'),
  'script.over_limit': row(
    500,
    'never',
    1,
    'A script or thread was stopped: it used more memory, time, output or grants than allowed.',
  ),
  'script.lost': row(
    503,
    'safe',
    6,
    'The VM or thread of a call has died, through no doing of the call that could be shown.',
  ),
  'sandbox.full': row(
    429,
    'after',
    6,
    'As many calls wait for a VM of the pool as allowed, or this one waited too long.',
  ),
  'sandbox.closed': row(409, 'never', 5, 'The pool is closed.'),
  'sandbox.unavailable': row(
    501,
    'never',
    7,
    'The package that executes the language is not installed, or does not work on this machine.',
  ),
  'wait.timeout': row(504, 'safe', 8, 'The wait ended before the run did; the run goes on.'),
  'internal.defect': row(500, 'never', 70, 'A fault of holdfast itself; please report it.'),
} as const satisfies Record<string, ErrorRow>;

/** One of the stable codes. */
export type ErrorCode = keyof typeof errorTable;

/** What may be attached to an error: the values at fault, and the cause (kept, never sent out). */
export interface ErrorExtras {
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * The error that every public call rejects or throws with. `code` is stable, `retry` says whether
 * trying again can help, `details` name the values at fault.
 *
 * @example
 * const error = new HoldfastError('run.not_found', "no run 'a1'", { details: { id: 'a1' } });
 * error.code; // => 'run.not_found'
 * error.retry; // => 'never'
 */
export class HoldfastError extends Error {
  override readonly name = 'HoldfastError';
  readonly code: ErrorCode;
  readonly retry: ErrorRow['retry'];
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, extras: ErrorExtras = {}) {
    super(message, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.code = code;
    this.retry = errorTable[code].retry;
    this.details = extras.details ?? {};
  }
}

/**
 * Stops a `switch` from forgetting a case: the compiler refuses a value that is still possible
 * here.
 */
export function assertNever(value: never): never {
  throw new HoldfastError('internal.defect', `unexpected value ${JSON.stringify(value)}`);
}
