/**
 * Owns `holdfast migrate`: making a schema, bringing it up to date, and moving a store into it.
 *
 * M1 Nothing of an address is printed but role, host, port, database and schema.
 */
import type { Command } from 'commander';
import { limits } from '../../core/limits.ts';
import type { PostgresPlace } from '../../runtime/store-place.ts';
import { processTable } from '../../system/process-table.ts';
import { systemRandom } from '../../system/random.ts';
import { usageError } from '../failure.ts';
import type { Printer } from '../printer.ts';
import type { Session } from '../session.ts';
import { choiceOf, printerOf, storeOf } from '../session.ts';

interface Options {
  readonly to?: string;
  readonly from?: string;
  readonly role?: string;
  readonly print?: boolean;
  readonly takeBack?: boolean;
}

export function addMigrate(program: Command, session: Session): void {
  const command = program
    .command('migrate')
    .summary('make or update a schema in PostgreSQL, or move a store there')
    .description(
      'make the schema that a store in PostgreSQL needs, or bring it up to date; with --from, ' +
        'move the store in a file there',
    );
  command
    .option('--to <store>', 'postgres://... (default: --store)')
    .option('--from <file>', 'the file whose runs are moved; it is closed by that')
    .option('--role <role>', 'grant this role what a runtime needs')
    .option('--print', 'print the SQL and change nothing')
    .option('--take-back', 'with --from: give up a move that is not complete')
    .action(async (options: Options) => {
      const print = printerOf(session, command);
      try {
        await migrate(session, command, options, print);
      } finally {
        print.settle();
      }
    });
}

async function migrate(
  session: Session,
  command: Command,
  options: Options,
  print: Printer,
): Promise<void> {
  const { from, role = null } = options;
  if (role !== null && (role === '' || role.length > limits.keyCharsMax)) {
    throw usageError('--role is no name', 'give the name of a role: --role app');
  }
  if (options.takeBack === true) return takeBack(from, print);
  if (options.print === true) return printText(session, command, options, role, print);
  const place = await placeOf(session, command, options);
  if (from === undefined) return bringUp(place, role, print);
  await move(session, fileOf(from), place, print);
  if (role !== null) await bringUpFor(place, role);
}

/** The schema of `--to`, or of the store that was named otherwise. */
async function placeOf(
  session: Session,
  command: Command,
  { to }: Options,
): Promise<PostgresPlace> {
  const { option } = to === undefined ? storeOf(session, command) : choiceOf(to);
  const { placeOf: understand } = await import('../../runtime/store-place.ts');
  const place = understand(option);
  if (place.kind === 'postgres') return place;
  const todo = 'a file is brought up to date when it is opened; give --to postgres://...';
  throw usageError('migrate takes a store in PostgreSQL', todo);
}

function fileOf(words: string): string {
  const { option } = choiceOf(words);
  if ('path' in option) return option.path;
  throw usageError('--from takes the file of a store', '--from ./app.db');
}

async function bringUpFor(place: PostgresPlace, role: string | null) {
  const { bringUp: apply } = await import('../../store/postgres/schema-care.ts');
  return apply({ ...place, role });
}

async function bringUp(place: PostgresPlace, role: string | null, print: Printer): Promise<void> {
  const { shown } = place.address;
  const { schema } = place;
  print.progress(`looking at ${shown}`);
  const { before, after } = await bringUpFor(place, role);
  if (print.json) return print.document({ place: shown, schema, before, after, role });
  const what = `schema '${schema}' of ${shown}`;
  if (before === after) print.line(`${what} is version ${after} already`);
  else if (before === 0) print.line(`made ${what}, version ${after}`);
  else print.line(`brought ${what} from version ${before} to ${after}`);
  if (role !== null) print.line(`role '${role}' has the rights that a runtime needs`);
}

async function printText(
  session: Session,
  command: Command,
  options: Options,
  role: string | null,
  print: Printer,
): Promise<void> {
  const named = options.to ?? command.optsWithGlobals<{ store?: string }>().store;
  const place = named === undefined ? null : await placeOf(session, command, options);
  const schema = place?.schema ?? 'holdfast';
  const { bringUpText } = await import('../../store/postgres/schema-care.ts');
  const text = bringUpText(schema, role);
  if (print.json) print.document({ schema, sql: text });
  else print.line(text);
}

async function move(
  { io }: Session,
  path: string,
  place: PostgresPlace,
  print: Printer,
): Promise<void> {
  const { moveStore } = await import('../../runtime/move.ts');
  const moved = await moveStore(path, place, {
    clock: io.clock,
    random: systemRandom(),
    processes: processTable(),
    progress: print.progress,
  });
  const { to, runs, digest, counts } = moved;
  if (print.json) return print.document({ from: path, to, runs, digest, counts });
  print.line(`moved ${runs} runs from ${path} to ${to}`);
  print.line(`compared: every run, digest ${digest.slice(0, 16)}…, and all counts`);
  print.line(`${path} is closed for good and kept for reference; keep it as long as you like`);
}

async function takeBack(from: string | undefined, print: Printer): Promise<void> {
  if (from === undefined) {
    throw usageError('--take-back was given without --from', 'name the file: --from ./app.db');
  }
  const path = fileOf(from);
  const { takeBack: open } = await import('../../runtime/move.ts');
  open(path);
  if (print.json) return print.document({ from: path, open: true });
  print.line(`${path} is open again; what was copied is of no use: drop that schema`);
}
