/**
 * Owns what an administrator does with a schema beside using it: bringing it to the newest version,
 * and giving a role the rights that a runtime needs.
 *
 * C1 A runtime needs no right to change the schema: it reads and writes rows, draws numbers and
 *    calls functions, and no more is granted.
 */
import type { PostgresAddress } from '../../system/postgres/address.ts';
import { Pool } from './pool.ts';
import { quoted } from './quoted.ts';
import { migrate, migrationText, schemaState, schemaVersion } from './schema/migrations.ts';

/** Which schema, and for whom. */
export interface SchemaAsk {
  readonly address: PostgresAddress;
  readonly schema: string;
  /** The role that runtimes connect with, if it is another than the owner of the schema. */
  readonly role: string | null;
}

/** The versions before (0: there was none) and after. */
export interface SchemaChange {
  readonly before: number;
  readonly after: number;
}

/** Brings a schema to the newest version, and grants what was asked for. */
export async function bringUp({ address, schema, role }: SchemaAsk): Promise<SchemaChange> {
  const pool = new Pool({
    address,
    schema,
    durability: 'full',
    connectionsMax: 2,
    busyPatienceMs: 10_000,
    onIdleFault: () => {},
  });
  try {
    return await pool.read(async (queries) => {
      const { version } = await schemaState(queries, schema);
      await migrate(queries, schema, true);
      if (role !== null) await queries.script(grantText(schema, role));
      return { before: version, after: Math.max(version, schemaVersion) };
    }, true);
  } finally {
    await pool.close();
  }
}

/** The same as statements, for an empty database. */
export const bringUpText = (schema: string, role: string | null): string =>
  [
    'begin;',
    migrationText(schema).trim(),
    ...(role === null ? [] : [grantText(schema, role)]),
    'commit;',
  ].join('\n');

/** C1: now, and for what later versions add. */
function grantText(schema: string, role: string): string {
  const s = quoted(schema);
  const to = `to "${role.replaceAll('"', '""')}"`;
  const rows = 'select, insert, update, delete';
  return [
    `grant usage on schema ${s} ${to};`,
    `grant ${rows} on all tables in schema ${s} ${to};`,
    `grant usage, select, update on all sequences in schema ${s} ${to};`,
    `grant execute on all functions in schema ${s} ${to};`,
    `alter default privileges in schema ${s} grant ${rows} on tables ${to};`,
    `alter default privileges in schema ${s} grant usage, select, update on sequences ${to};`,
    `alter default privileges in schema ${s} grant execute on functions ${to};`,
  ].join('\n');
}
