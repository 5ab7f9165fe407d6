/**
 * Owns the words in which a PostgreSQL database is named: `postgres://user:password@host:5432/db`.
 *
 * A1 Nothing that may be a part of a password is ever shown: not in messages, not by printing an
 *    address, not when the text cannot be understood.
 * A2 What the text leaves out comes from the environment (`PGHOST`, `PGPORT`, `PGUSER`,
 *    `PGPASSWORD`, `PGDATABASE`, `PGOPTIONS`, `PGSSLMODE`, ...), as with `psql`.
 * A3 A parameter that is not known is refused by its name. A setting that is silently left out, TLS
 *    above all, would be worse than none.
 */
import { userInfo } from 'node:os';
import { HoldfastError } from '../../core/errors.ts';
import { type PostgresTls, tlsOf } from './tls.ts';

/** What a client of `pg` is made with. */
export interface PostgresConfig {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  /** A function, so that printing a configuration does not print the password (A1). */
  readonly password?: () => string;
  readonly ssl: PostgresTls;
  readonly options?: string;
  readonly enableChannelBinding: boolean;
  readonly keepAlive: true;
  readonly keepAliveInitialDelayMillis: number;
}

/** A database, and how to get to it. */
export interface PostgresAddress {
  readonly config: PostgresConfig;
  /** Of `?schema=`. */
  readonly schema: string | null;
  /** For messages: `user@host:port/database`. */
  readonly shown: string;
  /** The same for two addresses that lead to the same database, whoever connects. */
  readonly key: string;
  /** All it takes to understand it again, for a thread that has to connect by itself (A1). */
  readonly secret: () => AddressSecret;
}

