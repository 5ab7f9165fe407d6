/** Owns `holdfast nodes`: who executes, and how sure the store is that it lives. */
import type { Command } from 'commander';
import type { NodeRow } from '../../ports/store-nodes.ts';
import { formatDuration } from '../duration.ts';
import type { Printer, Style } from '../printer.ts';
import type { Session } from '../session.ts';
import { withStore } from '../session.ts';
import type { Column } from '../table.ts';
import { tableLines } from '../table.ts';

const styles: Readonly<Record<NodeRow['state'], Style>> = {
  live: 'green',
  draining: 'yellow',
  dead: 'red',
  left: 'dim',
};

export function addNodes(program: Command, session: Session): void {
  const command = program.command('nodes').description('list the nodes that execute runs');
  command
    .option('--all', 'also those that left or died')
    .action(async (options: { all?: boolean }) => {
      await withStore(session, command, async ({ hf, print }) => {
        const present = (node: NodeRow): boolean =>
          node.state === 'live' || node.state === 'draining';
        const known = await hf.nodes.list();
        const nodes = options.all === true ? known : known.filter(present);
        if (print.json) return print.document({ nodes });
        const title = (text: string): string => print.style('dim', text);
        for (const line of tableLines(nodes, columnsFor(print), print.columns, title)) {
          print.line(line);
        }
        if (nodes.length === 0) print.note('no node is up; start one: holdfast up <app>');
      });
    });
}

const columnsFor = (print: Printer): readonly Column<NodeRow>[] => [
  { title: 'NODE', text: (node) => node.name, elastic: true },
  {
    title: 'STATE',
    text: (node) => node.state,
    paint: (text, node) => print.style(styles[node.state], text),
  },
  { title: 'PID', text: (node) => String(node.process.pid), right: true },
  { title: 'HOST', text: (node) => node.process.hostName, elastic: true },
  { title: 'RUNNING', text: (node) => `${node.running}/${node.slots}`, right: true },
  {
    title: 'RENEWED',
    text: (node) => {
      const ago = `${formatDuration(node.renewedAgoMs)} ago`;
      return node.leaseOver && node.state === 'live' ? `${ago}, lease over` : ago;
    },
  },
  {
    title: 'FUNCTIONS',
    text: (node) => node.functions.map(({ fn, version }) => `${fn}@${version}`).join(' '),
    elastic: true,
  },
];
