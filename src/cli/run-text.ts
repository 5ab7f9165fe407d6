/**
 * Owns how runs are shown to people: their state in one word, a table of them, one of them whole.
 */
import type { ErrorDetail } from '../core/outcome.ts';
import type { DeclaredValue } from '../runtime/signals.ts';
import type { Run, RunSummary } from '../runtime/views.ts';
import { formatDuration, formatMoment, formatSince } from './duration.ts';
import type { Printer, Style } from './printer.ts';
import { harmless, harmlessLine } from './printer.ts';
import type { Column } from './table.ts';
import { tableLines } from './table.ts';

const styles: Readonly<Record<string, Style>> = {
  running: 'cyan',
  parked: 'blue',
  quarantined: 'magenta',
  succeeded: 'green',
  failed: 'red',
  'timed-out': 'red',
  lost: 'red',
  rejected: 'red',
  cancelled: 'yellow',
  crashed: 'red',
};

type Stated = Pick<RunSummary, 'outcome' | 'status'>;

/** The outcome of a run that has one, else its status. */
const stateOf = (run: Stated): string => run.outcome?.kind ?? run.status;

const paintState = (print: Printer, state: string, text: string = state): string => {
  const style = styles[state];
  return style === undefined ? text : print.style(style, text);
};

/** What a waiting run waits for, or how long another one took. */
function noteOf(run: RunSummary, now: number): string {
  const { startedAt, finishedAt, dueAt, gate } = run;
  if (run.status === 'done') {
    if (startedAt === null || finishedAt === null) return '';
    return formatDuration(finishedAt - startedAt);
  }
  if (run.stopReason !== null) return 'asked to stop';
  if (run.status === 'running') return `on ${run.owner ?? 'an unknown node'}`;
  if (gate === 'time' && dueAt !== null) return `due ${formatSince(dueAt, now)}`;
  return gate === null ? '' : `for ${gate}`;
}

/** The lines of a table of runs. */
export function runTable(print: Printer, runs: readonly RunSummary[], now: number): string[] {
  const columns: readonly Column<RunSummary>[] = [
    { title: 'ID', text: (run) => run.id },
    {
      title: 'STATE',
      text: stateOf,
      paint: (text, run) => paintState(print, stateOf(run), text),
    },
    { title: 'FUNCTION', text: (run) => run.fn, elastic: true },
    { title: 'ACCEPTED', text: (run) => formatSince(run.acceptedAt, now) },
    { title: 'NOTE', text: (run) => noteOf(run, now), elastic: true },
    { title: 'TRY', text: (run) => String(run.attempt), right: true, optional: true },
    { title: 'LANE', text: (run) => run.lane ?? '-', elastic: true, optional: true },
    { title: 'TENANT', text: (run) => run.tenant, elastic: true, optional: true },
  ];
  return tableLines(runs, columns, print.columns, (text) => print.style('dim', text));
}

const labelWidth = 10;

/** What is shown of a run beside itself. */
export interface Beside {
  readonly sentence: string;
  readonly state: readonly DeclaredValue[];
}

function childrenText({ id, children, childrenOpen }: Run): string | null {
  if (children === 0) return null;
  return `${children}, ${childrenOpen} of them not ended: holdfast children ${id}`;
}

