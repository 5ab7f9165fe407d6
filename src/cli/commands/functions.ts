/** Owns `holdfast functions`: what can be started, and which nodes execute it. */
import type { Command } from 'commander';
import type { FunctionView } from '../../runtime/views.ts';
import type { Session } from '../session.ts';
import { withStore } from '../session.ts';
import type { Column } from '../table.ts';
import { tableLines } from '../table.ts';

/** Unfinished runs of one version: `1:20`, and `!` where no live node hosts it. */
const pinnedText = ({ version, unfinished, hosted }: FunctionView['pinned'][number]): string =>
  `${version}:${unfinished}${hosted ? '' : '!'}`;

export function addFunctions(program: Command, session: Session): void {
  const command = program.command('functions').description('list the functions that nodes host');
  command.action(async () => {
    await withStore(session, command, async ({ hf, print }) => {
      const functions = await hf.functions.list();
      if (print.json) return print.document({ functions });
      const columns: readonly Column<FunctionView>[] = [
        { title: 'FUNCTION', text: (fn) => fn.name, elastic: true },
        { title: 'VERSION', text: (fn) => fn.versions.join(' ') || '-' },
        {
          title: 'STATE',
          text: (fn) => (fn.pause === null ? 'open' : 'paused'),
          paint: (text, fn) => (fn.pause === null ? text : print.style('yellow', text)),
        },
        { title: 'RUNS', text: (fn) => fn.pinned.map(pinnedText).join(' ') || '-' },
        { title: 'NODES', text: (fn) => fn.nodes.join(' ') || '-', elastic: true },
      ];
      const title = (text: string): string => print.style('dim', text);
      for (const line of tableLines(functions, columns, print.columns, title)) print.line(line);
      if (functions.length === 0)
        print.note('no node hosts a function; start one: holdfast up <app>');
    });
  });
}
