/**
 * A node in a process of its own that does steps in transactions. Told a point, it kills itself
 * when it comes there: before it says something to the database, when that is said, or when it has
 * the answer.
 */
import { defineFunction, Holdfast, type RunContext } from 'holdfast';
import pg from 'pg';

/** On its command line as JSON. */
export interface TransactionOrder {
  readonly store: string;
  readonly schema: string;
  readonly leaseTtlMs?: number;
}

/** Where it dies: beside the first statement with this text; `commit` is the whole text. */
export interface KillPoint {
  readonly when: 'before' | 'said' | 'after';
  readonly text: string;
}

/** From this order on the code says that it has written, and goes on when it is told to. */
export const heldFrom = 1_000;

/** Books an order once. Without a schema it can be started and not executed. */
export const bookOnce = (schema: string | null, held: () => Promise<void> = async () => {}) =>
  defineFunction({
    name: 'book-once',
    crashesMax: 100,
    run: async (order: number, ctx: RunContext) => {
      const booked = await ctx.transaction('book', async (tx) => {
        const text = `insert into "${schema}".ledger values ($1, $2) returning place`;
        const { rows } = await tx.query<{ readonly place: number }>(text, [ctx.runId, order]);
        if (order >= heldFrom) await held();
        return rows[0]?.place;
      });
      const told = await ctx.step('tell', () => `booked ${order}`);
      return [booked, told];
    },
  });

const die = (): void => void process.kill(process.pid, 'SIGKILL');

let point: KillPoint | null = null;
const meant = (text: string): boolean =>
  point !== null && (point.text === 'commit' ? text === 'commit' : text.includes(point.text));

function watch(): void {
  const { query } = pg.Client.prototype;
  const watched = function (this: pg.Client, ...given: unknown[]): unknown {
    const [first] = given;
    const text = typeof first === 'string' ? first : (first as { readonly text?: string }).text;
    const ask = query as (...given: unknown[]) => unknown;
    if (text === undefined || !meant(text)) return ask.apply(this, given);
    if (point?.when === 'before') die();
    const answer = ask.apply(this, given);
    if (point?.when === 'said') die();
    return (answer as Promise<unknown>).then(die);
  };
  pg.Client.prototype.query = watched as typeof query;
}

if (process.argv[2] !== undefined && process.send !== undefined) {
  const { store, schema, leaseTtlMs = 15_000 } = JSON.parse(process.argv[2]) as TransactionOrder;
  watch();
  const goOn = Promise.withResolvers<void>();
  const fn = bookOnce(schema, async () => {
    process.send?.('written');
    await goOn.promise;
  });
  const hf = await Holdfast.open({ store, functions: [fn], leaseTtlMs, drainGraceMs: 0 });
  process.on('disconnect', () => process.exit(1));
  process.on('SIGTERM', () => void hf.close().then(() => process.disconnect()));
  process.on('message', (told: KillPoint | 'go on') => {
    if (told === 'go on') goOn.resolve();
    else point = told;
    process.send?.('heard');
  });
  process.send('ready');
}
