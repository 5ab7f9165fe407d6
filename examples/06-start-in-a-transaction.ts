/**
 * An order and the run that ships it, in one transaction: both are there, or neither. The run needs
 * no outbox and no second look, because the store is in the same database.
 *
 *   export DATABASE_URL=postgres://localhost/app
 *   npm exec -- node --conditions=holdfast-source examples/06-start-in-a-transaction.ts
 */
import { defineFunction, Holdfast, type RunHandle } from 'holdfast';
import pg from 'pg';

const url = process.env.DATABASE_URL ?? 'postgres://localhost/app';
const pool = new pg.Pool({ connectionString: url });
await pool.query(`
  drop table if exists example_06_orders;
  create table example_06_orders (id integer primary key, cents integer not null check (cents > 0));
`);

const ship = defineFunction({
  name: 'order.ship',
  retry: { attemptsMax: 10 },
  run: async ({ order }: { order: number }) => `order ${order} is on its way`,
});
await using hf = await Holdfast.open({ store: { url, schema: 'example_06' }, functions: [ship] });

/** Takes an order. Its id makes the run the same one, however often the order is taken. */
async function takeOrder(order: number, cents: number): Promise<RunHandle<string>> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const run = await hf.start(ship, { order }, { id: `ship-${order}`, tx: client });
    await client.query('insert into example_06_orders values ($1, $2)', [order, cents]);
    await client.query('commit');
    // From here on the run is accepted. This tells the nodes at once.
    hf.wake();
    return run;
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

const run = await takeOrder(1, 990);
console.log(await run.result());

// The database refuses the order, after the run was started: the run goes with it.
await takeOrder(2, -5).catch(({ message }) => console.log('refused:', message));
console.log('is there a run for order 2?', (await hf.runs.get('ship-2')) !== null);

// The same from SQL, for a trigger or for a program in another language.
await pool.query(`
  with placed as (insert into example_06_orders values (3, 450) returning id)
  select example_06.start('order.ship', jsonb_build_object('order', id), '{"id": "ship-3"}')
  from placed
`);
hf.wake();
while ((await hf.runs.get('ship-3')) === null);
console.log(await hf.runs.result('ship-3'));
await pool.end();
