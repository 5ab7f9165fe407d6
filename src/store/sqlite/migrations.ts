/**
 * Owns the version of the schema, and how a file gets to it.
 *
 * V1 A file is ours if it carries our application id. A file that is neither ours nor empty is
 *    refused before anything is written to it; so is one of a newer version.
 * V2 All steps that a file needs are one transaction: it has the old schema or the new one,
 *    whatever crashes, and however many processes open it at once.
 * V3 Each step also writes its number to the tally, by which older processes find out.
 * V4 A file that is moved elsewhere has a version that no program knows, and says where it went.
 */
import type { DatabaseSync } from 'node:sqlite';
import { HoldfastError } from '../../core/errors.ts';
import type { WallMs } from '../../core/time.ts';
import { movedVersion } from '../moving.ts';
import { migration1 } from './migration-1.ts';
import { migrationFamilies } from './migration-families.ts';
import { migrationFlow } from './migration-flow.ts';
import { migrationKeys } from './migration-keys.ts';
import { migrationParts } from './migration-parts.ts';
import { migrationPins } from './migration-pins.ts';
import { migrationSignals } from './migration-signals.ts';
import { migrationSteps } from './migration-steps.ts';
import { migrationTraces } from './migration-traces.ts';
import { query, scalar } from './statement.ts';

/** The application id in the header of our files: the letters HFST. Stored format. */
const applicationId = 0x48_46_53_54;

/** The steps; the n-th (from 1) leads to schema version n. Only ever appended to. */
export const migrations: readonly string[] = [
  migration1,
  migrationKeys + migrationSteps + migrationTraces + migrationParts,
  migrationPins + migrationSignals + migrationFlow + migrationFamilies,
];

/** The version of a file after all steps. */
export const schemaVersion = migrations.length;

/** What a file is to us. */
export type Nature =
  | { readonly is: 'empty' }
  | { readonly is: 'ours'; readonly version: number; readonly move?: Move }
  | { readonly is: 'foreign' };

/** That a file is being moved to another place, or was. Stored format, as JSON. */
export interface Move {
  readonly id: string;
  /** The new place, as it may be shown, and as it is recognised again. */
  readonly to: string;
  readonly key: string;
  /** The version that the file had. */
  readonly version: number;
  /** When the move was complete, or null. */
  readonly leftAt: number | null;
}

/** The move that a file of ours is in, or null. */
export function moveOf(db: DatabaseSync): Move | null {
  if (Number(scalar(db, 'PRAGMA user_version')) !== movedVersion) return null;
  const text = scalar(db, "SELECT value FROM meta WHERE key = 'move'");
  return text === null ? null : (JSON.parse(String(text)) as Move);
}

/** Looks at the header and the schema; writes nothing. */
export function natureOf(db: DatabaseSync): Nature {
  const id = scalar(db, 'PRAGMA application_id');
  const version = Number(scalar(db, 'PRAGMA user_version'));
  if (id === applicationId) {
    const move = moveOf(db);
    return { is: 'ours', version, ...(move === null ? {} : { move }) };
  }
  const objects = scalar(db, 'SELECT count(*) FROM sqlite_schema');
  return id === 0 && version === 0 && objects === 0 ? { is: 'empty' } : { is: 'foreign' };
}

/** Refuses what is not ours, or too new. `path` is for the message. */
export function refuseForeign(nature: Nature, path: string, newest = schemaVersion): void {
  if (nature.is === 'foreign') {
    const message = `store ${path}: the file is a SQLite database of another program and was left `;
    throw new HoldfastError('store.corrupt', `${message}as it is; choose another path`, {
      details: { path },
    });
  }
  if (nature.is === 'ours' && nature.move !== undefined) throw movedTo(path, nature.move);
  if (nature.is === 'ours' && nature.version > newest) {
    const message =
      `store ${path}: its schema is version ${nature.version}, and this holdfast knows ` +
      `versions up to ${newest}; update holdfast`;
    const details = { path, found: nature.version, known: newest };
    throw new HoldfastError('store.newer_schema', message, { details });
  }
}

/** V4 */
function movedTo(path: string, { to, leftAt }: Move): HoldfastError {
  const message =
    leftAt === null
      ? `store ${path}: it is being moved to ${to}, and that was not finished`
      : `store ${path}: it was moved to ${to} and is kept for reference only`;
  const todo =
    leftAt === null
      ? `finish it: holdfast migrate --from ${path} --to <${to}>; or give it up: --take-back`
      : `open ${to}`;
  return new HoldfastError('store.moved', message, { details: { path, to, todo } });
}

/**
 * Brings the file to the newest version. The caller holds the write lock of an open transaction,
 * and commits.
 */
export function migrate(
  db: DatabaseSync,
  path: string,
  now: WallMs,
  steps: readonly string[] = migrations,
): void {
  const nature = natureOf(db);
  refuseForeign(nature, path, steps.length);
  const from = nature.is === 'ours' ? nature.version : 0;
  if (nature.is === 'ours' && from === steps.length) return;
  if (nature.is === 'empty') db.exec(`PRAGMA application_id = ${applicationId}`);
  for (const step of steps.slice(from)) db.exec(step);
  db.exec(`PRAGMA user_version = ${steps.length}`);
  db.exec(`UPDATE tally SET schema = ${steps.length}`);
  const note = query(db, 'INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)');
  note.run(from === 0 ? 'created_at' : `migrated_to_${steps.length}_at`, String(now));
}
