/**
 * Owns the making and the ending of single connections, with the settings of their sessions.
 *
 * C1 The settings travel with the greeting, so that they hold for the first statement already. A
 *    pooler may refuse them there, or drop them without a word (PgBouncer does what is listed in
 *    `ignore_startup_parameters`): the first statement looks, and then they are set by another.
 *    A pooler must give each client a server session of its own (PgBouncer: `pool_mode = session`):
 *    nothing here can work over a session that others use in between, so that it is refused.
 * C2 A connection always has somebody who listens for its errors, so that one that breaks while
 *    nobody uses it never ends the process.
 * C3 The server notices within half a minute that this machine has gone, and so does this one, if
 *    it waits for an answer: both sides let the kernel ask.
 */
import { Socket } from 'node:net';
import pg from 'pg';
import type { Clock } from '../../ports/clock.ts';
import type { PostgresAddress } from './address.ts';
import { faultOf, refusesSettings } from './faults.ts';
import { markText, sessionMark, sharedSession } from './session.ts';

/** How a connection is made, and what holds for its session. */
export interface ConnectOptions {
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
  /** The whole way to the first statement: name, connection, TLS and password. */
  readonly connectTimeoutMs: number;
  /** The server cancels what takes longer. 0: nothing. */
  readonly statementTimeoutMs: number;
  /** The server gives up waiting for a lock. */
  readonly lockTimeoutMs?: number;
  /** The server ends the session of a client that stands still in a transaction. */
  readonly idleInTransactionTimeoutMs?: number;
  /** Other settings of the server, such as `{ synchronous_commit: 'off' }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Statements travel without waiting for the answers of those before them. */
  readonly pipeline?: boolean;
  /** Gives up connecting. Later it does nothing. */
  readonly signal?: AbortSignal;
}

type Settings = Readonly<Record<string, string>>;
/** The types of the driver do not know the timeout of a single statement. */
type Query = pg.QueryConfig;

/** The mark of a session that has its settings by the greeting. */
const greeted = 'greeted';

/** The server's side of C3, in seconds. Without a meaning for sockets of the file system. */
const keepAlive = {
  tcp_keepalives_idle: '10',
  tcp_keepalives_interval: '5',
  tcp_keepalives_count: '4',
};

/** Connects. Rejects with a fault in our words. */
export async function connectPostgres(
  address: PostgresAddress,
  options: ConnectOptions,
): Promise<pg.Client> {
  const settings = { ...settingsOf(options), [sessionMark]: greeted };
  try {
    return await connectWith(address, options, settings, asArguments(settings));
  } catch (error) {
    if (!refusesSettings(error)) throw faultOf(error, address);
  }
  try {
    return await connectWith(address, options, settings, []);
  } catch (error) {
    throw faultOf(error, address);
  }
}

/** Lets the process end although the connection is open, or keeps it alive again. */
export function holdProcess(client: pg.Client, hold: boolean): void {
  const { stream } = client.connection;
  if (!(stream instanceof Socket)) return;
  if (hold) stream.ref();
  else stream.unref();
}

/** Ends a connection without a word: one whose other side may not be there any more. */
export function dropConnection(client: pg.Client): void {
  client.connection.stream.destroy();
}

/**
 * The answer to what was asked over a connection. One that does not come in time ends the
 * connection, whose other side may not be there any more, and is a fault.
 */
export async function answerWithin<T>(
  client: pg.Client,
  clock: Clock,
  ms: number,
  answer: Promise<T>,
): Promise<T> {
  const late = clock.after(ms, () => dropConnection(client));
  try {
    return await answer;
  } finally {
    late.cancel();
  }
}

async function connectWith(
  address: PostgresAddress,
  options: ConnectOptions,
  settings: Settings,
  args: readonly string[],
): Promise<pg.Client> {
  const { config } = address;
  const client = new pg.Client({
    ...config,
    application_name: options.applicationName,
    pipeline: options.pipeline ?? false,
    connectionTimeoutMillis: options.connectTimeoutMs,
    // Ours come last, where they count.
    options: [config.options ?? '', ...args].join(' ').trim(),
  });
  client.on('error', () => {});
  const drop = (): void => dropConnection(client);
  options.signal?.addEventListener('abort', drop);
  try {
    options.signal?.throwIfAborted();
    await client.connect();
    await ensureSettings(client, options.connectTimeoutMs, address, settings);
    return client;
  } catch (error) {
    drop();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', drop);
  }
}

/** C1 */
async function ensureSettings(
  client: pg.Client,
  query_timeout: number,
  address: PostgresAddress,
  settings: Settings,
): Promise<void> {
  const text = `select ${markText} as mark`;
  const { rows } = await client.query<{ mark: string | null }>({ text, query_timeout } as Query);
  const mark = rows[0]?.mark ?? '';
  if (mark === greeted) return;
  if (mark !== '') throw sharedSession(address.shown);
  const own = asStatement({ ...settings, [sessionMark]: 'set' });
  await client.query({ text: own, query_timeout } as Query);
}

function settingsOf(options: ConnectOptions): Settings {
  const { statementTimeoutMs, lockTimeoutMs, idleInTransactionTimeoutMs } = options;
  return {
    ...keepAlive,
    statement_timeout: String(statementTimeoutMs),
    ...(lockTimeoutMs === undefined ? {} : { lock_timeout: String(lockTimeoutMs) }),
    ...(idleInTransactionTimeoutMs === undefined
      ? {}
      : { idle_in_transaction_session_timeout: String(idleInTransactionTimeoutMs) }),
    ...options.settings,
  };
}

/** As the arguments of a server program. A backslash keeps what follows in its argument. */
const asArguments = (settings: Settings): readonly string[] =>
  Object.entries(settings).map(
    ([name, value]) => `-c ${name}=${value.replaceAll(/[\s\\]/g, '\\$&')}`,
  );

/** The same for an open session. What `set` would take apart, this takes as the one text it is. */
const asStatement = (settings: Settings): string =>
  `select ${Object.entries(settings)
    .map((pair) => `set_config(${pair.map(pg.escapeLiteral).join(', ')}, false)`)
    .join(', ')}`;
