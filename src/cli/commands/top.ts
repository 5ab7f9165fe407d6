/**
 * Owns `holdfast top`: what a process calls right now, and the VMs that it does so with, looked at
 * again and again.
 */
import type { Command } from 'commander';
import type { LiveCalls } from '../../client/index.ts';
import type { CallLaneView, CallView } from '../../runtime/calls/call-views.ts';
import type { FunctionPool } from '../../runtime/resources.ts';
import { formatDuration, parseDuration } from '../duration.ts';
import type { Printer, Style } from '../printer.ts';
import { addServerOptions, asked, clientOf, type ServerWords } from '../server-options.ts';
import { printerOf, type Session } from '../session.ts';
import type { Column } from '../table.ts';
import { tableLines } from '../table.ts';

interface Options extends ServerWords {
  readonly every: string;
  readonly once?: true;
}

const clear = '\u001b[H\u001b[2J';
const callsShown = 20;
const lanesShown = 10;
const poolsShown = 10;
const everyMsMin = 100;

export function addTop(program: Command, session: Session): void {
  const command = program
    .command('top')
    .summary('watch the calls, lanes and VMs of a process')
    .description('watch the calls, lanes and VMs of a process that serves HTTP, until Ctrl-C');
  addServerOptions(command)
    .option('--every <duration>', 'between two looks', '1s')
    .option('--once', 'look once (also when the output is no terminal, or JSON)')
    .action((options: Options) => watch(session, command, options));
}

async function watch(session: Session, command: Command, options: Options): Promise<void> {
  const { io } = session;
  const print = printerOf(session, command);
  const everyMs = Math.max(everyMsMin, parseDuration('--every', options.every));
  const client = clientOf(io, options);
  const once = options.once === true || print.json || !io.out.isTerminal;
  let stopped = false;
  const stop = Promise.withResolvers<void>();
  process.once('SIGINT', () => {
    stopped = true;
    stop.resolve();
  });
  while (!stopped) {
    const live = await asked(client.liveCalls());
    if (print.json) return print.document(live);
    if (!once) print.text(clear);
    show(print, live);
    if (once) return;
    const pause = Promise.withResolvers<void>();
    const timer = io.clock.after(everyMs, pause.resolve);
    await Promise.race([pause.promise, stop.promise]);
    timer.cancel();
  }
}

function show(print: Printer, { calls, lanes, pools, stats }: LiveCalls): void {
  const { queued, running, awaiting, stuck, slots, queueMax } = stats;
  const { lanesQuarantined: quarantined } = stats;
  print.line(
    `calls: ${running} of ${slots} running, ${queued} of ${queueMax} queued, ${awaiting} await ` +
      `their result, ${stuck} stuck; lanes: ${stats.lanes}, ${quarantined} in quarantine`,
  );
  const { succeeded, failed, cancelled, timedOut, full, late } = stats;
  print.line(
    `so far: ${succeeded} succeeded, ${failed} failed, ${cancelled} cancelled, ${timedOut} ` +
      `timed out, ${full} refused for room, ${late} late results`,
  );
  table(print, calls, callsShown, callColumns(print));
  if (lanes.length > 0) table(print, lanes, lanesShown, laneColumns(print));
  const busiest = pools.toSorted((a, b) => b.waiting - a.waiting || b.busy - a.busy);
  if (pools.length > 0) table(print, busiest, poolsShown, poolColumns);
}

/** The first of them, and how many more there are. */
function table<Row>(
  print: Printer,
  rows: readonly Row[],
  rowsMax: number,
  columns: readonly Column<Row>[],
): void {
  const title = (text: string): string => print.style('dim', text);
  print.line();
  const shown = rows.slice(0, rowsMax);
  for (const line of tableLines(shown, columns, print.columns, title)) print.line(line);
  if (rows.length > shown.length) print.line(`and ${rows.length - shown.length} more`);
}

const styles: Readonly<Record<CallView['status'], Style>> = {
  queued: 'dim',
  running: 'green',
  'awaiting-result': 'cyan',
  done: 'red',
};

const callColumns = (print: Printer): readonly Column<CallView>[] => [
  { title: 'CALL', text: ({ id }) => id, elastic: true },
  { title: 'FUNCTION', text: ({ fn }) => fn, elastic: true },
  {
    title: 'STATE',
    text: ({ status, stopping }) => {
      if (status === 'done') return 'stuck';
      return stopping ? `${status}, stopping` : status;
    },
    paint: (text, { status }) => print.style(styles[status], text),
  },
  { title: 'LANE', text: ({ lane }) => lane ?? '-', elastic: true },
  { title: 'TENANT', text: ({ tenant }) => tenant ?? '-', elastic: true },
  { title: 'AGE', text: ({ ageMs }) => formatDuration(ageMs), right: true },
];

const laneColumns = (print: Printer): readonly Column<CallLaneView>[] => [
  { title: 'LANE', text: ({ lane }) => lane, elastic: true },
  { title: 'HOLDING', text: ({ holding }) => String(holding), right: true },
  { title: 'WAITING', text: ({ waiting }) => String(waiting), right: true },
  {
    title: 'STATE',
    text: ({ quarantined }) => (quarantined ? 'quarantine' : 'open'),
    paint: (text, { quarantined }) => (quarantined ? print.style('red', text) : text),
  },
];

const count = (title: string, of: (pool: FunctionPool) => number): Column<FunctionPool> => ({
  title,
  text: (pool) => String(of(pool)),
  right: true,
});

const poolColumns: readonly Column<FunctionPool>[] = [
  { title: 'FUNCTION', text: ({ fn }) => fn, elastic: true },
  count('VMS', ({ live }) => live),
  count('BUSY', ({ busy }) => busy),
  count('WAITING', ({ waiting }) => waiting),
  count('CREATED', ({ created }) => created),
  count('POISONED', ({ poisoned }) => poisoned),
];
