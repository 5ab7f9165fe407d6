/** Owns `holdfast show`: all that is kept of one run, and why it stands where it stands. */
import type { Command } from 'commander';
import { HoldfastError } from '../../core/errors.ts';
import { runLines } from '../run-text.ts';
import type { Session } from '../session.ts';
import { withStore } from '../session.ts';

export function addShow(program: Command, session: Session): void {
  const command = program.command('show').description('show all that is kept of a run');
  command.argument('<id>', 'the run').action(async (id: string) => {
    await withStore(session, command, async ({ hf, print }) => {
      const { sentence } = await hf.runs.explain(id);
      const run = await hf.runs.get(id);
      if (run === null) throw new HoldfastError('run.not_found', `run '${id}' was pruned just now`);
      const state = await hf.runs.state(id);
      if (print.json) return print.document({ ...run, state, explanation: sentence });
      const now = session.io.clock.wall();
      for (const line of runLines(print, run, { sentence, state }, now)) print.line(line);
    });
  });
}
