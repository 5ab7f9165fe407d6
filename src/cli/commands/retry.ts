/** Owns `holdfast retry`: quarantined runs go on, unsuccessful ones are started anew. */
import type { Command } from 'commander';
import { inBulk } from '../bulk.ts';
import { usageError } from '../failure.ts';
import type { Session } from '../session.ts';
import { withStore } from '../session.ts';
import { filterOf, parseWhere } from '../where.ts';

interface Options {
  readonly where?: readonly string[];
  readonly yes?: boolean;
}

export function addRetry(program: Command, session: Session): void {
  const command = program
    .command('retry')
    .summary('try runs again')
    .description('try runs again: quarantined ones go on, unsuccessful ones are started anew');
  command
    .argument('[id...]', 'the runs')
    .option('--where <key=value...>', 'all runs that match every one of these and can be retried')
    .option('--yes', 'do not ask before a bulk retry')
    .action(async (ids: readonly string[], options: Options) => {
      const { where } = options;
      if ((where === undefined) === (ids.length === 0)) {
        throw usageError('either ids or --where must be given', 'see holdfast retry --help');
      }
      const query = where && filterOf(parseWhere(where), session.io.clock.wall());
      await withStore(session, command, async (looking) => {
        const { hf, print } = looking;
        if (query !== undefined) {
          const { retryable: standard } = await import('../../runtime/runs.ts');
          const words = { verb: 'retry', past: 'retried', query, standard };
          const act = () => hf.runs.retryWhere(query);
          return await inBulk(session, looking, { ...words, yes: options.yes === true, act });
        }
        for (const id of ids) {
          const run = await hf.runs.retry(id);
          if (print.json) print.record({ id: run.id, retryOf: id });
          else if (run.id === id) print.line(`released ${id} from quarantine`);
          else print.line(`started ${run.id} in place of ${id}`);
        }
      });
    });
}
