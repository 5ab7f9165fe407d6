/** Owns `holdfast logs`: what a run's handler logged, and with --follow what it goes on to log. */
import { type Command, Option } from 'commander';
import { HoldfastError } from '../../core/errors.ts';
import type { LogLevel } from '../../ports/log.ts';
import { formatMoment } from '../duration.ts';
import { logLevels } from '../line-log.ts';
import type { Printer } from '../printer.ts';
import { harmlessLine } from '../printer.ts';
import type { Looking, Session } from '../session.ts';
import { withStore } from '../session.ts';
import { parseCount } from '../words.ts';

const followEveryMs = 300;

export function addLogs(program: Command, session: Session): void {
  const command = program.command('logs').description('show what a run logged');
  command
    .argument('<id>', 'the run')
    .option('-f, --follow', 'go on until the run has ended')
    .option('--attempt <n>', 'only lines of this attempt')
    .addOption(new Option('--level <level>', 'only lines from it up').choices(logLevels))
    .action(async (id: string, options: Options) => {
      const wanted = filterOf(options);
      await withStore(session, command, async (looking) => {
        const after = await showLines(looking, id, null, wanted);
        if (options.follow === true) await follow(session, looking, { id, wanted }, after);
      });
    });
}

interface Options {
  readonly follow?: boolean;
  readonly attempt?: string;
  readonly level?: LogLevel;
}

type Wanted = (line: Line) => boolean;

function filterOf({ attempt, level }: Options): Wanted {
  const { MAX_SAFE_INTEGER } = Number;
  const only = attempt === undefined ? null : parseCount('--attempt', attempt, 1, MAX_SAFE_INTEGER);
  const least = level === undefined ? 0 : logLevels.indexOf(level);
  return (line) =>
    (only === null || line.attempt === only) && logLevels.indexOf(line.level) >= least;
}

/** Shows all lines after the given one, and gives the number of the last. */
async function showLines(
  { hf, print }: Looking,
  id: string,
  from: number | null,
  wanted: Wanted,
): Promise<number | null> {
  let after = from;
  for (;;) {
    const page = await hf.runs.logs(id, after === null ? {} : { after });
    for (const line of page.lines) {
      after = line.n;
      if (!wanted(line)) continue;
      if (print.json) print.record(line);
      else print.line(textOf(print, line));
    }
    if (page.next !== null) continue;
    if (page.dropped > 0 && from === null)
      print.note(`${page.dropped} lines over the limit are gone`);
    return after;
  }
}

interface Line {
  readonly at: number;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly attempt: number;
  readonly message: string;
  readonly fields: unknown;
}

const levelStyles = { debug: 'dim', info: 'blue', warn: 'yellow', error: 'red' } as const;

function textOf(print: Printer, line: Line): string {
  const fields = line.fields === null ? '' : ` ${JSON.stringify(line.fields)}`;
  const stamp = print.style('dim', `${formatMoment(line.at)} #${line.attempt}`);
  const level = print.style(levelStyles[line.level], line.level.padEnd(5));
  return `${stamp} ${level} ${harmlessLine(`${line.message}${fields}`)}`;
}

/** The last look comes after the end was seen, so that no line is missed. */
async function follow(
  { io }: Session,
  looking: Looking,
  { id, wanted }: { readonly id: string; readonly wanted: Wanted },
  from: number | null,
): Promise<void> {
  let after = from;
  for (;;) {
    const run = await looking.hf.runs.get(id);
    if (run === null) throw new HoldfastError('run.not_found', `no run '${id}'`);
    after = await showLines(looking, id, after, wanted);
    if (run.status === 'done') return;
    await new Promise<void>((resolve) => io.clock.after(followEveryMs, resolve));
  }
}
