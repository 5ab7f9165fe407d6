/**
 * Owns what errors of PostgreSQL, of its driver and of the network mean to a user.
 *
 * F1 Messages name the place (without a password), what is wrong and what helps. What the server
 *    said is kept as the cause; it is in the message only where it names roles and tables.
 * F2 An error that is none of these is a defect: its message says so, its stack is the cause.
 * F3 `kindOf` says `transient` only where it is certain that nothing was done.
 */
import pg from 'pg';
import { type ErrorCode, HoldfastError } from '../../core/errors.ts';

/**
 * Whether asking again may help. `transient`: nothing was done, ask again. `ambiguous`: the
 * connection broke, so that a change may have been made. `permanent`: not without somebody's help.
 */
export type FaultKind = 'transient' | 'ambiguous' | 'permanent';

interface Meaning {
  readonly code: ErrorCode;
  readonly kind: FaultKind;
  readonly text: string;
}

const meaning = (code: ErrorCode, kind: FaultKind, text: string): Meaning => ({ code, kind, text });

const lost = 'the connection broke; look at the server and the network between';
const busy = 'others held what was needed for too long; try again, and look for long transactions';
const tables = 'its tables are not what they were; look for who changed them, or restore a backup';
const rights = 'the role lacks a right; grant it (usage on the schema, all on its tables)';
const login = 'the server refuses the role or its password; correct them, and look at pg_hba.conf';

/** By SQLSTATE, whole or by its class. https://postgresql.org/docs/current/errcodes-appendix */
const states: Readonly<Record<string, Meaning>> = {
  '40001': meaning('store.busy', 'transient', busy),
  '40P01': meaning('store.busy', 'transient', busy),
  '40003': meaning('store.unavailable', 'ambiguous', lost),
  '40': meaning('store.busy', 'transient', busy),
  '55P03': meaning('store.busy', 'transient', busy),
  '55006': meaning('store.busy', 'transient', busy),
  '57014': meaning(
    'store.busy',
    'transient',
    'the statement took too long or was cancelled; try again, and look at the load of the server',
  ),
  '25P03': meaning(
    'store.unavailable',
    'transient',
    'this process stood still in a transaction, so that the server ended it; try again',
  ),
  '25P04': meaning('store.busy', 'transient', busy),
  '25006': meaning(
    'store.unavailable',
    'transient',
    'the server can only be read, as a standby; lead the address to the primary',
  ),
  '57P01': meaning('store.unavailable', 'ambiguous', 'the server ended the connection; try again'),
  '57P02': meaning('store.unavailable', 'ambiguous', 'the server crashed and recovers; try again'),
  '57P03': meaning(
    'store.unavailable',
    'transient',
    'the server is starting or ending; try again when it is up',
  ),
  '57P04': meaning('store.bad_path', 'permanent', 'the database was dropped; name another'),
  '57P05': meaning(
    'store.unavailable',
    'ambiguous',
    'the server ended an idle connection; set its idle_session_timeout to 0 for this role',
  ),
  '57': meaning('store.unavailable', 'ambiguous', 'the server ended the connection; try again'),
  '53100': meaning(
    'store.full',
    'transient',
    "the server's disk is full; free some space and try again",
  ),
  '53300': meaning(
    'store.unavailable',
    'transient',
    'the server has no connection left; raise max_connections, or lower those of its clients',
  ),
  '53': meaning(
    'store.unavailable',
    'transient',
    'the server is short of memory or of another resource; look at its log',
  ),
  '58': meaning(
    'store.unavailable',
    'ambiguous',
    'the server cannot read or write its disk; look at its log',
  ),
  '28': meaning('store.denied', 'permanent', login),
  '42501': meaning('store.denied', 'permanent', rights),
  '3D000': meaning(
    'store.bad_path',
    'permanent',
    'there is no such database; create it, or correct the name',
  ),
  '3F000': meaning('store.corrupt', 'permanent', tables),
  '42P01': meaning('store.corrupt', 'permanent', tables),
  '42703': meaning('store.corrupt', 'permanent', tables),
  '42883': meaning('store.corrupt', 'permanent', tables),
  XX001: meaning('store.corrupt', 'permanent', 'the server found damaged data; restore a backup'),
  XX002: meaning('store.corrupt', 'permanent', 'the server found a damaged index; reindex it'),
  '08': meaning('store.unavailable', 'ambiguous', lost),
};

const startup = meaning(
  'store.bad_path',
  'permanent',
  'a pooler in between refuses the settings of the session; name the server itself, or take the ' +
    'options out of the address',
);

const encryption = meaning(
  'store.denied',
  'permanent',
  'the server takes no connection from here without TLS; add sslmode=require or better',
);

const unreachable = 'correct the address, and look at the server and the network between';

