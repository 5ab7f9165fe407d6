/** Owns `holdfast repin`: sends runs on with the code of another version. */
import type { Command } from 'commander';
import { usageError } from '../failure.ts';
import type { Session } from '../session.ts';
import { withStore } from '../session.ts';

interface Options {
  readonly to?: string;
  readonly current?: boolean;
}

export function addRepin(program: Command, session: Session): void {
  const command = program
    .command('repin')
    .summary('send runs on with another version')
    .description('send runs on with another version of their code than the one that kept steps');
  command
    .argument('<id...>', 'the runs: queued, parked or quarantined')
    .option('--to <version>', 'the version that goes on with them')
    .option('--current', 'any version: the one that nodes host as their current')
    .action(async (ids: readonly string[], { to, current = false }: Options) => {
      if ((to === undefined) !== current) {
        throw usageError('either --to or --current must be given', 'see holdfast repin --help');
      }
      await withStore(session, command, async ({ hf, print }) => {
        for (const id of ids) {
          const version = to ?? null;
          const { before } = await hf.runs.repin(id, version);
          if (print.json) print.record({ id, version, before });
          else print.line(`${id} goes on with ${named(version)} (before: ${named(before)})`);
        }
      });
    });
}

const named = (version: string | null): string =>
  version === null ? 'any version' : `version ${version}`;
