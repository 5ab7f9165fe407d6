/**
 * Owns how a schema takes in what another store gave up.
 *
 * A1 The schema must be empty and unused. From the first transaction to the last it has a version
 *    that no program knows, so that nobody works on half of a store.
 * A2 Each batch is one transaction, which also says how far it came: whoever is killed goes on
 *    there, and nothing is taken in twice.
 * A3 What was taken in can be read back as digests, made by the server from what it keeps.
 */
import { HoldfastError } from '../../core/errors.ts';
import type { PostgresAddress } from '../../system/postgres/address.ts';
import {
  type MoveCounts,
  type MovedRun,
  type MovedSettings,
  movedVersion,
  type RunLine,
} from '../moving.ts';
import { stageCodes } from '../run-tuple.ts';
import { rowsOf } from './arriving-rows.ts';
import { insert, settle } from './arriving-settings.ts';
import { Pool } from './pool.ts';
import type { Queries } from './queries.ts';
import { quoted } from './quoted.ts';
import { migrate, schemaState, schemaVersion } from './schema/migrations.ts';

/** Where to, and what comes. */
export interface ArrivalAsk {
  readonly address: PostgresAddress;
  readonly schema: string;
  /** Names the move: going on takes the same. */
  readonly id: string;
  /** Where it comes from, for people. */
  readonly from: string;
}

/** A schema that takes a store in. */
export interface Arrival {
  /** The seq up to which everything is there. */
  readonly cursor: number;
  /** Whether all of it is there, and was opened to everybody. */
  readonly complete: boolean;
  /** Must come before the runs; may come again. */
  settle(settings: MovedSettings): Promise<void>;
  /** A2: the runs behind the cursor, in their order. */
  keep(runs: readonly MovedRun[]): Promise<void>;
  /** A3: of runs behind a seq, in their order. */
  lines(after: number, runsMax: number): Promise<readonly RunLine[]>;
  counts(): Promise<MoveCounts>;
  /** Opens the schema to everybody. */
  open(nextSeq: number): Promise<void>;
  close(): Promise<void>;
}

/** What stands in `meta` while a store is taken in, and after. */
interface Mark {
  readonly id: string;
  readonly from: string;
  readonly cursor: number;
  readonly complete: boolean;
}

/** Makes the schema if need be, and begins to take a store in, or goes on with that. */
export async function openArrival(ask: ArrivalAsk): Promise<Arrival> {
  const pool = new Pool({
    address: ask.address,
    schema: ask.schema,
    durability: 'full',
    connectionsMax: 2,
    busyPatienceMs,
    onIdleFault: () => {},
  });
  const arrival = new Arriving(pool, ask);
  try {
    await arrival.begin();
    return arrival;
  } catch (error) {
    await pool.close();
    throw error;
  }
}

/** For connections. */
const busyPatienceMs = 10_000;
/** A batch is large, and an index may be slow. */
const limitsText =
  "begin; set local lock_timeout = '10s'; set local statement_timeout = '5min'; " +
  "set local idle_in_transaction_session_timeout = '5min'";

class Arriving implements Arrival {
  readonly #pool: Pool;
  readonly #ask: ArrivalAsk;
  readonly #s: string;
  #policies: ReadonlyMap<number, number> = new Map();
  #mark: Mark;

  constructor(pool: Pool, ask: ArrivalAsk) {
    this.#pool = pool;
    this.#ask = ask;
    this.#s = quoted(ask.schema);
    this.#mark = { id: ask.id, from: ask.from, cursor: 0, complete: false };
  }

  get cursor(): number {
    return this.#mark.cursor;
  }

  get complete(): boolean {
    return this.#mark.complete;
  }

