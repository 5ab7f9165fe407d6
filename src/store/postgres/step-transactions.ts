/**
 * Owns the transactions that steps share with their code: connections of their own, and how each
 * transaction is begun, kept, and found again when its end is unknown.
 *
 * S1 The row that stands for the step comes first (R1 of `schema/migration-results.ts`): who finds
 *    a value there takes it, and calls no code.
 * S2 A commit without an answer is followed by another look: it begins a transaction for the same
 *    row, which waits for what may still be under way. Nothing is told before.
 * S3 Faults before the row is there are waited out, also past the step's time: while they last,
 *    somebody else may be about to commit the same step, and a failure that is told would be wrong.
 *    A row that somebody holds is one of them; the server ends whoever stands still.
 * S4 What was begun is either committed, rolled back, or its connection is thrown away, so that the
 *    server rolls it back.
 * S5 Whoever stands still in a transaction loses it: the server ends it before a lease is over.
 */
import pg from 'pg';
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { TransactionAsk, TransactionEnd, Transactions } from '../../ports/transactions.ts';
import { systemClock } from '../../system/clock.ts';
import { pause } from '../../system/pause.ts';
import type { PostgresAddress } from '../../system/postgres/address.ts';
import { answerWithin, dropConnection } from '../../system/postgres/connect.ts';
import { faultOf, kindOf } from '../../system/postgres/faults.ts';
import { isPassing, OpenTransaction, stateOf } from './open-transaction.ts';
import { quoted } from './quoted.ts';

/** What transactions are opened with. */
export interface TransactionOptions {
  readonly address: PostgresAddress;
  readonly schema: string;
  /** Connections; none is made before it is needed. */
  readonly connectionsMax: number;
  readonly durability: 'full' | 'relaxed';
}

/** The transactions of one runtime. */
export interface OpenTransactions extends Transactions {
  close(): Promise<void>;
}

const clock = systemClock();
const connectMsMax = 5_000;
/** How much longer than the server this side waits for an answer. */
const answerMsMax = limits.transactionStatementMsMax + 2_000;
const pauseMsMin = 20;
const pauseMsMax = 1_000;
/** Of the server, when it ends a transaction that stands still. */
const idleState = '25P03';

/** What one transaction came to. */
type Round =
  | { readonly how: 'kept'; readonly value: string }
  | { readonly how: 'stale' }
  /** Rolled back. `again`: the database asks for another try. */
  | { readonly how: 'failed'; readonly error: unknown; readonly again: boolean }
  /** Nothing was done; the code was not called. */
  | { readonly how: 'fault'; readonly error: unknown }
  /** S2 */
  | { readonly how: 'unknown' };

/** What `begin_result` says. */
interface Begun {
  readonly place?: string;
  readonly value?: string | null;
  readonly stale?: true;
}

/** Opens them. Nothing is connected yet. */
export function openStepTransactions(options: TransactionOptions): OpenTransactions {
  return new StepTransactions(options);
}

class StepTransactions implements OpenTransactions {
  readonly #pool: pg.Pool;
  readonly #address: PostgresAddress;
  readonly #s: string;
  #ended: Promise<void> | null = null;

  constructor({ address, schema, connectionsMax, durability }: TransactionOptions) {
    this.#address = address;
    this.#s = quoted(schema);
    this.#pool = new pg.Pool({
      ...address.config,
      application_name: `holdfast ${schema} steps`,
      max: connectionsMax,
      connectionTimeoutMillis: connectMsMax,
      idleTimeoutMillis: 30_000,
      allowExitOnIdle: true,
      onConnect: async (client) => {
        client.on('error', () => {});
        await client.query(settingsText(durability));
      },
    });
    this.#pool.on('error', () => {});
  }

  async run(ask: TransactionAsk): Promise<TransactionEnd> {
    let unknown = false;
    let restarts = 0;
    for (let pauseMs = pauseMsMin; ; pauseMs = Math.min(pauseMs * 2, pauseMsMax)) {
      const round = await this.#round(ask);
      if (round.how === 'kept') return { kept: true, value: round.value };
      if (round.how === 'stale') return { kept: false, fault: null };
      if (ask.gone.aborted) throw ask.gone.reason;
      switch (round.how) {
        case 'failed':
          // Its row was there, and is not: nobody has committed the step.
          unknown = false;
          restarts += 1;
          if (ask.late.aborted) throw ask.late.reason;
          if (!round.again || restarts > limits.transactionRestartsMax) throw round.error;
          break;
        case 'fault':
          if (unknown || kindOf(round.error) !== 'permanent') break;
          return { kept: false, fault: faultOf(round.error, this.#address) };
        case 'unknown':
          unknown = true;
      }
      await pause(pauseMs);
    }
  }

  close(): Promise<void> {
    this.#ended ??= this.#pool.end();
    return this.#ended;
  }

  async #round(ask: TransactionAsk): Promise<Round> {
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      return { how: 'fault', error };
    }
    const one = new OneTry(client, this.#s, ask);
    try {
      return await one.run();
    } finally {
      client.release(!one.sound);
    }
  }
}

/** One transaction on one connection. */
class OneTry {
  readonly #client: pg.PoolClient;
  readonly #s: string;
  readonly #ask: TransactionAsk;
  readonly #tx: OpenTransaction;
  readonly #dropped = Promise.withResolvers<never>();
  #phase: 'begins' | 'code' | 'ends' = 'begins';
  #over = false;
  #stoodStill = false;

  constructor(client: pg.PoolClient, s: string, ask: TransactionAsk) {
    this.#client = client;
    this.#s = s;
    this.#ask = ask;
    this.#tx = new OpenTransaction(client);
    this.#dropped.promise.catch(() => {});
  }

