/**
 * Owns `holdfast logs`: what a run's handler logged, and with --follow what it goes on to log; out
 * of a store, or from a server.
 */
import { type Command, Option } from 'commander';
import type { Client } from '../../client/index.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { Holdfast } from '../../holdfast.ts';
import { type LogLevel, logLevels } from '../../ports/log.ts';
import type { LogFilter } from '../../ports/store-reads.ts';
import { formatMoment } from '../duration.ts';
import type { Printer } from '../printer.ts';
import { harmlessLine } from '../printer.ts';
import { addServerInstead, asked, clientOf, type ServerWords } from '../server-options.ts';
import { printerOf, type Session, withStore } from '../session.ts';
import { parseCount } from '../words.ts';

const followEveryMs = 300;

export function addLogs(program: Command, session: Session): void {
  const command = program.command('logs').description('show what a run logged');
  command
    .argument('<id>', 'the run')
    .option('-f, --follow', 'go on until the run has ended')
    .option('--attempt <n>', 'only lines of this attempt')
    .addOption(new Option('--level <level>', 'only lines from it up').choices(logLevels));
  addServerInstead(command).action(async (id: string, options: Options) => {
    const filter = filterOf(options);
    const asking = { id, filter, follow: options.follow === true };
    if (options.server !== undefined) {
      const print = printerOf(session, command);
      return asked(showFromServer(clientOf(session.io, options), print, asking));
    }
    return withStore(session, command, async ({ hf, print }) => {
      const after = await showLines(hf.runs, print, asking, null);
      if (asking.follow) await follow(session, hf, print, asking, after);
    });
  });
}

interface Options extends ServerWords {
  readonly follow?: boolean;
  readonly attempt?: string;
  readonly level?: LogLevel;
}

interface Asking {
  readonly id: string;
  readonly filter: LogFilter;
  readonly follow: boolean;
}

function filterOf({ attempt, level }: Options): LogFilter {
  const { MAX_SAFE_INTEGER: max } = Number;
  return {
    ...(attempt === undefined ? {} : { attempt: parseCount('--attempt', attempt, 1, max) }),
    ...(level === undefined ? {} : { level }),
  };
}

/** Whoever gives log lines page by page: a runtime, or a client. */
interface Pages {
  logs(
    id: string,
    options: LogFilter & { readonly after: number },
  ): Promise<{
    readonly lines: readonly Line[];
    readonly next: number | null;
    readonly dropped: number;
  }>;
}

/**
 * Shows all lines after the given one, and gives the number of the last. The first time (null) it
 * says how many are gone, too.
 */
async function showLines(
  pages: Pages,
  print: Printer,
  { id, filter }: Asking,
  from: number | null,
): Promise<number> {
  let after = from ?? 0;
  for (;;) {
    const page = await pages.logs(id, { ...filter, after });
    for (const line of page.lines) {
      after = line.n;
      show(print, line);
    }
    if (page.next !== null) continue;
    if (page.dropped > 0 && from === null) {
      print.note(`${page.dropped} lines over the limit are gone`);
    }
    return after;
  }
}

interface Line {
  readonly n: number;
  readonly at: number;
  readonly level: LogLevel;
  readonly attempt: number;
  readonly message: string;
  readonly fields: unknown;
}

const levelStyles = { debug: 'dim', info: 'blue', warn: 'yellow', error: 'red' } as const;

function show(print: Printer, line: Line): void {
  if (print.json) print.record(line);
  else print.line(textOf(print, line));
}

function textOf(print: Printer, line: Line): string {
  const fields = line.fields === null ? '' : ` ${JSON.stringify(line.fields)}`;
  const stamp = print.style('dim', `${formatMoment(line.at)} #${line.attempt}`);
  const level = print.style(levelStyles[line.level], line.level.padEnd(5));
  return `${stamp} ${level} ${harmlessLine(`${line.message}${fields}`)}`;
}

/** The last look comes after the end was seen, so that no line is missed. */
async function follow(
  { io }: Session,
  { runs }: Holdfast,
  print: Printer,
  asking: Asking,
  from: number,
): Promise<void> {
  const { id } = asking;
  let after = from;
  for (;;) {
    const run = await runs.get(id);
    if (run === null) throw new HoldfastError('run.not_found', `no run '${id}'`);
    after = await showLines(runs, print, asking, after);
    if (run.status === 'done') return;
    await new Promise<void>((resolve) => io.clock.after(followEveryMs, resolve));
  }
}

/** The server tells the end, and the client comes back when the connection breaks. */
async function showFromServer({ runs }: Client, print: Printer, asking: Asking): Promise<void> {
  try {
    const after = await showLines(runs, print, asking, null);
    if (!asking.follow) return;
    for await (const line of runs.followLogs(asking.id, { ...asking.filter, after })) {
      show(print, line);
    }
  } finally {
    print.settle();
  }
}
