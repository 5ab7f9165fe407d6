/** Owns `holdfast lanes`: lanes with somebody in them, and paused ones. */
import type { Command } from 'commander';
import type { LaneView } from '../../ports/store-reads.ts';
import { formatSince } from '../duration.ts';
import type { Session } from '../session.ts';
import { withStore } from '../session.ts';
import type { Column } from '../table.ts';
import { tableLines } from '../table.ts';

export function addLanes(program: Command, session: Session): void {
  const command = program.command('lanes').description('list lanes that hold or keep back runs');
  command.action(async () => {
    await withStore(session, command, async ({ hf, print }) => {
      const lanes = await hf.lanes.list();
      if (print.json) return print.document({ lanes });
      const now = session.io.clock.wall();
      const columns: readonly Column<LaneView>[] = [
        { title: 'LANE', text: (lane) => lane.lane, elastic: true },
        {
          title: 'STATE',
          text: (lane) => (lane.paused ? 'paused' : 'open'),
          paint: (text, lane) => (lane.paused ? print.style('yellow', text) : text),
        },
        { title: 'WAITING', text: (lane) => String(lane.waiting), right: true },
        {
          title: 'OLDEST',
          text: ({ oldestWaitingAt: at }) => (at === null ? '-' : formatSince(at, now)),
        },
        { title: 'HELD BY', text: (lane) => lane.holders.join(' ') || '-', elastic: true },
      ];
      const title = (text: string): string => print.style('dim', text);
      for (const line of tableLines(lanes, columns, print.columns, title)) print.line(line);
      if (lanes.length === 0) print.note('no lane holds a run, and none is paused');
    });
  });
}
