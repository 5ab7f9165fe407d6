/**
 * An order and the ledger that it is booked in, in the database of the store: the booking and the
 * word that it was done are committed together. However often the code is executed, and wherever it
 * fails, the money is booked once.
 *
 *   export DATABASE_URL=postgres://localhost/app
 *   npm exec -- node --conditions=holdfast-source examples/16-step-in-a-transaction.ts
 */
import { defineFunction, Holdfast, NonRetryableError, StepError } from 'holdfast';
import pg from 'pg';

const url = process.env.DATABASE_URL ?? 'postgres://localhost/app';
const pool = new pg.Pool({ connectionString: url });
await pool.query(`
  drop table if exists example_16_ledger, example_16_accounts;
  create table example_16_accounts (name text primary key, cents integer not null);
  create table example_16_ledger (n serial primary key, account text, cents integer, run text);
  insert into example_16_accounts values ('ada', 2500);
`);

interface Order {
  readonly account: string;
  readonly cents: number;
}

const place = defineFunction({
  name: 'order.place',
  retry: { attemptsMax: 5, delayMs: 5 },
  run: async ({ account, cents }: Order, ctx) => {
    try {
      const entry = await ctx.transaction('book', async (tx) => {
        const left = await tx.query<{ cents: number }>(
          'update example_16_accounts set cents = cents - $1 where name = $2 returning cents',
          [cents, account],
        );
        if ((left.rows[0]?.cents ?? -1) < 0) throw new NonRetryableError('the account is empty');
        const booked = await tx.query<{ n: number }>(
          'insert into example_16_ledger (account, cents, run) values ($1, $2, $3) returning n',
          [account, cents, ctx.runId],
        );
        return booked.rows[0]?.n;
      });
      // As if the process were unlucky: what was booked stays booked, and is not booked again.
      if (ctx.attempt < 3) throw new Error('the carrier does not answer');
      return `entry ${entry} is on its way`;
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      return `refused: ${error.message}`;
    }
  },
});

await using hf = await Holdfast.open({ store: { url, schema: 'example_16' }, functions: [place] });
for (const [id, cents] of [
  ['lamp', 1_900],
  ['piano', 90_000],
] as const) {
  const run = await hf.start(place, { account: 'ada', cents }, { id });
  console.log(`${id}: ${await run.result()}`);
}
const { rows } = await pool.query('select account, cents, run from example_16_ledger');
console.log('the ledger:', rows.map(({ run, cents }) => `${run} ${cents}`).join(', '));
const account = await pool.query('select cents from example_16_accounts');
console.log('left:', account.rows[0].cents);
await pool.end();
