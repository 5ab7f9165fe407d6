/** Owns `holdfast children`: the runs that the code of a run has started. */
import type { Command } from 'commander';
import type { RunChild } from '../../runtime/children.ts';
import { formatSince } from '../duration.ts';
import { harmlessLine, type Printer, type Style } from '../printer.ts';
import type { Looking, Session } from '../session.ts';
import { withStore } from '../session.ts';
import { type Column, tableLines } from '../table.ts';

const styles: Readonly<Record<string, Style>> = {
  running: 'cyan',
  parked: 'blue',
  quarantined: 'magenta',
  succeeded: 'green',
  failed: 'red',
  'timed-out': 'red',
  lost: 'red',
  cancelled: 'yellow',
};

/** Children that a person is shown; `--json` gives all of them. */
const shownMax = 200;

export function addChildren(program: Command, session: Session): void {
  const command = program.command('children').description('show the runs that a run has started');
  command.argument('<id>', 'the run').action(async (id: string) => {
    await withStore(session, command, async (looking) => {
      const { print } = looking;
      const shown: RunChild[] = [];
      let more = false;
      for await (const child of allOf(looking, id)) {
        if (print.json) print.record(child);
        else if (shown.length < shownMax) shown.push(child);
        else {
          more = true;
          break;
        }
      }
      if (print.json) return;
      if (shown.length === 0) print.line('no children');
      for (const line of linesOf(print, shown, session.io.clock.wall())) print.line(line);
      if (more) print.line(`the first ${shownMax}; all of them: --json`);
    });
  });
}

async function* allOf({ hf }: Looking, id: string): AsyncGenerator<RunChild, void, void> {
  let cursor: string | null = null;
  do {
    const query = cursor === null ? { limit: 1_000 } : { limit: 1_000, cursor };
    const page: Awaited<ReturnType<typeof hf.runs.children>> = await hf.runs.children(id, query);
    yield* page.children;
    cursor = page.next;
  } while (cursor !== null);
}

const stateOf = ({ outcome, status }: RunChild): string => outcome?.kind ?? status;

function linesOf(print: Printer, children: readonly RunChild[], now: number): readonly string[] {
  if (children.length === 0) return [];
  const columns: readonly Column<RunChild>[] = [
    { title: 'ID', text: ({ id }) => id },
    {
      title: 'STATE',
      text: stateOf,
      paint: (text, child) => {
        const style = styles[stateOf(child)];
        return style === undefined ? text : print.style(style, text);
      },
    },
    { title: 'GROUP', text: ({ group }) => harmlessLine(group), elastic: true },
    { title: 'INDEX', text: ({ index }) => String(index), right: true },
    { title: 'FUNCTION', text: ({ fn }) => fn, elastic: true },
    { title: 'CLOSE', text: ({ close }) => close, optional: true },
    { title: 'ACCEPTED', text: ({ acceptedAt }) => formatSince(acceptedAt, now) },
  ];
  return tableLines(children, columns, print.columns, (text) => print.style('dim', text));
}
