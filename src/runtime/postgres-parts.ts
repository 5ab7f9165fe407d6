/**
 * Owns what a runtime opens when its store is in Postgres. It is loaded then and never else, so
 * that whoever keeps runs in a file loads no database driver.
 *
 * P1 Whatever goes wrong names the place without its password.
 */
import { openPostgresBus, type PostgresBus } from '../bus/postgres/postgres-bus.ts';
import { HoldfastError } from '../core/errors.ts';
import type { Bus } from '../ports/bus.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Random } from '../ports/random.ts';
import type { Store } from '../ports/store.ts';
import type { StartItem, StartVerdict } from '../ports/store-runs.ts';
import type { Transactions } from '../ports/transactions.ts';
import { movedVersion } from '../store/moving.ts';
import { type CallerTransaction, startWithin } from '../store/postgres/caller-transaction.ts';
import type { StoreHealth } from '../store/postgres/health.ts';
import { openPostgresStore } from '../store/postgres/postgres-store.ts';
import { openStepTransactions } from '../store/postgres/step-transactions.ts';
import { HealthWatch } from './health-watch.ts';
import type { StopStack } from './stop-stack.ts';
import type { PostgresPlace } from './store-place.ts';

/** How it is opened. */
export interface PostgresAsk {
  readonly place: PostgresPlace;
  /** Whether to look once a minute how it stands: one who executes does. */
  readonly watches: boolean;
  readonly durability: 'full' | 'relaxed';
  readonly busyPatienceMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** Puts runs into a transaction of the caller. */
export type StartWithin = (
  tx: CallerTransaction,
  items: readonly StartItem[],
) => Promise<readonly StartVerdict[]>;

/** What was opened. */
export interface PostgresParts {
  readonly store: Store;
  readonly bus: Bus;
  readonly startWithin: StartWithin;
  readonly transactions: Transactions;
  /** How it stood at the last look, or null before the first. */
  readonly health: () => StoreHealth | null;
}

/** Opens the store and its wake-ups. */
export async function openPostgres(ask: PostgresAsk, stops: StopStack): Promise<PostgresParts> {
  const { place, watches, durability, busyPatienceMs, clock, random, log } = ask;
  const { address, schema } = place;
  let opened: PostgresBus | null = null;
  const tellReady = () => opened?.statementFor('ready') ?? null;
  const options = { ...place, durability, busyPatienceMs, log, tellReady };
  const store = await openPostgresStore(options).catch((error: unknown) => {
    throw refusalOf(error, place);
  });
  stops.push('the store', () => store.close());
  const connectionsMax = place.transactionsMax;
  const transactions = openStepTransactions({ address, schema, durability, connectionsMax });
  stops.push('the transactions of steps', () => transactions.close());
  const bus = await openPostgresBus({ address, schema, clock, random, log });
  opened = bus;
  stops.push('the bus', () => bus.close());
  const watch = watches ? new HealthWatch(() => store.health(), clock, log) : null;
  if (watch !== null) stops.push('the watch over the store', () => watch.stop());
  return {
    store,
    bus,
    transactions,
    startWithin: (tx, items) => startWithin(tx, schema, items),
    health: () => watch?.last ?? null,
  };
}

/** While a store is moved into the schema it has a version that nobody knows. */
function refusalOf(error: unknown, { address, schema }: PostgresPlace): unknown {
  if (!(error instanceof HoldfastError) || error.details.found !== movedVersion) return error;
  const message = `store ${address.shown}: a store is being moved into schema '${schema}'`;
  return new HoldfastError('store.moved', `${message}; open it when that is done`, {
    details: { schema, todo: 'finish it: the same holdfast migrate --from ... --to ... again' },
  });
}
