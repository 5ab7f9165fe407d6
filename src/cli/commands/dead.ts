/** Owns `holdfast dead`: runs that ended badly and that nobody has dealt with. */
import type { Command } from 'commander';
import { limits } from '../../core/limits.ts';
import type { DeadQuery } from '../../runtime/dead-letters.ts';
import type { Changed } from '../../runtime/runs.ts';
import { inBulk } from '../bulk.ts';
import { usageError } from '../failure.ts';
import { runTable } from '../run-text.ts';
import type { Looking, Session } from '../session.ts';
import { withStore } from '../session.ts';
import { parseCount } from '../words.ts';

interface Words {
  readonly function?: string;
  readonly tenant?: string;
}

interface ListOptions extends Words {
  readonly limit: string;
  readonly cursor?: string;
}

interface ActOptions extends Words {
  readonly all?: boolean;
  readonly yes?: boolean;
  readonly reason?: string;
}

export function addDead(program: Command, session: Session): void {
  const command = program
    .command('dead')
    .summary('dead letters: list, redrive, discard')
    .description('dead letters: runs that failed, timed out, were lost or are quarantined');
  addList(command, session);
  addRedrive(command, session);
  addDiscard(command, session);
}

const withWords = (command: Command): Command =>
  command
    .option('--function <name>', 'name of the function')
    .option('--tenant <tenant>', 'for whom they ran');

const queryOf = ({ function: fn, tenant }: Words): DeadQuery => ({
  ...(fn === undefined ? {} : { fn }),
  ...(tenant === undefined ? {} : { tenant }),
});

function addList(dead: Command, session: Session): void {
  const command = dead.command('ls').description('list dead letters, newest first');
  withWords(command)
    .option('--limit <count>', 'how many at most', '20')
    .option('--cursor <cursor>', 'go on where an earlier page ended')
    .action(async ({ limit: most, cursor, ...words }: ListOptions) => {
      const limit = parseCount('--limit', most, 1, limits.pageRowsMax);
      const now = session.io.clock.wall();
      const ask = { ...queryOf(words), limit, ...(cursor === undefined ? {} : { cursor }) };
      await withStore(session, command, async ({ hf, print }) => {
        const page = await hf.deadLetters.list(ask);
        if (print.json) return print.document(page);
        for (const line of runTable(print, page.runs, now)) print.line(line);
        if (page.runs.length === 0) print.note('there is no dead letter');
        if (page.next !== null) print.note(`more: add --cursor ${page.next}`);
      });
    });
}

function addRedrive(dead: Command, session: Session): void {
  const command = dead.command('redrive').description('try dead letters again, each at most once');
  withWords(command.argument('[id...]', 'the runs'))
    .option('--all', 'every dead letter, of --function and --tenant if they are given')
    .option('--yes', 'do not ask before a bulk action')
    .action(async (ids: readonly string[], options: ActOptions) => {
      const query = meant('redrive', ids, options);
      await withStore(session, command, async (looking) => {
        const { hf, print } = looking;
        if (query !== null) {
          const words = { verb: 'redrive', past: 'redrove', yes: options.yes === true };
          return await many(session, looking, query, words, () =>
            hf.deadLetters.redriveWhere(query),
          );
        }
        for (const id of ids) {
          const run = await hf.deadLetters.redrive(id);
          if (print.json) print.record({ id: run.id, retryOf: id });
          else if (run.id === id) print.line(`released ${id} from quarantine`);
          else print.line(`started ${run.id} in place of ${id}`);
        }
      });
    });
}

function addDiscard(dead: Command, session: Session): void {
  const command = dead.command('discard').description('take dead letters off the list for good');
  withWords(command.argument('[id...]', 'the runs'))
    .option('--all', 'every dead letter, of --function and --tenant if they are given')
    .option('--yes', 'do not ask before a bulk action')
    .option('--reason <text>', 'why; kept with quarantined runs, which are cancelled')
    .action(async (ids: readonly string[], options: ActOptions) => {
      const query = meant('discard', ids, options);
      const { reason } = options;
      await withStore(session, command, async (looking) => {
        const { hf, print } = looking;
        if (query !== null) {
          const words = { verb: 'discard', past: 'discarded', yes: options.yes === true };
          const act = () => hf.deadLetters.discardWhere(query, reason);
          return await many(session, looking, query, words, act);
        }
        for (const id of ids) {
          await hf.deadLetters.discard(id, reason);
          if (print.json) print.record({ id });
          else print.line(`discarded ${id}`);
        }
      });
    });
}

/** The filter of a bulk action, or null for the given ids. */
function meant(verb: string, ids: readonly string[], options: ActOptions): DeadQuery | null {
  const query = queryOf(options);
  const bulk = options.all === true || Object.keys(query).length > 0;
  if (bulk === ids.length > 0) {
    const what = 'either ids, or --all, --function or --tenant must be given';
    throw usageError(what, `see holdfast dead ${verb} --help`);
  }
  return bulk ? query : null;
}

async function many(
  session: Session,
  looking: Looking,
  query: DeadQuery,
  words: { readonly verb: string; readonly past: string; readonly yes: boolean },
  act: () => Promise<Changed>,
): Promise<void> {
  const { deadLetters } = looking.hf;
  const page = (cursor: string | undefined) =>
    deadLetters.list({
      ...{ ...query, limit: limits.pageRowsMax },
      ...(cursor === undefined ? {} : { cursor }),
    });
  await inBulk(session, looking, { ...words, query: {}, standard: [], page, act });
}
