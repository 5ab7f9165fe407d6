/**
 * Owns the connections of one store: how many there are, what is set on them, and what becomes of
 * one that failed.
 *
 * P1 A connection on which anything went wrong in an unknown way is thrown away; one on which the
 *    server refused a statement is rolled back and used on.
 * P2 Whoever holds the gate and stops talking loses it: the server ends a transaction that is idle
 *    for `idleInTransactionMs`.
 * P3 Plans never depend on statistics, nor on the values of one call, for which the server would
 *    make them anew each time: every access is by an index, because tables that were small when
 *    they were looked at may hold a million rows now.
 * P4 Writers leave at least one connection to readers.
 * P5 A commit does not wait for the disk while it holds the gate: it is asynchronous, and a second,
 *    tiny one right behind it on the same connection waits, by the setting of the server, for the
 *    disk and for the standbys. The log is one sequence, so what is durable up to there holds
 *    everything before, also what this commit was based on. What was read may be newer than what
 *    is durable: whoever acts on an outcome that was read asks for `flushed` first.
 */
import pg from 'pg';
import { HoldfastError } from '../../core/errors.ts';
import type { PostgresAddress } from '../../system/postgres/address.ts';
import { faultOf } from '../../system/postgres/faults.ts';
import { markText, sessionMark, sharedSession } from '../../system/postgres/session.ts';
import type { Answer, Queries } from './queries.ts';
import { quoted } from './quoted.ts';

/** How long the server lets a transaction stand idle: then its client is held to be frozen. */
const idleInTransactionMs = 4_000;
/** How long one statement may take; examinations may take longer. */
const statementMs = 10_000;
const longStatementMs = 300_000;
/** How much longer than the server the client waits before it gives the connection up. */
const answerSlackMs = 2_000;

/** What a pool is made with. */
export interface PoolOptions {
  readonly address: PostgresAddress;
  readonly schema: string;
  readonly durability: 'full' | 'relaxed';
  readonly connectionsMax: number;
  readonly busyPatienceMs: number;
  /** Shown in `pg_stat_activity` behind the schema. */
  readonly role?: string;
  /** Hears of faults of connections that nobody was using. */
  readonly onIdleFault: (error: HoldfastError) => void;
}

interface Valued {
  readonly value: unknown;
}

/** How strict the commits of a session are, and whose it is. */
interface SessionRow {
  readonly value: string;
  readonly mark: string | null;
}

