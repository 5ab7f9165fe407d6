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
  type EventLine,
  type MoveCounts,
  type MovedBlock,
  type MovedFlow,
  type MovedRun,
  type MovedSettings,
  type MovedStep,
  movedVersion,
  type PartCursor,
  type RunLine,
  type StepCursor,
  type StepLine,
} from '../moving.ts';
import { stageCodes } from '../run-tuple.ts';
import type { EventTuple } from '../step-tuple.ts';
import { eventLinesText, runLinesText, stepLinesText } from './arriving-lines.ts';
import {
  type ArrivingRows,
  blockRow,
  eventRow,
  flowRow,
  rowsOf,
  stepRow,
} from './arriving-rows.ts';
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
  /** A2: steps, events and parts behind their cursors, after all runs. */
  keepSteps(steps: readonly MovedStep[]): Promise<void>;
  keepEvents(events: readonly EventTuple[]): Promise<void>;
  keepParts(blocks: readonly MovedBlock[]): Promise<void>;
  /** What flow control keeps. It may come again: what is there already stays. */
  keepFlows(flows: readonly MovedFlow[]): Promise<void>;
  readonly stepCursor: StepCursor;
  readonly eventCursor: number;
  readonly partCursor: PartCursor;
  /** A3: of runs behind a seq, in their order. */
  lines(after: number, runsMax: number): Promise<readonly RunLine[]>;
  stepLines(after: StepCursor, rowsMax: number): Promise<readonly StepLine[]>;
  eventLines(after: number, rowsMax: number): Promise<readonly EventLine[]>;
  counts(): Promise<MoveCounts>;
  /** Opens the schema to everybody. */
  open(nextSeq: number, events: MovedSettings['events']): Promise<void>;
  close(): Promise<void>;
}

/** What stands in `meta` while a store is taken in, and after. */
interface Mark {
  readonly id: string;
  readonly from: string;
  readonly cursor: number;
  readonly steps?: StepCursor;
  readonly events?: number;
  readonly parts?: PartCursor;
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

  get stepCursor(): StepCursor {
    return this.#mark.steps ?? [0, 0];
  }

  get eventCursor(): number {
    return this.#mark.events ?? 0;
  }

  get partCursor(): PartCursor {
    return this.#mark.parts ?? [0, 0];
  }

  keep(runs: readonly MovedRun[]): Promise<void> {
    const last = runs.at(-1);
    if (last === undefined) return Promise.resolve();
    const rows = rowsOf(runs, (policy) => this.#policies.get(policy) ?? 0);
    return this.#take(rows, { ...this.#mark, cursor: last.run[0] }, async (queries) => {
      // Triggers took every run that ended badly for one that nobody has dealt with.
      const settled = runs.filter(({ dead }) => !dead).map(({ run: [seq] }) => seq);
      await insert(
        queries,
        `delete from ${this.#s}.dead
         where seq in (select value::bigint from json_array_elements_text($1))`,
        settled,
      );
      if (rows.live.length === 0) return;
      await queries.rows(`select ${this.#s}.count_live($1)`, [rows.live.length]);
    });
  }

  keepSteps(steps: readonly MovedStep[]): Promise<void> {
    const last = steps.at(-1);
    if (last === undefined) return Promise.resolve();
    const [seq, ord] = last.step;
    return this.#take({ steps: steps.map(stepRow) }, { ...this.#mark, steps: [seq, ord] });
  }

  keepEvents(events: readonly EventTuple[]): Promise<void> {
    const last = events.at(-1);
    if (last === undefined) return Promise.resolve();
    return this.#take({ events: events.map(eventRow) }, { ...this.#mark, events: last[0] });
  }

  keepParts(blocks: readonly MovedBlock[]): Promise<void> {
    const last = blocks.at(-1);
    if (last === undefined) return Promise.resolve();
    const [seq, first] = last;
    return this.#take({ parts: blocks.map(blockRow) }, { ...this.#mark, parts: [seq, first] });
  }

  keepFlows(flows: readonly MovedFlow[]): Promise<void> {
    const s = this.#s;
    const text = `insert into ${s}.flows
      select * from json_populate_recordset(null::${s}.flows, $1) on conflict do nothing`;
    return this.#transaction((queries) => insert(queries, text, flows.map(flowRow)));
  }

  /** A2 */
  #take(
    tables: Readonly<Record<string, readonly object[]>> | ArrivingRows,
    mark: Mark,
    further: (queries: Queries) => Promise<void> = async () => {},
  ): Promise<void> {
    const s = this.#s;
    return this.#transaction(async (queries) => {
      const found = await this.#readMark(queries);
      if (JSON.stringify(found) !== JSON.stringify(this.#mark)) {
        throw new HoldfastError('store.busy', 'another process moves the same store right now', {
          details: { todo: 'let it finish' },
        });
      }
      for (const [table, list] of Object.entries(tables)) {
        await insert(
          queries,
          `insert into ${s}.${table}
           select * from json_populate_recordset(null::${s}.${table}, $1)`,
          list,
        );
      }
      await further(queries);
      await this.#putMark(queries, mark);
      this.#mark = mark;
    });
  }

  stepLines(after: StepCursor, rowsMax: number): Promise<readonly StepLine[]> {
    return this.#lines(stepLinesText(this.#s), [...after, rowsMax]);
  }

  eventLines(after: number, rowsMax: number): Promise<readonly EventLine[]> {
    return this.#lines(eventLinesText(this.#s), [after, rowsMax]);
  }

  async #lines<Line>(text: string, values: readonly unknown[]): Promise<readonly Line[]> {
    const rows = await this.#look<{ line: Line }>(text, values);
    return rows.map(({ line }) => line);
  }

  lines(after: number, runsMax: number): Promise<readonly RunLine[]> {
    return this.#lines(runLinesText(this.#s), [after, runsMax]);
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
       union all select 'pauses', count(*) from ${s}.pauses
       union all select 'access keys', count(*) from ${s}.access_keys
       union all select 'steps', count(*) from ${s}.steps
       union all select 'families', count(*) from ${s}.kin
       union all select 'events', count(*) from ${s}.events
       union all select 'signals', count(*) from ${s}.signals
       union all select 'declared values', count(*) from ${s}.run_state
       union all select 'keys of flow control', count(*) from ${s}.flows
       union all select 'dead letters', count(*) from ${s}.dead
       union all select 'parts', coalesce(sum(count), 0) from ${s}.parts
       union all select 'part characters', coalesce(sum(length(content)), 0) from ${s}.parts`,
    );
    return Object.fromEntries(rows.map(({ name, count }) => [name, Number(count)]));
  }

  open(nextSeq: number, { lastN, kept, lastAt }: MovedSettings['events']): Promise<void> {
    const mark = { ...this.#mark, complete: true };
    return this.#transaction(async (queries) => {
      // Never back: nodes may have been here, and numbers may be lost.
      await queries.rows(
        `select setval($1, greatest($2, last_value + is_called::int), false)
         from ${this.#s}.run_seq`,
        [`${this.#s}.run_seq`, nextSeq],
      );
      const text = `select ${this.#s}.put_cell('events', '', $1, $2, $3, 0)`;
      await queries.rows(text, [lastN, kept, lastAt]);
      await queries.rows(
        `select ${this.#s}.put_cell('flows', '', count(*), 0, 0, 0) from ${this.#s}.flows`,
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
