/**
 * Owns what a user reads when a command fails: one line that says what, one that says what to do.
 *
 * F1 Every failure has a code of the error table; the exit code is the table's.
 * F2 A stack trace is shown with HOLDFAST_DEBUG=1 and never else.
 * F3 With `--json` the failure is one JSON line on `err`: `{ error: { code, message, ... } }`.
 */
import { CommanderError } from 'commander';
import type { ErrorCode } from '../core/errors.ts';
import { errorTable, HoldfastError } from '../core/errors.ts';
import { standardRedactor, withoutCredentials } from '../core/redact.ts';
import type { Io } from './io.ts';
import { harmless, harmlessLine, paint } from './printer.ts';

/** What to do about an error of this code, where whoever threw it did not say. */
const advice: Readonly<Record<ErrorCode, string>> = {
  'request.invalid': 'see what is allowed: holdfast <command> --help',
  'input.invalid': 'mend the input at the paths named above and start again',
  'payload.too_large': 'keep the data elsewhere, and pass where it is',
  'payload.not_json': 'give JSON',
  'payload.no_key': 'give the codec and all keys that are in use, then: holdfast retry <id>',
  'payload.damaged': 'find out who changed the store; cancel the run, or restore a backup',
  'key.invalid': 'choose a short key of printable characters',
  'function.unknown': 'see what is hosted: holdfast functions',
  'function.duplicate': 'give each function a name, or a version, of its own',
  'function.conflict': 'raise its version, or stop the nodes that have the other definition',
  'function.paused': 'let it go on: holdfast resume function <name>',
  'run.not_found': 'look for it: holdfast ls',
  'run.conflict': 'choose another --id, or look at the run that has it: holdfast show <id>',
  'run.illegal_transition': 'see how it stands: holdfast show <id>',
  'run.already_done': 'an outcome never changes; holdfast retry <id> starts it anew',
  'run.not_succeeded': 'see what happened: holdfast show <id>, holdfast logs <id>',
  'run.deadline_passed': 'start it with a longer --deadline',
  'run.cancelled': 'start it anew: holdfast retry <id>',
  'attempt.timed_out': "raise the function's timeout, or make its work shorter",
  'attempt.crashed': 'look at the evidence: holdfast show <id>',
  'attempt.failed': 'see what happened: holdfast show <id>, holdfast logs <id>',
  'attempt.over': 'see how the run goes on: holdfast show <id>',
  'output.invalid': 'mend the step, or its schema, and start the run anew',
  'step.timed_out': "raise the step's timeout, or make its work shorter",
  'step.not_found': 'see its steps: holdfast steps <id>',
  'parts.full': 'await ctx.emit.drained() whenever ctx.emit says false',
  'parent.over': 'nothing: the attempt that owns the run starts them',
  'child.too_deep': 'see who starts whom: holdfast show <id>, holdfast children <id>',
  'child.joins': 'ctx.start(fn, input, { alone: true }), or a function without these terms',
  'child.failed': 'see what happened: holdfast children <id>, holdfast show <child>',
  'children.full': 'give parts of the inputs to several runs; go through outcomes()',
  'steps.full': 'do more in one step, or leave parts of the work to other runs',
  'replay.diverged':
    'see the difference: holdfast show <id>; then mend the code and retry, or fork',
  'call.duplicate': 'choose another id, or leave it out',
  'call.full': 'wait for calls to end, or allow more: calls.queueMax',
  'call.quarantined': 'find the code that does not end: holdfast top',
  'call.busy': 'try again',
  'call.no_route': 'look at the word behind the name',
  'call.refused': 'look at the resolvers of the app',
  'call.cancelled': 'call again',
  'call.timed_out': "raise the call's timeout, or make its work shorter",
  'call.failed': 'see what it threw',
  'call.not_durable': 'start a run: holdfast start <function>',
  'call.only': 'call it: holdfast call <function>',
  'call.malformed': 'send what docs/reference/stdio.md describes',
  'call.unsafe_result': 'send it as JSON, or without that line',
  'event.conflict': 'choose another id for the event',
  'signal.unknown': 'see which signals the function declares',
  'signal.not_found': 'look at the id, and at the run: holdfast show <id>',
  'signal.conflict': 'choose another id for the signal',
  'signals.full': 'wait until the run has read some of them: holdfast steps <id>',
  'state.full': 'set fewer names, each with a larger value',
  'approval.not_found': 'look at the token; the run may be gone',
  'approval.already_done': 'see what became of it: holdfast steps <id>',
  'fence.stale': 'another owner has the run now: holdfast show <id>',
  'node.fenced': 'its work was taken over; find out what kept it from its heartbeat',
  'node.clock_off': 'set the clocks of this machine and of the server, with NTP for good',
  'rate.limited': 'try again later, or ask for fewer of that key or tenant',
  'lane.busy': 'wait for the run in the lane: holdfast lanes',
  'run.joined': 'see the run that does its work: holdfast show <id>',
  'batch.no_verdict': 'give each item of the batch its verdict, and retry the run',
  'dead.not_found': 'see which there are: holdfast dead ls',
  'node.draining': 'use another node, or try again when it is back',
  'tenant.full': 'wait for its runs to end, or raise it: holdfast tenants set <tenant>',
  'store.full': 'wait for runs to end, free disk space, or prune: holdfast prune',
  'store.busy': 'try again; if it stays so, find out who holds it: holdfast doctor',
  'store.unavailable': 'check the disk, or the database server and the way to it, then try again',
  'store.closed': 'open the store again',
  'store.bad_path': 'give the path of a file or an address: --store ./app.db, postgres://...',
  'store.denied': 'look at the role, its password and its rights in the database',
  'store.too_old': 'use a PostgreSQL server of version 13 or later',
  'store.corrupt': 'restore a backup, or begin with another file; this one was not touched',
  'store.newer_schema': 'use the holdfast that wrote it, or a newer one',
  'store.older_schema': 'with a role that may change the schema: holdfast migrate --to <store>',
  'store.moved': 'open the store that it was moved to',
  'auth.missing': 'make one: holdfast keys create <name>',
  'auth.denied': 'use a key with that scope: holdfast keys create <name> --scope <scope>',
  'auth.unknown_key': 'see which there are: holdfast keys',
  'auth.full': 'revoke one: holdfast keys revoke <id>',
  'http.no_route': 'see what is served: /api/v1/openapi.json',
  'http.wrong_method': 'use a method that the path takes',
  'http.media_type': 'send JSON as application/json, not compressed',
  'http.not_json': 'mend the JSON',
  'http.too_deep': 'keep the data flatter',
  'http.url_too_long': 'use a shorter URL',
  'http.headers_too_large': 'send fewer headers',
  'http.duplicate_header': 'send it once',
  'http.malformed': 'send HTTP/1.1',
  'http.timeout': 'send it faster',
  'http.wrong_host': 'use 127.0.0.1 or localhost, or make keys',
  'http.wrong_origin': "name the page's origin to the server, or make keys",
  'http.busy': 'try again later',
  'operation.not_found': 'operations are remembered by the process that does them',
  'app.invalid': 'export from it what defineFunction() returned',
  'script.invalid': 'mend the script at the line named above',
  'script.failed': 'mend the script at the line named above, or its input',
  'script.over_limit': 'let the script do less, or raise its limits',
  'script.lost': 'try again',
  'sandbox.full': 'wait, or give the pool more VMs or a longer queue',
  'sandbox.closed': 'open the runtime again',
  'sandbox.unavailable': 'npm install isolated-vm wasmoon',
  'wait.timeout': 'look again later: holdfast show <id>',
  'internal.defect': 'please report it with the output of HOLDFAST_DEBUG=1',
};