/** The connections. */
export class Pool {
  readonly #pool: pg.Pool;
  readonly #options: PoolOptions;
  readonly #writersMax: number;
  readonly #waiting: (() => void)[] = [];
  #writers = 0;
  /** What a commit waits for; null: nothing. */
  #sync: string | null = null;
  #ended: Promise<void> | null = null;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#writersMax = Math.max(1, options.connectionsMax - 1);
    this.#pool = new pg.Pool({
      ...options.address.config,
      application_name: `holdfast ${options.schema} ${options.role ?? ''}`.trim(),
      max: options.connectionsMax,
      connectionTimeoutMillis: Math.max(1_000, options.busyPatienceMs),
      idleTimeoutMillis: 30_000,
      allowExitOnIdle: true,
      pipeline: true,
      onConnect: (client) => this.#prepare(client),
    });
    this.#pool.on('error', (error) => options.onIdleFault(this.fault(error)));
  }

  /** Sets what holds for the session, and learns how strict the server's own commits are. */
  async #prepare(client: pg.ClientBase): Promise<void> {
    const { durability, address } = this.#options;
    // One that breaks while it is used fails its calls; nobody else has to hear of it.
    client.on('error', () => {});
    const { rows } = await client.query<SessionRow>(
      `select current_setting('synchronous_commit') as value, ${markText} as mark`,
    );
    const [{ value, mark }] = rows as [SessionRow];
    if (mark !== null && mark !== '') throw sharedSession(address.shown);
    await client.query(settingsText(this.#options));
    if (durability === 'relaxed') return;
    // A server that was told to acknowledge before the disk is overruled, a stricter one is not.
    this.#sync = value === 'off' ? 'on' : value;
  }

  /** A fault of the driver in our words. */
  fault(error: unknown): HoldfastError {
    return error instanceof HoldfastError ? error : faultOf(error, this.#options.address);
  }

  /** Uses a connection for something that changes rows. */
  async write<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    if (this.#writers >= this.#writersMax) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#writers += 1;
    try {
      return await this.read(work);
    } finally {
      // The place goes to whoever waits longest, or is free.
      const next = this.#waiting.shift();
      if (next === undefined) this.#writers -= 1;
      else next();
    }
  }

  /** Uses a connection for something that only looks. `long`: it may take minutes. */
  async read<T>(work: (queries: Queries) => Promise<T>, long = false): Promise<T> {
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw this.fault(error);
    }
    try {
      if (long) await client.query(`set statement_timeout = ${longStatementMs}`);
      const done = await work(queriesOn(client, long ? longStatementMs : statementMs, this.#sync));
      if (long) await client.query(`set statement_timeout = ${statementMs}`);
      client.release();
      return done;
    } catch (error) {
      // One that was given minutes is not for others, who have seconds.
      if (long) client.release(true);
      else await retire(client, error);
      throw this.fault(error);
    }
  }

  close(): Promise<void> {
    this.#ended ??= this.#pool.end();
    return this.#ended;
  }
}

/** Statements that were refused leave a sound connection; anything else does not. */
const isRefusal = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && !/^(08|57|58|F0|XX)/.test(error.code ?? '08');

async function retire(client: pg.PoolClient, error: unknown): Promise<void> {
  if (!isRefusal(error) && !(error instanceof HoldfastError)) {
    client.release(true);
    return;
  }
  try {
    await client.query({ text: 'rollback', query_timeout: answerSlackMs } as pg.QueryConfig);
    client.release();
  } catch {
    client.release(true);
  }
}

function queriesOn(client: pg.PoolClient, patienceMs: number, sync: string | null): Queries {
  const query_timeout = patienceMs + answerSlackMs;
  const ask = async (text: string, values?: readonly unknown[]) => {
    const config = {
      text,
      query_timeout,
      ...(values === undefined ? {} : { values: [...values] }),
    };
    return (await client.query(config as pg.QueryConfig)) as unknown;
  };
  const rowsOf = (result: unknown): readonly unknown[] => {
    const last = Array.isArray(result) ? (result.at(-1) as unknown) : result;
    return (last as pg.QueryResult | undefined)?.rows ?? [];
  };
  const valueIn = (result: unknown): unknown => (rowsOf(result)[0] as Valued | undefined)?.value;
  return {
    rows: async <Row>(text: string, values: readonly unknown[] = []) =>
      rowsOf(await ask(text, values)) as Row[],
    one: async <T>(text: string, values: readonly unknown[] = []) =>
      valueIn(await ask(text, values)) as T,
    script: async <T>(text: string) => valueIn(await ask(text)) as T,
    async committed<T>(text: string, values?: readonly unknown[]) {
      if (sync === null) return valueIn(await ask(text, values)) as T;
      // Both are sent at once; the second is executed after the first.
      const done = ask(text, values);
      const flushed = ask(flushText(sync));
      const [result] = await Promise.all([done, flushed]);
      return valueIn(result) as T;
    },
    async together(calls, flush) {
      const asked = calls.map(({ text, values }) => ask(text, values));
      const flushed = sync === null || flush === 'no' ? Promise.resolve() : ask(texts[flush](sync));
      // It fails with the connection, which is heard of below.
      flushed.catch(() => {});
      const settled = await Promise.allSettled(asked);
      const answers = settled.map((one): Answer => {
        if (one.status === 'fulfilled') return { ok: true, value: valueIn(one.value) };
        // Whatever is no refusal has broken the connection, and is thrown for all of them.
        if (!isRefusal(one.reason)) throw one.reason;
        return { ok: false, error: one.reason };
      });
      await flushed;
      return answers;
    },
    async flushed() {
      if (sync !== null) await ask(flushText(sync));
    },
    literal: (text) => client.escapeLiteral(text),
  };
}

function settingsText({ schema, busyPatienceMs }: PoolOptions): string {
  const settings = [
    ['search_path', quoted(schema)],
    ['statement_timeout', statementMs],
    ['lock_timeout', Math.min(statementMs - 1, Math.max(1, busyPatienceMs))],
    ['idle_in_transaction_session_timeout', idleInTransactionMs],
    ['enable_seqscan', 'off'],
    ['enable_hashjoin', 'off'],
    ['enable_mergejoin', 'off'],
    ['jit', 'off'],
    ['plan_cache_mode', 'force_generic_plan'],
    ['default_transaction_isolation', "'read committed'"],
    ['client_min_messages', 'warning'],
    // Times and ranks are numbers of which every digit counts.
    ['extra_float_digits', 1],
    ['synchronous_commit', 'off'],
    ['tcp_keepalives_idle', 10],
    ['tcp_keepalives_interval', 5],
    ['tcp_keepalives_count', 4],
    [sessionMark, "'set'"],
  ];
  return settings.map(([name, value]) => `set ${name} = ${value}`).join('; ');
}

/** A commit that writes a record of its own, because one without would wait for nothing. */
const flushText = (sync: string): string =>
  `select set_config('synchronous_commit', '${sync}', true), ` +
  "pg_logical_emit_message(true, 'holdfast', '')";

/** The same, if a claim of this session has handed something out since the last time. */
const flushIfHandedText = (sync: string): string =>
  `${flushText(sync)}, set_config('holdfast.handed', '', false) ` +
  "where current_setting('holdfast.handed', true) = '1'";

const texts = { yes: flushText, 'if-handed': flushIfHandedText } as const;
