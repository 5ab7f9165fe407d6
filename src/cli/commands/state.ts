/** Owns `holdfast state`: what a run declares of itself. */
import type { Command } from 'commander';
import type { DeclaredValue } from '../../runtime/signals.ts';
import { formatSince } from '../duration.ts';
import { harmlessLine } from '../printer.ts';
import type { Session } from '../session.ts';
import { withStore } from '../session.ts';
import { type Column, tableLines } from '../table.ts';

export function addState(program: Command, session: Session): void {
  const command = program.command('state').description('show what a run declares of itself');
  command.argument('<id>', 'the run').action(async (id: string) => {
    await withStore(session, command, async ({ hf, print }) => {
      const values = await hf.runs.state(id);
      if (print.json) {
        for (const value of values) print.record(value);
        return;
      }
      if (values.length === 0) print.line('nothing is declared');
      else {
        const lines = tableLines(
          values,
          columnsAt(session.io.clock.wall()),
          print.columns,
          (text) => print.style('dim', text),
        );
        for (const line of lines) print.line(line);
      }
    });
  });
}

const columnsAt = (now: number): readonly Column<DeclaredValue>[] => [
  { title: 'NAME', text: ({ name }) => name },
  { title: 'ATTEMPT', text: ({ attempt }) => String(attempt), right: true },
  { title: 'SET', text: ({ at }) => formatSince(at, now) },
  { title: 'VALUE', text: ({ value }) => harmlessLine(JSON.stringify(value)), elastic: true },
];
