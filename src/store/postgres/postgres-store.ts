/**
 * Owns the Postgres store as the rest of the product sees it: the port, over a pool of connections.
 *
 * The verbs that every run passes are functions of the schema; everything else is decided by the
 * verbs of the embedded stores over rows that were loaded. See docs/internals/postgres.md.
 *
 * Z1 A promise of a verb that writes resolves after the commit of its transaction, never before.
 * Z2 A read sees everything whose promise had resolved when it was called.
 * Z3 After a fault that leaves the end of a call unknown the call is made again where the id or the
 *    fence finds out what became of the first one; never on a guess.
 */
import { HoldfastError } from '../../core/errors.ts';
import type { Log } from '../../ports/log.ts';
import type { Store } from '../../ports/store.ts';
import { systemClock } from '../../system/clock.ts';
import type { PostgresAddress } from '../../system/postgres/address.ts';
import { openBeats } from './beats.ts';
import { deadLetters } from './dead-letters.ts';
import { directDecider } from './deciding/decider.ts';
import { threadDecider } from './deciding/thread-decider.ts';
import { examine } from './examine.ts';
import { children } from './family-reads.ts';
import { health, type StoreHealth } from './health.ts';
import { openKeyVerbs } from './key-verbs.ts';
import { openPartVerbs } from './part-verbs.ts';
import { pinned } from './pinned.ts';
import { Policies } from './policies.ts';
import { Pool } from './pool.ts';
import type { Call } from './queries.ts';
import { quoted } from './quoted.ts';
import * as reads from './reads.ts';
import { openRunVerbs, type VerbBase } from './run-verbs.ts';
import { migrate } from './schema/migrations.ts';
import { refuseServer, refuseShared, serverFacts } from './server-check.ts';
import { ShortCalls } from './short-calls.ts';
import * as signals from './signal-reads.ts';
import { openStepVerbs } from './step-verbs.ts';
import { type Joining, openTermVerbs } from './term-verbs.ts';
import { tried } from './tried.ts';

/** What a store is opened with. */
export interface PostgresOptions {
  readonly address: PostgresAddress;
  /** Name of the schema that holds the tables. Default `holdfast`. */
  readonly schema?: string;
  /**
   * `full` (the default): what was acknowledged survives a power cut of the server. `relaxed`: it
   * survives the crash of any process; the last moments may go with the server's machine.
   */
  readonly durability?: 'full' | 'relaxed';
  /**
   * Connections for calls, 2 to 100. Default 4. A node has four more: two that decide, one for its
   * heartbeat, and one for wake-ups.
   */
  readonly connectionsMax?: number;
  /**
   * How long a call waits for its turn, or for a server that is away. Default 5,000. Opening waits
   * for nobody: it says at once what is wrong.
   */
  readonly busyPatienceMs?: number;
  /** Whether the schema is made and brought to the newest version. Default: yes. */
  readonly migrate?: boolean;
  /**
   * Gives a statement that tells other processes that there are runs, or null while it is too soon
   * after the last. It is executed right behind the commit of a start.
   */
  readonly tellReady?: () => Call | null;
  readonly log: Log;
}

/** A store in a database. */
export interface PostgresStore extends Store {
  readonly kind: 'postgres';
  readonly schema: string;
  /** Whether the server cleans up behind us: one cheap statement. */
  health(): Promise<StoreHealth>;
}

const connectionsMaxDefault = 4;
/** Decisions under way at once: while one holds the gate, the next waits for it at the server. */
const decidersMax = 2;
const busyPatienceMsDefault = 5_000;

/**
 * Opens the store in a schema of a database, and makes it if there is none.
 *
 * Rejects with `store.denied`, `store.too_old`, `store.newer_schema`, `store.corrupt`, `store.busy`
 * or `store.unavailable`. Any number of processes may have stores open on one schema.
 *
 * @example
 * const address = parsePostgresAddress('postgres://localhost/app');
 * const store = await openPostgresStore({ address, log });
 * await store.close();
 */
export async function openPostgresStore(options: PostgresOptions): Promise<PostgresStore> {
  const { address, log } = options;
  const schema = options.schema ?? address.schema ?? 'holdfast';
  const busyPatienceMs = options.busyPatienceMs ?? busyPatienceMsDefault;
  const clock = systemClock();
  const pool = new Pool({
    address,
    schema,
    durability: options.durability ?? 'full',
    connectionsMax: options.connectionsMax ?? connectionsMaxDefault,
    busyPatienceMs,
    onIdleFault: (error) => log.log('debug', 'a database connection was lost', { ...told(error) }),
  });
  try {
    await pool.read(async (queries) => {
      const asked = clock.wall();
      const facts = await serverFacts(queries);
      refuseServer(facts, address.shown, asked, clock.wall());
      await refuseShared(queries, pool, address.shown);
      await migrate(queries, schema, options.migrate ?? true);
    }, true);
  } catch (error) {
    await pool.close();
    throw error;
  }
  return storeOn(pool, { ...options, schema, busyPatienceMs });
}