/** The lines about one run. */
export function runLines(
  print: Printer,
  run: Run,
  { sentence, state }: Beside,
  now: number,
): string[] {
  const moment = (at: number | null): string | null =>
    at === null ? null : `${formatMoment(at)} (${formatSince(at, now)})`;
  const width = run.laneWidth === 1 ? '' : ` (width ${run.laneWidth})`;
  const facts: readonly (readonly [string, string | null])[] = [
    ['id', run.id],
    ['state', stateOf(run)],
    ['why', sentence],
    ['function', run.fn],
    ['lane', run.lane === null ? null : `${run.lane}${width}`],
    ['tenant', run.tenant],
    ['priority', run.prioritySeconds === 0 ? null : `${run.prioritySeconds} s`],
    ['tags', run.tags.length === 0 ? null : run.tags.join(' ')],
    ['accepted', moment(run.acceptedAt)],
    ['due', run.status === 'queued' && run.gate === 'time' ? moment(run.dueAt) : null],
    ['started', moment(run.startedAt)],
    ['finished', moment(run.finishedAt)],
    ['deadline', moment(run.deadlineAt)],
    ['version', run.pin === null ? null : `goes on with ${run.pin}`],
    ['retry of', run.retryOf],
    ['parent', run.parent],
    ['children', childrenText(run)],
    ['progress', run.progress === null ? null : JSON.stringify(run.progress)],
    ...state.map(({ name, value }) => ['declares', `${name}: ${JSON.stringify(value)}`] as const),
    ['log', run.logLines === 0 ? null : `${run.logLines} lines: holdfast logs ${run.id}`],
  ];
  const lines = facts.flatMap(([label, text]) => {
    if (text === null) return [];
    const value = harmlessLine(text);
    const shown = label === 'state' ? paintState(print, text, value) : value;
    return [`${print.style('dim', label.padEnd(labelWidth))}${shown}`];
  });
  lines.push(...block(print, 'input', JSON.stringify(run.input, null, 2)));
  if (run.outcome?.kind === 'succeeded') {
    lines.push(...block(print, 'result', JSON.stringify(run.result, null, 2)));
  }
  const error = run.outcome?.error ?? run.quarantine;
  if (error !== null && error !== undefined) lines.push(...block(print, 'error', errorText(error)));
  if (error?.code === 'replay.diverged') lines.push(...differenceLines(print, run.id, error));
  if (run.attempts.length > 0) lines.push('', ...attemptTable(print, run, now));
  return lines;
}

const keysOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.map((key) => String(key)) : [];

/** What was recorded and what the code asks for, as a difference, and the ways on. */
function differenceLines(print: Printer, id: string, { details = {} }: ErrorDetail): string[] {
  const recorded = keysOf(details.recorded);
  const line = (style: Style, mark: string, key: string): string =>
    print.style(style, harmlessLine(`  ${mark} ${key}`));
  const [first = '<step>'] = recorded;
  return [
    print.style('dim', 'difference (- recorded, + asked for)'),
    ...recorded.map((key) => line('red', '-', key)),
    ...keysOf(details.asked).map((key) => line('green', '+', key)),
    print.style('dim', 'ways on'),
    `  mend the code, then    holdfast retry ${id}`,
    `  with another version   holdfast repin ${id} --to <version>`,
    `  with the new code      holdfast fork ${id} --from ${harmlessLine(first)}`,
    `  give it up             holdfast cancel ${id}`,
  ];
}

/** A title, and text below it, indented. */
function block(print: Printer, title: string, text: string): string[] {
  const lines = harmless(text).split('\n');
  const [only = ''] = lines;
  if (lines.length === 1) return [`${print.style('dim', title.padEnd(labelWidth))}${only}`];
  return [print.style('dim', title), ...lines.map((line) => `  ${line}`)];
}

const errorText = ({ code, message, stack }: ErrorDetail): string =>
  stack === undefined ? `${message} [${code}]` : `${message} [${code}]\n${stack}`;

function attemptTable(print: Printer, run: Run, now: number): string[] {
  const columns: readonly Column<Run['attempts'][number]>[] = [
    { title: 'TRY', text: (row) => String(row.attempt), right: true },
    {
      title: 'END',
      text: (row) => row.end,
      paint: (text, row) => paintState(print, row.end, text),
    },
    { title: 'NODE', text: (row) => row.node ?? '-', elastic: true },
    { title: 'STARTED', text: (row) => formatSince(row.startedAt, now) },
    { title: 'TOOK', text: (row) => formatDuration(row.endedAt - row.startedAt), right: true },
    { title: 'ERROR', text: (row) => row.error?.message ?? '-', elastic: true },
  ];
  return tableLines(run.attempts, columns, print.columns, (text) => print.style('dim', text));
}