/** An address as it is handed to a thread. Plain data, with the password. */
export interface AddressSecret {
  readonly text: string;
  readonly env: Environment;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * How long a connection is silent before the kernel asks the other side whether it is still there.
 * Ten more seconds without an answer, and it is given up.
 */
const keepAliveAfterMs = 10_000;

const schemaCharsMax = 40;
const known = [
  'schema',
  'host',
  'port',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'channel_binding',
  'options',
] as const;

type Parameter = (typeof known)[number];

/**
 * Understands an address. Throws `store.bad_path`.
 *
 * @example
 * const address = parsePostgresAddress('postgres://app:secret@db.example.org/jobs?schema=work');
 * address.shown; // => 'app@db.example.org:5432/jobs'
 * address.schema; // => 'work'
 */
export function parsePostgresAddress(
  text: string,
  env: Environment = process.env,
): PostgresAddress {
  const parts = split(text);
  // A copy: what is taken out of the environment later is still known to threads made later.
  const kept = Object.fromEntries(Object.entries(env).filter(([name]) => name.startsWith('PG')));
  const given = parametersOf(parts.query);
  const host = hostOf(parts.host, given.get('host') ?? null, env);
  const port = portOf(parts.port ?? given.get('port') ?? nonEmpty(env.PGPORT) ?? '5432');
  const user = parts.user ?? nonEmpty(env.PGUSER) ?? systemUser();
  const database = parts.database ?? nonEmpty(env.PGDATABASE) ?? user;
  const password = parts.password ?? nonEmpty(env.PGPASSWORD);
  const options = [env.PGOPTIONS, given.get('options')].filter(nonEmpty).join(' ');
  const local = host.startsWith('/');
  const mode = given.get('sslmode') ?? nonEmpty(env.PGSSLMODE) ?? 'disable';
  const ssl = tlsOf(local ? 'disable' : mode, {
    rootCert: given.get('sslrootcert') ?? nonEmpty(env.PGSSLROOTCERT) ?? null,
    cert: given.get('sslcert') ?? nonEmpty(env.PGSSLCERT) ?? null,
    key: given.get('sslkey') ?? nonEmpty(env.PGSSLKEY) ?? null,
  });
  const place = `:${port}/${database}`;
  const shownHost = host.includes(':') ? `[${host}]` : host;
  return {
    config: {
      host,
      port,
      user,
      database,
      ...(password === undefined ? {} : { password: () => password }),
      ssl,
      ...(options === '' ? {} : { options }),
      enableChannelBinding: bindsChannel(given.get('channel_binding') ?? null, mode),
      keepAlive: true,
      keepAliveInitialDelayMillis: keepAliveAfterMs,
    },
    schema: schemaOf(given.get('schema') ?? null),
    shown: `${user}@${shownHost}${place}`,
    key: `${local ? host : host.toLowerCase()}${place}`,
    secret: () => ({ text, env: kept }),
  };
}

/** A refusal that names the rule, and no more of the text than is safe. */
const bad = (message: string): HoldfastError =>
  new HoldfastError('store.bad_path', `the PostgreSQL address ${message}`);

interface Parts {
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly host: string;
  readonly port: string | undefined;
  readonly database: string | undefined;
  readonly query: string;
}

const form = 'give postgres://user:password@host:5432/database';
const encode = 'write special characters of the password as %40 (@), %2F (/), %3F (?), %23 (#)';

/** Not by `URL`, which refuses a user without a host, and thereby every address of a socket. */
function split(text: string): Parts {
  const [, authority, path, query = ''] =
    /^postgres(?:ql)?:\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(text) ?? [];
  if (authority === undefined) throw bad(`is not understood; ${form}, and ${encode}`);
  // A password with '/' or '?' ends the host too early, and the rest of it would be shown (A1).
  if (`${path}${query}`.includes('@')) throw bad(`has an @ behind its host; ${encode}`);
  const at = authority.lastIndexOf('@');
  const [user, ...password] = at < 0 ? [] : authority.slice(0, at).split(':');
  const place = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(authority.slice(at + 1));
  if (place === null) throw bad(`has a host that is not understood; ${form}, IPv6 as [::1]`);
  return {
    user: nonEmpty(decoded(user ?? '', 'user')),
    password: nonEmpty(decoded(password.join(':'), 'password')),
    host: decoded(place[1] ?? '', 'host').replace(/^\[(.*)\]$/, '$1'),
    port: nonEmpty(place[2]),
    database: nonEmpty(decoded(path ?? '', 'database')),
    query,
  };
}

function decoded(text: string, name: string): string {
  let plain: string;
  try {
    plain = decodeURIComponent(text);
  } catch {
    throw bad(`has a % in its ${name} that encodes nothing; write it as %25`);
  }
  if (/\p{Cc}/u.test(plain)) throw bad(`has a control character in its ${name}; take it out`);
  return plain;
}

const nonEmpty = (text: string | undefined): string | undefined =>
  text === undefined || text === '' ? undefined : text;

/** A3 */
function parametersOf(query: string): ReadonlyMap<Parameter, string> {
  const given = new Map<Parameter, string>();
  for (const pair of query.split('&').filter(nonEmpty)) {
    const at = pair.includes('=') ? pair.indexOf('=') : pair.length;
    const name = pair.slice(0, at);
    const parameter = known.find((one) => one === name);
    if (parameter === undefined) {
      const shownName = /^[\w-]{1,40}$/.test(name) ? `'${name}'` : 'of another name';
      throw bad(`has a parameter ${shownName}; only these are known: ${known.join(', ')}`);
    }
    if (given.has(parameter)) throw bad(`has the parameter '${name}' twice; give it once`);
    const value = decoded(pair.slice(at + 1), name);
    if (value === '')
      throw bad(`has an empty parameter '${name}'; give it a value or leave it out`);
    given.set(parameter, value);
  }
  return given;
}

function hostOf(before: string, parameter: string | null, env: Environment): string {
  if (before !== '' && parameter !== null) {
    throw bad('names a host before the database and another in ?host=; give one');
  }
  const host = nonEmpty(before) ?? parameter ?? nonEmpty(env.PGHOST) ?? 'localhost';
  if (host.includes(',')) {
    throw bad('names several hosts; give the one name that always leads to the primary');
  }
  if (/[\s@?#\\]/.test(host) || (host.includes('/') && !host.startsWith('/'))) {
    throw bad('has a host that is not understood; give a name, an IP, or the folder of a socket');
  }
  return host;
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  // Not shown: it is what stands behind a colon, and may be a password without its @ (A1).
  throw bad('has a port that is not a number of 1 to 65535');
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    throw bad('names no user, and this process runs as one without a name; name a user');
  }
}

/** The name of a schema, if it is one that can be used. Throws `store.bad_path`. */
function schemaOf(schema: string | null): string | null {
  if (schema === null) return null;
  const rule =
    `it must have 1 to ${schemaCharsMax} of the characters a-z, 0-9 and _, ` +
    'and begin neither with a digit nor with pg_';
  if (!/^[a-z_][a-z0-9_]*$/.test(schema) || schema.length > schemaCharsMax || /^pg_/.test(schema)) {
    const cut = schema.length <= 60 ? schema : `${schema.slice(0, 60)}…`;
    throw bad(`has the schema '${cut}'; ${rule}`);
  }
  return schema;
}

/**
 * The driver uses what the server offers, and cannot insist on it. Where the certificate is checked
 * nobody can stand in between anyway.
 */
function bindsChannel(binding: string | null, mode: string): boolean {
  if (binding === null || binding === 'disable') return false;
  if (binding === 'prefer' || (binding === 'require' && mode === 'verify-full')) return true;
  if (binding !== 'require') throw bad('has a channel_binding other than disable, prefer, require');
  throw bad('has channel_binding=require, which takes sslmode=verify-full; write that, or prefer');
}
