/** Owns `holdfast prune`: deleting finished runs that are past their retention, now. */
import type { Command } from 'commander';
import type { Session } from '../session.ts';
import { withStore } from '../session.ts';

export function addPrune(program: Command, session: Session): void {
  const command = program.command('prune').description('delete finished runs past their retention');
  command.action(async () => {
    await withStore(session, command, async ({ hf, print }) => {
      print.progress('pruning');
      const { pruned } = await hf.prune();
      if (print.json) print.document({ pruned });
      else print.line(pruned === 1 ? 'pruned 1 run' : `pruned ${pruned} runs`);
    });
  });
}
