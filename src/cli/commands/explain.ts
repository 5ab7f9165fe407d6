/** Owns `holdfast explain`: one sentence on why a run stands where it stands. */
import type { Command } from 'commander';
import { harmlessLine } from '../printer.ts';
import type { Session } from '../session.ts';
import { withStore } from '../session.ts';

export function addExplain(program: Command, session: Session): void {
  const command = program.command('explain').description('say why a run is not moving');
  command.argument('<id>', 'the run').action(async (id: string) => {
    await withStore(session, command, async ({ hf, print }) => {
      const explained = await hf.runs.explain(id);
      if (print.json) print.document(explained);
      else print.line(harmlessLine(explained.sentence));
    });
  });
}
