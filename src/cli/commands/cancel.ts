/** Owns `holdfast cancel`: one or more runs by id, or all that match a filter. */
import type { Command } from 'commander';
import { inBulk } from '../bulk.ts';
import { usageError } from '../failure.ts';
import type { Session } from '../session.ts';
import { withStore } from '../session.ts';
import { filterOf, parseWhere } from '../where.ts';

interface Options {
  readonly where?: readonly string[];
  readonly yes?: boolean;
  readonly reason?: string;
}

export function addCancel(program: Command, session: Session): void {
  const command = program.command('cancel').description('cancel runs, by id or by filter');
  command
    .argument('[id...]', 'the runs')
    .option('--where <key=value...>', 'all unfinished runs that match every one of these')
    .option('--yes', 'do not ask before a bulk cancel')
    .option('--reason <text>', 'why; kept with the run')
    .action(async (ids: readonly string[], options: Options) => {
      const { where, reason } = options;
      if ((where === undefined) === (ids.length === 0)) {
        throw usageError('either ids or --where must be given', 'see holdfast cancel --help');
      }
      const query = where && filterOf(parseWhere(where), session.io.clock.wall());
      await withStore(session, command, async (looking) => {
        const { hf, print } = looking;
        if (query !== undefined) {
          const { cancellable: standard } = await import('../../runtime/runs.ts');
          const words = { verb: 'cancel', past: 'cancelled', query, standard };
          const act = () => hf.runs.cancelWhere(query, reason);
          return await inBulk(session, looking, { ...words, yes: options.yes === true, act });
        }
        for (const id of ids) {
          const { state } = await hf.runs.cancel(id, reason);
          if (print.json) print.record({ id, state });
          else if (state === 'cancelled') print.line(`cancelled ${id}`);
          else print.line(`stopping ${id}: its code is asked, and has its grace to clean up`);
        }
      });
    });
}