const told = ({ code, message }: HoldfastError) => ({ code, error: message });

type Opened = PostgresOptions & { readonly schema: string; readonly busyPatienceMs: number };

/** Every verb that is not a read of one statement. */
const openVerbs = (base: VerbBase, joining: Joining) => ({
  ...openRunVerbs(base),
  ...openStepVerbs(base),
  ...openTermVerbs(base, joining),
  ...openKeyVerbs(base),
  ...openPartVerbs(base),
});

type Read = <T>(work: Parameters<Pool['read']>[0], long?: boolean) => Promise<T>;

/** Every verb that is a read of one statement. */
const openReads = (read: Read, s: string, durability: 'full' | 'relaxed') =>
  ({
    stops: (node) => read((queries) => reads.stops(queries, s, node)),
    owned: (node, rowsMax) => read((queries) => reads.owned(queries, s, node, rowsMax)),
    nodes: () => read((queries) => reads.nodes(queries, s)),
    get: (id) => read((queries) => reads.get(queries, s, id)),
    list: (ask) => read((queries) => reads.list(queries, s, ask)),
    dead: (ask) => read((queries) => deadLetters(queries, s, ask)),
    ends: (ids) => read((queries) => reads.ends(queries, s, ids)),
    explain: (id) => read((queries) => reads.explain(queries, s, id)),
    logs: (id, after, max, filter) =>
      read((queries) => reads.logs(queries, s, { id, after, max, filter })),
    steps: (id, after, max) => read((queries) => reads.steps(queries, s, id, after, max)),
    answers: (asks) => read((queries) => signals.answers(queries, s, asks)),
    state: (id) => read((queries) => signals.state(queries, s, id)),
    children: (ask) => read((queries) => children(queries, s, ask)),
    lanes: (rowsMax) => read((queries) => reads.lanes(queries, s, rowsMax)),
    tenants: (rowsMax, only) => read((queries) => reads.tenants(queries, s, rowsMax, only)),
    pauses: () => read((queries) => reads.pauses(queries, s)),
    counts: () => read((queries) => reads.counts(queries, s), true),
    pinned: (rowsMax) => read((queries) => pinned(queries, s, rowsMax), true),
    examine: () => read((queries) => examine(queries, s, durability), true),
  }) satisfies Partial<PostgresStore>;

function storeOn(pool: Pool, options: Opened): PostgresStore {
  const { schema, busyPatienceMs, log, durability = 'full', tellReady = () => null } = options;
  const s = quoted(schema);
  const beats = openBeats({ address: options.address, schema, log });
  const underWay = new Set<Promise<unknown>>();
  let ending: Promise<void> | null = null;
  const call = <T>(work: () => Promise<T>): Promise<T> => {
    if (ending !== null) {
      const message = `the store in schema '${schema}' is closed; open it again`;
      return Promise.reject(new HoldfastError('store.closed', message));
    }
    const answer = work();
    const settled = (): void => void underWay.delete(answer);
    underWay.add(answer);
    void answer.then(settled, settled);
    return answer;
  };
  const policies = new Policies(s);
  const direct = directDecider({ pool, s, policies, busyPatienceMs });
  const apart = threadDecider({
    ...{ address: options.address.secret(), schema, busyPatienceMs },
    durability,
    connectionsMax: decidersMax + 1,
  });
  // Where a node has joined handlers run, and a thread decides.
  let hosts = false;
  const decider = () => (hosts ? apart : direct);
  const joining: typeof beats.joining = async (join) => {
    const verdict = await beats.joining(join);
    hosts ||= verdict.ok;
    return verdict;
  };
  const short = new ShortCalls(pool);
  const base = { pool, short, s, policies, log, busyPatienceMs, call, decider, tellReady };
  const read = <T>(work: Parameters<Pool['read']>[0], long = false): Promise<T> =>
    call(() => tried(busyPatienceMs, () => pool.read(work, long))) as Promise<T>;
  return {
    kind: 'postgres',
    schema,
    ...openVerbs(base, joining),
    keepAlive: beats.keepAlive,
    ...openReads(read, s, durability),
    health: () => read((queries) => health(queries, schema)),
    close() {
      ending ??= (async () => {
        await beats.close();
        await Promise.allSettled([...underWay]);
        await apart.close();
        await pool.close();
      })();
      return ending;
    },
  };
}
