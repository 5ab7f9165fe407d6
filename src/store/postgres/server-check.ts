/**
 * Owns the question whether a server is one that we can work with.
 *
 * S1 A server older than `versionMin`, or one that can only be read, is refused before anything is
 *    written to it.
 * S2 Due times and deadlines are made by the clock of whoever starts a run and come due by the
 *    server's. Where the two are further apart than `clockMarginMs` both would be wrong, so the
 *    store is not opened. Leases do not depend on it.
 * S3 Two connections have two sessions, and keep them. A pooler that gives one to both would mix up
 *    settings, notifications and transactions that stand still.
 */
import { HoldfastError } from '../../core/errors.ts';
import { sharedSession } from '../../system/postgres/session.ts';
import type { Pool } from './pool.ts';
import type { Queries } from './queries.ts';

/** PostgreSQL 13. */
const versionMin = 130_000;

/** How far the clock of this machine may be from the server's, in ms. */
const clockMarginMs = 30_000;

/** What a server says of itself. */
export interface ServerFacts {
  readonly version: number;
  readonly named: string;
  readonly standby: boolean;
  readonly wall: number;
}

/** Looks at the server. */
export async function serverFacts(queries: Queries): Promise<ServerFacts> {
  const [facts] = await queries.rows<ServerFacts>(
    `select current_setting('server_version_num')::integer as version,
       current_setting('server_version') as named, pg_is_in_recovery() as standby,
       extract(epoch from clock_timestamp())::double precision * 1000 as wall`,
  );
  if (facts === undefined) throw new HoldfastError('internal.defect', 'a server said nothing');
  return facts;
}

/** Refuses what does not do. `asked` and `heard` are this machine's wall time around the look. */
export function refuseServer(
  { version, named, standby, wall }: ServerFacts,
  shown: string,
  asked: number,
  heard: number,
): void {
  if (version < versionMin) {
    const message = `store ${shown}: the server is PostgreSQL ${named}; it takes 13 or newer`;
    throw new HoldfastError('store.too_old', message, { details: { version } });
  }
  if (standby) {
    const message = `store ${shown}: the server is a standby and can only be read`;
    throw new HoldfastError('store.unavailable', `${message}; lead the address to the primary`);
  }
  const offMs = wall < asked ? wall - asked : Math.max(0, wall - heard);
  if (Math.abs(offMs) <= clockMarginMs) return;
  const message =
    `store ${shown}: the clock of this machine is ${Math.round(-offMs / 1_000)} s ahead of the ` +
    `server's; more than ${clockMarginMs / 1_000} s would make due times wrong; set both by NTP`;
  throw new HoldfastError('node.clock_off', message, { details: { offMs: Math.round(offMs) } });
}

/** S3. `queries` is one connection of the pool; another one is made. */
export async function refuseShared(queries: Queries, pool: Pool, shown: string): Promise<void> {
  const own = await sessionOf(queries);
  const other = await pool.read(sessionOf);
  if (own === other || own !== (await sessionOf(queries))) throw sharedSession(shown);
}

const sessionOf = (queries: Queries): Promise<number> =>
  queries.one<number>('select pg_backend_pid() as value');
