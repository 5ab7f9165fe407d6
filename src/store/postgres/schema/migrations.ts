/**
 * Owns the version of a schema, and how a database gets to it.
 *
 * V1 The steps that a schema needs are one transaction under a lock of their own: several nodes may
 *    start at once, and a crash leaves the old schema or the new one.
 * V2 A step only adds. `oldest` in `meta` names the oldest version of the program's schema that may
 *    still work on it: the version before always may, so that nodes can be replaced one by one.
 * V3 A schema that is not ours is refused before anything is written to it.
 */
import { HoldfastError } from '../../../core/errors.ts';
import type { Queries } from '../queries.ts';
import { quoted } from '../quoted.ts';
import { applySql } from './apply.ts';
import { claimSql } from './claim.ts';
import { clocksSql, lockClass } from './clocks.ts';
import { epochsSql } from './epochs.ts';
import { familiesSql } from './families.ts';
import { hotSql } from './hot.ts';
import { inboxSql } from './inbox.ts';
import { keysSql } from './keys.ts';
import { loadSql } from './load.ts';
import { migrationFloors } from './migration-floors.ts';
import { migrationFlow } from './migration-flow.ts';
import { migrationOwners } from './migration-owners.ts';
import { migrationPins } from './migration-pins.ts';
import { migrationPruning } from './migration-pruning.ts';
import { migrationResults } from './migration-results.ts';
import { migrationSignals } from './migration-signals.ts';
import { migrationSteps } from './migration-steps.ts';
import { migrationSweeps } from './migration-sweeps.ts';
import { migrationTimes } from './migration-times.ts';
import { migrationTraces } from './migration-traces.ts';
import { ownersSql } from './owners.ts';
import { partsSql } from './parts.ts';
import { planningSql } from './planning.ts';
import { pruningSql } from './pruning.ts';
import { readsSql } from './reads.ts';
import { tablesSql } from './tables.ts';

/** Writes a step for a schema, whose name is quoted already. */
type Step = (s: string) => string;

const migration1: Step = (s) =>
  [
    tablesSql,
    clocksSql,
    epochsSql,
    hotSql,
    claimSql,
    loadSql,
    applySql,
    ownersSql,
    readsSql,
    pruningSql,
    inboxSql,
  ]
    .map((part) => part(s))
    .join('\n');

/** The steps; the n-th (from 1) leads to schema version n. Only ever appended to. */
const migrations: readonly Step[] = [
  migration1,
  (s) => [keysSql, migrationTraces, migrationSteps, partsSql].map((part) => part(s)).join('\n'),
  // `planningSql` stands last: it is about functions that others make anew.
  (s) =>
    [
      migrationOwners,
      migrationPins,
      migrationSignals,
      migrationResults,
      migrationFlow,
      familiesSql,
      planningSql,
    ]
      .map((part) => part(s))
      .join('\n'),
  (s) =>
    [migrationPruning, migrationFloors, migrationSweeps, migrationTimes, planningSql]
      .map((part) => part(s))
      .join('\n'),
];

/** The version of a schema after all steps. */
export const schemaVersion = migrations.length;

/** The oldest version of the program's schema that may work on one of ours. */
const oldestFor = (version: number): number => Math.max(1, version - 1);

/** What a database holds under the name. */
export interface SchemaState {
  /** 0: there is none. */
  readonly version: number;
  readonly oldest: number;
}

/**
 * Every statement that leads from a version to a newer one, for whoever applies them by hand with
 * another role.
 */
export function migrationText(schema: string, from = 0, to = schemaVersion): string {
  const s = quoted(schema);
  const parts = from === 0 ? [`create schema if not exists ${s};`] : [];
  for (const step of migrations.slice(from, to)) parts.push(step(s));
  const marks: readonly (readonly [string, string])[] = [
    ['product', 'holdfast'],
    ['version', String(to)],
    ['oldest', String(oldestFor(to))],
  ];
  for (const [key, value] of marks) {
    parts.push(
      `insert into ${s}.meta (key, value) values ('${key}', '${value}') ` +
        'on conflict (key) do update set value = excluded.value;',
    );
  }
  return parts.join('\n');
}

/** Looks at the schema; writes nothing. Refuses one that is not ours with `store.corrupt`. */
export async function schemaState(queries: Queries, schema: string): Promise<SchemaState> {
  const [found] = await queries.rows<{ tables: string; meta: boolean }>(
    `select count(*)::text as tables, coalesce(bool_or(c.relname = 'meta'), false) as meta
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = $1 and c.relkind in ('r', 'p')`,
    [schema],
  );
  if (found === undefined || found.tables === '0') return { version: 0, oldest: 0 };
  const marks = found.meta ? await marksOf(queries, schema) : new Map<string, string>();
  if (marks.get('product') !== 'holdfast') {
    const message =
      `the schema '${schema}' holds tables of another program and was left as it is; ` +
      'choose another name with ?schema=';
    throw new HoldfastError('store.corrupt', message, { details: { schema } });
  }
  return { version: Number(marks.get('version')), oldest: Number(marks.get('oldest')) };
}

async function marksOf(queries: Queries, schema: string): Promise<Map<string, string>> {
  const rows = await queries.rows<{ key: string; value: string }>(
    `select key, value from ${quoted(schema)}.meta where key in ('product', 'version', 'oldest')`,
  );
  return new Map(rows.map(({ key, value }) => [key, value]));
}

/** Refuses a schema on which this program cannot work. */
function refuseNewer(schema: string, state: SchemaState, own = schemaVersion): void {
  if (state.version <= own || state.oldest <= own) return;
  const message =
    `the schema '${schema}' is version ${state.version} and takes programs that know at least ` +
    `version ${state.oldest}; this holdfast knows versions up to ${own}; update holdfast`;
  const details = { schema, found: state.version, known: own };
  throw new HoldfastError('store.newer_schema', message, { details });
}

/**
 * Brings the schema to the newest version, if `may` allows it. Every node does this when it opens;
 * without anything to do it is one look.
 */
export async function migrate(queries: Queries, schema: string, may: boolean): Promise<void> {
  const before = await schemaState(queries, schema);
  refuseNewer(schema, before);
  if (before.version >= schemaVersion) return;
  if (!may) {
    const message =
      `the schema '${schema}' is version ${before.version} and has to be ${schemaVersion}; run ` +
      "'holdfast migrate --to <url>' with a role that may change it";
    throw new HoldfastError('store.older_schema', message, { details: { schema } });
  }
  await queries.script(
    'begin; set local lock_timeout = 0; set local statement_timeout = 0; ' +
      `set local client_min_messages = 'error'; ` +
      `select pg_advisory_xact_lock(${lockClass}, hashtext('migration of ${schema}'))`,
  );
  const state = await schemaState(queries, schema);
  refuseNewer(schema, state);
  if (state.version < schemaVersion) await queries.script(migrationText(schema, state.version));
  await queries.script('commit');
}