/** By the code of an error of Node. */
const codes: Readonly<Record<string, Meaning>> = {
  ECONNREFUSED: meaning(
    'store.unavailable',
    'transient',
    `nobody listens there; start the server, or correct host and port`,
  ),
  ENOTFOUND: meaning('store.unavailable', 'transient', `the host has no address; ${unreachable}`),
  EAI_AGAIN: meaning('store.unavailable', 'transient', `no name server answers; ${unreachable}`),
  ENOENT: meaning(
    'store.unavailable',
    'transient',
    'there is no such socket; start the server, or correct host and port',
  ),
  EACCES: meaning('store.denied', 'permanent', 'the socket is not for this user; grant it'),
  EHOSTUNREACH: meaning('store.unavailable', 'ambiguous', `no way leads there; ${unreachable}`),
  ENETUNREACH: meaning('store.unavailable', 'ambiguous', `no way leads there; ${unreachable}`),
  ETIMEDOUT: meaning('store.unavailable', 'ambiguous', `no answer came; ${unreachable}`),
  ECONNRESET: meaning('store.unavailable', 'ambiguous', lost),
  ECONNABORTED: meaning('store.unavailable', 'ambiguous', lost),
  EPIPE: meaning('store.unavailable', 'ambiguous', lost),
  EPROTO: meaning('store.unavailable', 'ambiguous', 'TLS failed; look at the log of the server'),
};

const certificate = meaning(
  'store.denied',
  'permanent',
  'the certificate of the server is not trusted; give its authority as sslrootcert',
);

/** By the words of the driver, which gives these no codes. */
const words: readonly (readonly [RegExp, Meaning])[] = [
  [
    /^(timeout expired|Connection terminated due to connection timeout)/,
    meaning('store.unavailable', 'transient', `no connection came about in time; ${unreachable}`),
  ],
  [
    /^timeout exceeded when trying to connect/,
    meaning('store.busy', 'transient', 'all connections are in use; try again, or allow more'),
  ],
  [
    /^Query read timeout/,
    meaning('store.unavailable', 'ambiguous', `no answer came in time; ${unreachable}`),
  ],
  [
    /^(Connection terminated|Client has encountered a connection error|Client was closed)/,
    meaning('store.unavailable', 'ambiguous', lost),
  ],
  [
    /^The server does not support SSL connections/,
    meaning('store.bad_path', 'permanent', 'the server has no TLS; set it up, or disable sslmode'),
  ],
  [
    /^There was an error establishing an SSL connection/,
    meaning('store.unavailable', 'transient', 'TLS failed; look at the log of the server'),
  ],
  [
    /client password must be|^Password must be a string/,
    meaning('store.denied', 'permanent', 'the server asks for a password; give one'),
  ],
  [
    /^SASL: /,
    meaning('store.denied', 'permanent', `the server cannot prove that it knows the password`),
  ],
  [
    /^Cannot use a pool after calling end/,
    meaning('store.closed', 'permanent', 'it is closed; open it again'),
  ],
];

/** An error as the caller gets it. Our own errors stay what they are. */
export function faultOf(error: unknown, address: { readonly shown: string }): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const found = meaningOf(error);
  const sqlstate = sqlstateOf(error);
  const details = {
    path: address.shown,
    ...(sqlstate === null ? {} : { sqlstate }),
  };
  if (found === null) {
    const what = sqlstate === null ? 'an unexpected error' : `SQLSTATE ${sqlstate}`;
    const message = `store ${address.shown}: ${what}; this is a defect, please report it`;
    return new HoldfastError('internal.defect', message, { details, cause: error });
  }
  const said = namesOnly(sqlstate, error);
  const message = `store ${address.shown}: ${said}${found.text}`;
  return new HoldfastError(found.code, message, { details, cause: error });
}

/** Whether asking again may help. */
export function kindOf(error: unknown): FaultKind {
  if (error instanceof HoldfastError && error.cause === undefined) return 'permanent';
  const cause = error instanceof HoldfastError ? error.cause : error;
  const kind = meaningOf(cause)?.kind ?? 'permanent';
  return kind === 'ambiguous' && neverConnected(cause) ? 'transient' : kind;
}

/** F3: where no connection came about, nothing can have been done over it. */
function neverConnected(error: unknown): boolean {
  if (error instanceof AggregateError) return error.errors.every(neverConnected);
  return error instanceof Error && 'syscall' in error && error.syscall === 'connect';
}

/** Whether a pooler in between did not let the settings of a session through. */
export const refusesSettings = (error: unknown): boolean =>
  sqlstateOf(error) === '08P01' && /startup parameter/.test((error as Error).message);

function meaningOf(error: unknown): Meaning | null {
  if (!(error instanceof Error)) return null;
  const sqlstate = sqlstateOf(error);
  if (sqlstate !== null) {
    if (refusesSettings(error)) return startup;
    if (sqlstate === '28000' && /no encryption|SSL off/.test(error.message)) return encryption;
    return states[sqlstate] ?? states[sqlstate.slice(0, 2)] ?? null;
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (/CERT|SIGNATURE|ISSUER|CRL/.test(code)) return certificate;
  return codes[code] ?? words.find(([pattern]) => pattern.test(error.message))?.[1] ?? null;
}

/** Of an error that the server sent. Codes of Node may have five characters, too. */
function sqlstateOf(error: unknown): string | null {
  if (!(error instanceof pg.DatabaseError)) return null;
  return error.code ?? null;
}

/** F1: what was refused, and to whom; other messages may quote values. */
function namesOnly(sqlstate: string | null, error: unknown): string {
  if (sqlstate === null || !(error instanceof Error)) return '';
  if (!/^(28|3F|42501|42P01|42703|42883)/.test(sqlstate)) return '';
  return `${error.message.replace(/\p{Cc}/gu, '?').slice(0, 200)}; `;
}