  /** Whether the connection can be used by the next one. */
  get sound(): boolean {
    return this.#over && this.#client.getTransactionStatus() === 'I';
  }

  async run(): Promise<Round> {
    const { late, gone } = this.#ask;
    const onLate = (): void => {
      if (this.#phase === 'code') this.#drop(late.reason);
    };
    const onGone = (): void => {
      if (this.#phase !== 'ends') this.#drop(gone.reason);
    };
    const onFatal = (error: unknown): void => {
      this.#stoodStill ||= stateOf(error) === idleState;
    };
    this.#client.on('error', onFatal);
    late.addEventListener('abort', onLate);
    gone.addEventListener('abort', onGone);
    try {
      if (gone.aborted) return { how: 'fault', error: gone.reason };
      return await this.#done();
    } finally {
      late.removeEventListener('abort', onLate);
      gone.removeEventListener('abort', onGone);
      this.#client.off('error', onFatal);
    }
  }

  #drop(reason: unknown): void {
    this.#tx.close();
    this.#dropped.reject(reason);
    dropConnection(this.#client);
  }

  async #done(): Promise<Round> {
    const { seq, key, fence, isolation, code, late } = this.#ask;
    let begun: Begun | null;
    try {
      await this.#say(`begin isolation level ${isolation}`);
      const text = `select ${this.#s}.begin_result($1, $2, $3) as value`;
      begun = await this.#value<Begun | null>(text, [seq, key, fence]);
    } catch (error) {
      await this.#rollBack();
      return { how: 'fault', error };
    }
    const { place, value } = begun ?? {};
    if (place === undefined) {
      await this.#rollBack();
      // Without a value the row went with its run.
      return typeof value === 'string' ? { how: 'kept', value } : { how: 'stale' };
    }
    if (late.aborted) return this.#failed(late.reason);
    let text: string;
    this.#phase = 'code';
    try {
      text = await Promise.race([code(this.#tx), this.#dropped.promise]);
    } catch (error) {
      return this.#failed(error);
    }
    return this.#kept(place, text);
  }

  async #kept(place: string, value: string): Promise<Round> {
    const { seq, key, fence } = this.#ask;
    this.#phase = 'ends';
    this.#tx.close();
    try {
      // Behind whatever the code has asked and did not wait for.
      const text = `select ${this.#s}.keep_result($1, $2, $3, $4, $5) as value`;
      if (!(await this.#value<boolean>(text, [place, seq, key, fence, value]))) {
        await this.#rollBack();
        return { how: 'stale' };
      }
    } catch (error) {
      const flaw = this.#tx.flaw();
      const lost = flaw === null && kindOf(error) !== 'permanent';
      return this.#failed(flaw ?? error, lost);
    }
    const flaw = this.#tx.flaw();
    if (flaw !== null) return this.#failed(flaw);
    try {
      const { command } = await this.#say('commit');
      this.#over = true;
      if (command === 'COMMIT') return { how: 'kept', value };
      const message = 'the database rolled the transaction back';
      return { how: 'failed', error: new HoldfastError('attempt.failed', message), again: false };
    } catch (error) {
      const refused = error instanceof pg.DatabaseError && kindOf(error) !== 'ambiguous';
      if (!refused) return { how: 'unknown' };
      this.#over = true;
      return { how: 'failed', error, again: isPassing(error) };
    }
  }

  async #failed(error: unknown, again = false): Promise<Round> {
    const { isPassing: passing } = this.#tx;
    this.#tx.close();
    await this.#rollBack();
    // The word of the server comes on its own, or in answer to what was asked next.
    const stoodStill = this.#stoodStill || stateOf(error) === idleState;
    if (stoodStill) return { how: 'failed', error: this.#tooSlow(), again: false };
    return { how: 'failed', error, again: again || passing || isPassing(error) };
  }

  /** S5 */
  #tooSlow(): HoldfastError {
    const { key } = this.#ask;
    const message =
      `the transaction of '${key}' stood still for ${limits.transactionIdleMsMax} ms, and the ` +
      'server ended it; wait for nothing outside of the database in a transaction';
    return new HoldfastError('step.timed_out', message);
  }

  /** S4: where it fails, the connection is thrown away. */
  async #rollBack(): Promise<void> {
    try {
      await this.#say('rollback');
      this.#over = true;
    } catch {
      dropConnection(this.#client);
    }
  }

  async #value<T>(text: string, values: readonly unknown[]): Promise<T> {
    const asked = this.#client.query<{ readonly value: T }>(text, [...values]);
    const { rows } = await answerWithin(this.#client, clock, answerMsMax, asked);
    const [row] = rows;
    if (row === undefined) throw new HoldfastError('internal.defect', 'a function gave no row');
    return row.value;
  }

  #say(text: string): Promise<pg.QueryResult> {
    return answerWithin(this.#client, clock, answerMsMax, this.#client.query(text));
  }
}

function settingsText(durability: 'full' | 'relaxed'): string {
  const settings = [
    ['statement_timeout', limits.transactionStatementMsMax],
    ['lock_timeout', limits.transactionLockMsMax],
    ['idle_in_transaction_session_timeout', limits.transactionIdleMsMax],
    ['tcp_keepalives_idle', 10],
    ['tcp_keepalives_interval', 5],
    ['tcp_keepalives_count', 4],
  ];
  const texts = settings.map(([name, value]) => `set ${name} = ${value}`);
  // A server that was told to acknowledge before the disk is overruled, a stricter one is not.
  const sync =
    "select set_config('synchronous_commit', case current_setting('synchronous_commit') " +
    "when 'off' then 'on' else current_setting('synchronous_commit') end, false)";
  return [...texts, ...(durability === 'full' ? [sync] : [])].join('; ');
}
