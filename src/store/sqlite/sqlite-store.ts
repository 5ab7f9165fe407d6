/**
 * Owns the SQLite store as the rest of the product sees it: the port, over two threads.
 *
 * The writer thread owns the writing connection: a commit waits for the disk there and not on the
 * event loop that runs handlers. The reader thread is started at the first read. See
 * docs/internals/sqlite.md.
 *
 * Z1 A promise of a verb that writes resolves after the commit of its transaction, never before.
 * Z2 A read sees everything whose promise had resolved when it was called.
 */
import type { Store } from '../../ports/store.ts';
import { systemClock } from '../../system/clock.ts';
import { systemRandom } from '../../system/random.ts';
import { inSteps } from '../verbs/steps.ts';
import type { readVerbs, writeVerbs } from '../verbs/verbs.ts';
import { type Channel, closed, openChannel } from './channel.ts';
import type { Durability } from './connection.ts';
import { type Keepers, openKeepers } from './keepers.ts';
import { type Counters, counterNames, type Setup } from './messages.ts';
import { realPath } from './store-path.ts';

/** What a store is opened with. */
export interface SqliteOptions {
  /**
   * The file. Its folder must exist; the file is made, readable by its owner only, if it does not.
   */
  readonly path: string;
  /**
   * `full` (the default): what was acknowledged survives a power cut. `relaxed`: it survives the
   * crash of any process; the last moments may go with the machine.
   */
  readonly durability?: Durability;
  /**
   * How long a call waits while another process holds the store. Default 5,000. Then: `store.busy`.
   */
  readonly busyPatienceMs?: number;
}

/** A store in a file, and what its writer counted. */
export interface SqliteStore extends Store {
  readonly kind: 'sqlite';
  readonly path: string;
  /** Costs nothing: the numbers are read from memory. */
  counters(): Counters;
}

const busyPatienceMsDefault = 5_000;

type WriteName = keyof typeof writeVerbs;
type ReadName = keyof typeof readVerbs;
type Rest<V> = V extends (txn: never, ...args: infer A) => unknown ? A : never;

/**
 * Opens the store in a file, and makes it if there is none.
 *
 * Rejects with `store.bad_path`, `store.corrupt`, `store.newer_schema`, `store.busy`, `store.full`
 * or `store.unavailable`. Several stores, in this process and in others, may be open on one file.
 *
 * @example
 * const store = await openSqliteStore({ path: './holdfast.db' });
 * await store.close();
 */
export async function openSqliteStore(options: SqliteOptions): Promise<SqliteStore> {
  const clock = systemClock();
  const setup: Setup = {
    path: realPath(options.path),
    durability: options.durability ?? 'full',
    busyPatienceMs: options.busyPatienceMs ?? busyPatienceMsDefault,
    unique: systemRandom().id(),
    counters: new SharedArrayBuffer(8 * counterNames.length),
  };
  const keepers = openKeepers(clock);
  const writer = await openChannel('writer', setup, clock, keepers.hear);
  keepers.use(writer);
  const reader = lazily(() => openChannel('reader', setup, clock, () => {}));
  const numbers = new BigInt64Array(setup.counters);
  let ending: Promise<void> | null = null;

  const write = <N extends WriteName>(name: N, ...args: Rest<(typeof writeVerbs)[N]>) =>
    writer.call(name, args) as Promise<ReturnType<(typeof writeVerbs)[N]>>;
  const read = async <N extends ReadName>(name: N, ...args: Rest<(typeof readVerbs)[N]>) => {
    if (ending !== null) throw closed(setup.path);
    const channel = await reader.get();
    return (await channel.call(name, args)) as ReturnType<(typeof readVerbs)[N]>;
  };
  return {
    kind: 'sqlite',
    path: setup.path,
    counters: () =>
      Object.fromEntries(
        counterNames.map((name, at) => [name, Number(Atomics.load(numbers, at))]),
      ) as unknown as Counters,
    ...writing(write, keepers),
    ...reading(read),
    keepAlive: keepers.keepAlive,
    close() {
      // The writer last: its connection copies the log into the file and takes it away.
      ending ??= writer.close(reader.close());
      return ending;
    },
  };
}

type Write = <N extends WriteName>(
  name: N,
  ...args: Rest<(typeof writeVerbs)[N]>
) => Promise<ReturnType<(typeof writeVerbs)[N]>>;

type Read = <N extends ReadName>(
  name: N,
  ...args: Rest<(typeof readVerbs)[N]>
) => Promise<ReturnType<(typeof readVerbs)[N]>>;

const writing = (write: Write, keepers: Keepers) =>
  ({
    start: (items) => write('start', items),
    claim: (ask) => write('claim', ask),
    end: (items) => write('end', items),
    note: (items) => write('note', items),
    append: (items) => write('append', items),
    settled: (node, items) => write('settled', node, items),
    record: (items) => write('record', items),
    emit: (items) => write('emit', items),
    answer: (items) => write('answer', items),
    signal: (items) => write('signal', items),
    fork: (items) => write('fork', items),
    cancel: (items) => write('cancel', items),
    retry: (items) => write('retry', items),
    repin: (items) => write('repin', items),
    redrive: (items) => write('redrive', items),
    discard: (items) => write('discard', items),
    sweep: (rowsMax) => write('sweep', rowsMax),
    prune: (retention, rowsMax) => write('prune', retention, rowsMax),
    pause: (kind, key, reason) => write('pause', kind, key, reason),
    resume: (kind, key) => write('resume', kind, key),
    setTenant: (terms) => inSteps(() => write('setTenant', terms)),
    join: (card) => keepers.joining(() => write('join', card)),
    drain: (node) => write('drain', node),
    leave: (node) => write('leave', node),
    recover: (node, evidence, rowsMax) => write('recover', node, evidence, rowsMax),
    putKey: (key) => write('putKey', key),
    revokeKey: (id) => write('revokeKey', id),
    touchKey: (id) => write('touchKey', id),
    secret: (name, proposed) => write('secret', name, proposed),
  }) satisfies Partial<Store>;

const reading = (read: Read) =>
  ({
    stops: (node) => read('stops', node),
    owned: (node, rowsMax) => read('owned', node, rowsMax),
    nodes: () => read('nodes'),
    get: (id) => read('get', id),
    list: (ask) => read('list', ask),
    dead: (ask) => read('dead', ask),
    ends: (ids) => read('ends', ids),
    explain: (id) => read('explain', id),
    logs: (id, after, linesMax, filter) => read('logs', id, after, linesMax, filter),
    parts: (asks) => read('parts', asks),
    steps: (id, after, rowsMax) => read('steps', id, after, rowsMax),
    answers: (asks) => read('answers', asks),
    state: (id) => read('state', id),
    children: (ask) => read('children', ask),
    lanes: (rowsMax) => read('lanes', rowsMax),
    tenants: (rowsMax, only) => read('tenants', rowsMax, only),
    pauses: () => read('pauses'),
    counts: () => read('counts'),
    pinned: (rowsMax) => read('pinned', rowsMax),
    examine: () => read('examine'),
    keys: () => read('keys'),
  }) satisfies Partial<Store>;

/** A channel that is opened when it is first asked for, and again after that failed. */
function lazily(open: () => Promise<Channel>) {
  let opening: Promise<Channel> | null = null;
  return {
    get(): Promise<Channel> {
      opening ??= open().catch((error: unknown) => {
        opening = null;
        throw error;
      });
      return opening;
    },
    async close(): Promise<void> {
      const channel = await opening?.catch(() => null);
      await channel?.close();
    },
  };
}
