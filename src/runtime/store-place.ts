/**
 * Owns the words in which a store is named: a path, an address, or `memory:`.
 *
 * S1 An address may hold a password: nothing that begins like an address is ever repeated in a
 *    message, not even one that is not understood.
 */
import { resolve } from 'node:path';
import { checkOptions, checkWhole, invalid } from '../core/check.ts';
import { HoldfastError } from '../core/errors.ts';
import { type PostgresAddress, parsePostgresAddress } from '../system/postgres/address.ts';

/** A store in a PostgreSQL database. */
export interface PostgresOption {
  /** `postgres://user:password@host:5432/database`. */
  readonly url: string;
  /** The schema that holds the tables, as the URL's `?schema=`. Default `holdfast`. */
  readonly schema?: string;
  /**
   * Connections for calls, 2 to 100. Default 4. Heartbeats, wake-ups and decisions have some of
   * their own.
   */
  readonly connectionsMax?: number;
  /**
   * Connections for steps in transactions (`ctx.transaction`), 1 to 100: so many go on at once, and
   * further ones wait. Made when they are needed. Default 4.
   */
  readonly transactionsMax?: number;
  /**
   * Whether opening makes the tables, or brings those of an older version up to date. Default true;
   * with false, `store.older_schema` until `holdfast migrate` has done it.
   */
  readonly migrate?: boolean;
}

/**
 * `./jobs.db`, `sqlite:./jobs.db` or `{ path }`; `postgres://...` or `{ url }`; `memory:` lives and
 * ends with its runtime.
 */
export type StoreOption = string | { readonly path: string } | PostgresOption;

/** Where runs are kept. */
export type StorePlace =
  | { readonly kind: 'memory' }
  | { readonly kind: 'sqlite'; readonly path: string }
  | PostgresPlace;

/** A schema of a database, and how it is opened. */
export interface PostgresPlace {
  readonly kind: 'postgres';
  readonly address: PostgresAddress;
  readonly schema: string;
  readonly connectionsMax: number;
  readonly transactionsMax: number;
  readonly migrate: boolean;
}

const rule = "give the path of a file such as './jobs.db', 'postgres://...', or 'memory:'";
const connectionsDefault = 4;
const transactionsDefault = 4;
const connectionsMost = 100;
const options = ['url', 'schema', 'connectionsMax', 'transactionsMax', 'migrate'];

/** The scheme that the words begin with, in lower case, or null. One letter is a drive. */
export const schemeOf = (words: string): string | null =>
  /^([a-z][a-z0-9+.-]{1,20}):(?!\\)/i.exec(words)?.[1]?.toLowerCase() ?? null;

/** Whether a scheme is that of a PostgreSQL database. */
export const isPostgres = (scheme: string | null): boolean =>
  scheme === 'postgres' || scheme === 'postgresql';

/** The place that the option names. Throws `request.invalid` and `store.bad_path`. */
export function placeOf(store: StoreOption): StorePlace {
  const given: unknown = store;
  if (typeof given !== 'object' || given === null) return placeOfWords(given);
  if ('url' in given) return postgresPlace(given as PostgresOption);
  checkOptions('store', given, ['path']);
  return sqlitePlace((given as { readonly path: unknown }).path);
}

function placeOfWords(words: unknown): StorePlace {
  if (typeof words !== 'string' || words === '') throw invalid('store', words, rule);
  if (words === 'memory:') return { kind: 'memory' };
  const scheme = schemeOf(words);
  if (isPostgres(scheme)) return postgresPlace({ url: words });
  if (scheme === null) return sqlitePlace(words);
  if (scheme === 'sqlite') return sqlitePlace(words.slice('sqlite:'.length));
  const message = `store is '${scheme}:...', which this version cannot open; ${rule}`;
  throw new HoldfastError('store.bad_path', message);
}

function sqlitePlace(path: unknown): StorePlace {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw invalid('store', path, rule);
  }
  return { kind: 'sqlite', path: resolve(path) };
}

function postgresPlace(option: PostgresOption): PostgresPlace {
  checkOptions('store', option, options);
  const { url, schema, connectionsMax = connectionsDefault, migrate = true } = option;
  const { transactionsMax = transactionsDefault } = option;
  // Not shown (S1).
  if (typeof url !== 'string') throw invalid('store.url', typeof url, 'it must be a string');
  if (schema !== undefined && (typeof schema !== 'string' || schema === '')) {
    throw invalid('store.schema', schema, 'it must be a name');
  }
  if (typeof migrate !== 'boolean') throw invalid('store.migrate', migrate, 'it must be a boolean');
  const address = parsePostgresAddress(schema === undefined ? url : withSchema(url, schema));
  return {
    kind: 'postgres',
    address,
    schema: address.schema ?? 'holdfast',
    connectionsMax: checkWhole('store.connectionsMax', connectionsMax, 2, connectionsMost),
    transactionsMax: checkWhole('store.transactionsMax', transactionsMax, 1, connectionsMost),
    migrate,
  };
}

/** One way for both, so that both are checked alike, and naming two schemas is refused. */
const withSchema = (url: string, schema: string): string =>
  `${url}${url.includes('?') ? '&' : '?'}schema=${encodeURIComponent(schema)}`;
