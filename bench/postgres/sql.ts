/**
 * Owns the benchmark's own way to the server: one statement on one connection that is closed again.
 */
import { Client } from 'pg';

export type Row = Readonly<Record<string, unknown>>;

/** Asks one question and leaves. */
export async function askOnce(url: string, text: string, values: readonly unknown[] = []) {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text, [...values])).rows;
  } finally {
    await client.end();
  }
}