  async begin(): Promise<void> {
    const { schema } = this.#ask;
    await this.#pool.read(async (queries) => {
      const { version } = await schemaState(queries, schema);
      if (version !== movedVersion) await migrate(queries, schema, true);
    }, true);
    await this.#transaction(async (queries) => {
      const found = await this.#readMark(queries);
      if (found?.id === this.#ask.id) {
        this.#mark = found;
        return;
      }
      await this.#refuseUsed(queries, found);
      await this.#putMark(queries, this.#mark);
      await this.#putVersions(queries, movedVersion, movedVersion);
    });
  }

  settle(settings: MovedSettings): Promise<void> {
    return this.#transaction(async (queries) => {
      this.#policies = await settle(queries, this.#s, settings);
    });
  }

  keep(runs: readonly MovedRun[]): Promise<void> {
    const last = runs.at(-1);
    if (last === undefined) return Promise.resolve();
    const s = this.#s;
    const rows = rowsOf(runs, (policy) => this.#policies.get(policy) ?? 0);
    const mark = { ...this.#mark, cursor: last.run[0] };
    return this.#transaction(async (queries) => {
      const found = await this.#readMark(queries);
      if (found?.cursor !== this.#mark.cursor) {
        throw new HoldfastError('store.busy', 'another process moves the same store right now', {
          details: { todo: 'let it finish' },
        });
      }
      for (const [table, list] of Object.entries(rows)) {
        await insert(
          queries,
          `insert into ${s}.${table}
           select * from json_populate_recordset(null::${s}.${table}, $1)`,
          list,
        );
      }
      if (rows.live.length > 0) {
        await queries.rows(`select ${s}.count_live($1)`, [rows.live.length]);
      }
      await this.#putMark(queries, mark);
      this.#mark = mark;
    });
  }

  async lines(after: number, runsMax: number): Promise<readonly RunLine[]> {
    const s = this.#s;
    const rows = await this.#look<{ line: RunLine }>(
      `select json_build_array(v.seq, v.id, v.fn, v.stage, v.outcome, v.attempt, v.fence,
         encode(sha256(convert_to(r.input, 'UTF8')), 'hex'),
         encode(sha256(convert_to(e.result, 'UTF8')), 'hex')) as line
       from ${s}.run_rows v
         join ${s}.runs r on r.seq = v.seq
         left join ${s}.ended e on e.seq = v.seq
       where v.seq > $1 order by v.seq limit $2`,
      [after, runsMax],
    );
    return rows.map(({ line }) => line);
  }

  async counts(): Promise<MoveCounts> {
    const s = this.#s;
    const rows = await this.#look<{ name: string; count: string }>(
      `select 'stage ' || stage as name, count(*) from ${s}.live where stage <> 8 group by stage
       union all select 'stage ${stageCodes.done}', count(*) from ${s}.ended having count(*) > 0
       union all select 'outcome ' || outcome, count(*) from ${s}.ended group by outcome
       union all select 'attempts', count(*) from ${s}.attempts
       union all select 'progress', count(*) from ${s}.progress
       union all select 'log lines', count(*) from ${s}.log_lines
       union all select 'pauses', count(*) from ${s}.pauses`,
    );
    return Object.fromEntries(rows.map(({ name, count }) => [name, Number(count)]));
  }

  open(nextSeq: number): Promise<void> {
    const mark = { ...this.#mark, complete: true };
    return this.#transaction(async (queries) => {
      // Never back: nodes may have been here, and numbers may be lost.
      await queries.rows(
        `select setval($1, greatest($2, last_value + is_called::int), false)
         from ${this.#s}.run_seq`,
        [`${this.#s}.run_seq`, nextSeq],
      );
      await this.#putMark(queries, mark);
      await this.#putVersions(queries, schemaVersion, Math.max(1, schemaVersion - 1));
      this.#mark = mark;
    });
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  /** A1 */
  async #refuseUsed(queries: Queries, found: Mark | null): Promise<void> {
    const s = this.#s;
    const [used] = await queries.rows<{ runs: boolean; nodes: boolean; others: string }>(
      `select exists (select 1 from ${s}.runs) or exists (select 1 from ${s}.inbox) as runs,
         exists (select 1 from ${s}.nodes where state = 'live' or state = 'draining') as nodes,
         (select count(*) from pg_stat_activity
           where datname = current_database() and pid <> pg_backend_pid()
             and starts_with(application_name || ' ', $1)) as others`,
      [`holdfast ${this.#ask.schema} `],
    );
    const { schema } = this.#ask;
    const refuse = (why: string, todo: string): HoldfastError =>
      new HoldfastError('store.busy', `the schema '${schema}' ${why}`, {
        details: { schema, todo },
      });
    if (found !== null && !found.complete) {
      const todo = 'finish that, or drop the schema';
      throw refuse(`is taking in ${found.from}, and that was not finished`, todo);
    }
    if (used?.runs !== false) {
      throw refuse('holds runs already', 'move into a new one, with ?schema=<name>');
    }
    if (used.nodes || used.others !== '0') {
      throw refuse('is in use', 'stop whatever has it open, then move');
    }
  }

  async #readMark(queries: Queries): Promise<Mark | null> {
    const [row] = await queries.rows<{ value: string }>(
      `select value from ${this.#s}.meta where key = 'move'`,
    );
    return row === undefined ? null : (JSON.parse(row.value) as Mark);
  }

  async #putMark(queries: Queries, mark: Mark): Promise<void> {
    await this.#putMeta(queries, 'move', JSON.stringify(mark));
  }

  async #putVersions(queries: Queries, version: number, oldest: number): Promise<void> {
    await this.#putMeta(queries, 'version', String(version));
    await this.#putMeta(queries, 'oldest', String(oldest));
  }

  async #putMeta(queries: Queries, key: string, value: string): Promise<void> {
    await queries.rows(
      `insert into ${this.#s}.meta (key, value) values ($1, $2)
       on conflict (key) do update set value = excluded.value`,
      [key, value],
    );
  }

  /** Under the lock that every change of runs takes. */
  #transaction<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.#pool.write(async (queries) => {
      await queries.script(limitsText);
      await queries.rows(`select ${this.#s}.gate()`);
      const done = await work(queries);
      // On the disk, too: the source is left for good on the strength of this.
      await queries.committed('commit');
      return done;
    });
  }

  #look<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.#pool.read((queries) => queries.rows<Row>(text, values), true);
  }
}