/** A failure as it is shown. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly advice: string;
  readonly exit: number;
  readonly details: Readonly<Record<string, unknown>>;
  readonly stack: string | null;
}

/** An error of the command line itself, with its own word on what to do. */
export const usageError = (message: string, todo: string): HoldfastError =>
  new HoldfastError('request.invalid', message, { details: { todo } });

/** What is known about anything that was thrown. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CommanderError) {
    const message = error.message.replace(/^error: /, '').replace(/\n\((Did .*)\)$/, '. $1');
    return failure('request.invalid', message, advice['request.invalid'], {}, null);
  }
  const stack = stackOf(error);
  if (error instanceof HoldfastError) {
    const { todo, ...details } = error.details;
    const said = typeof todo === 'string' ? todo : advice[error.code];
    return failure(error.code, error.message, said, details, stack);
  }
  const message = error instanceof Error ? error.message : String(error);
  return failure('internal.defect', message, advice['internal.defect'], {}, stack);
}

const failure = (
  code: ErrorCode,
  message: string,
  todo: string,
  details: Failure['details'],
  stack: string | null,
): Failure => ({
  ...{ code, message: withoutCredentials(message), advice: todo, stack },
  exit: errorTable[code].exit,
  details: standardRedactor.fields(details) ?? {},
});

/** The stack with those of the causes. */
function stackOf(error: unknown): string | null {
  if (!(error instanceof Error)) return null;
  const own = withoutCredentials(error.stack ?? error.message);
  const cause = stackOf(error.cause);
  return cause === null ? own : `${own}\ncaused by: ${cause}`;
}

/** Writes a failure to `err` and gives the exit code. */
export function showFailure(io: Io, json: boolean, error: unknown): number {
  const shown = failureOf(error);
  if (json) {
    const { code, message, details } = shown;
    const { retry } = errorTable[code];
    const body = { code, message, retry, advice: shown.advice, details };
    io.err.write(`${JSON.stringify({ error: body })}\n`);
  } else {
    const what = harmlessLine(shown.message);
    const mark = paint(io.err, 'red', 'holdfast:');
    io.err.write(`${mark} ${what} ${paint(io.err, 'dim', `[${shown.code}]`)}\n`);
    io.err.write(`  ${harmlessLine(shown.advice)}\n`);
  }
  const debug = (io.env.HOLDFAST_DEBUG ?? '') !== '' && io.env.HOLDFAST_DEBUG !== '0';
  if (debug && shown.stack !== null) io.err.write(`${harmless(shown.stack)}\n`);
  return shown.exit;
}
