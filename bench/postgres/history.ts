/**
 * Owns how a peer gets a long history of finished jobs: some are run, and their rows are multiplied
 * by SQL. Running a million of them would take some peers the better part of an hour.
 */
import type { Side } from '../measure.ts';
import { askOnce } from './sql.ts';

/** The tables that keep what has ended, with the column that names the job. */
interface Kept {
  readonly tables: readonly string[];
  readonly key: string;
  /** The name of copy `g`. */
  readonly fresh: string;
}

const kept: Readonly<Partial<Record<Side, Kept>>> = {
  'pg-boss': { tables: ['pgboss.job'], key: 'id', fresh: 'gen_random_uuid()' },
  'bullmq-postgres': { tables: ['bullmq.job'], key: 'id', fresh: `id || '-' || g` },
  dbos: {
    tables: ['workflow_status', 'workflow_input', 'workflow_output', 'operation_outputs'].map(
      (table) => `dbos.${table}`,
    ),
    ...{ key: 'workflow_uuid', fresh: `workflow_uuid || '-' || g` },
  },
};

const COLUMNS = `
  select quote_ident(attname) as name from pg_attribute
   where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = ''
   order by attnum`;

/** Whether ended jobs are kept at all. */
export const keepsHistory = (side: Side): boolean => kept[side] !== undefined;

/** Adds `times` copies of everything that is kept. */
export async function multiply(side: Side, url: string, times: number): Promise<void> {
  const { tables = [], key = '', fresh = '' } = kept[side] ?? {};
  for (const table of tables) {
    const names = (await askOnce(url, COLUMNS, [table])).map(({ name }) => String(name));
    const values = names.map((name) => (name === key ? fresh : name));
    const into = `insert into ${table} (${names.join(', ')})`;
    await askOnce(
      url,
      `${into} select ${values.join(', ')} from ${table}, generate_series(1, ${times}) g`,
    );
  }
}
