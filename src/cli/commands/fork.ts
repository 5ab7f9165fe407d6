/** Owns `holdfast fork`: a second run that goes on from a step of a first. */
import type { Command } from 'commander';
import type { Session } from '../session.ts';
import { withStore } from '../session.ts';

interface Options {
  readonly from?: string;
  readonly id?: string;
  readonly to?: string;
}

export function addFork(program: Command, session: Session): void {
  const command = program
    .command('fork')
    .description('start a second run that goes on from a step of a first');
  command
    .argument('<id>', 'the first run, which stays as it is')
    .option('--from <step>', 'the first step that is done anew (default: keep all that ended)')
    .option('--id <id>', 'the id of the second run')
    .option('--to <version>', 'the version that goes on with it (default: that of the first)')
    .action(async (id: string, { from, id: newId, to: version }: Options) => {
      await withStore(session, command, async ({ hf, print }) => {
        const run = await hf.runs.fork(id, {
          ...(from === undefined ? {} : { from }),
          ...(newId === undefined ? {} : { id: newId }),
          ...(version === undefined ? {} : { version }),
        });
        if (print.json) print.document({ id: run.id, created: run.created, forkOf: id });
        else print.line(`started ${run.id}, a fork of ${id}`);
      });
    });
}
