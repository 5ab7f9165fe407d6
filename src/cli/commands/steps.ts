/** Owns `holdfast steps`: what the code of a run has done, and what it waits for. */
import type { Command } from 'commander';
import type { RunStep } from '../../runtime/views.ts';
import { formatDuration, formatSince } from '../duration.ts';
import { harmlessLine, type Printer, type Style } from '../printer.ts';
import type { Looking, Session } from '../session.ts';
import { withStore } from '../session.ts';
import { type Column, tableLines } from '../table.ts';

const styles: Readonly<Record<RunStep['state'], Style>> = {
  running: 'cyan',
  waiting: 'blue',
  returned: 'green',
  threw: 'red',
  'timed-out': 'yellow',
};

const valueCharsMax = 60;

export function addSteps(program: Command, session: Session): void {
  const command = program.command('steps').description('show what a run has done and waits for');
  command.argument('<id>', 'the run').action(async (id: string) => {
    await withStore(session, command, async (looking) => {
      const steps = await allOf(looking, id);
      const { print } = looking;
      if (print.json) {
        for (const step of steps) print.record(step);
        return;
      }
      if (steps.length === 0) print.line('no steps');
      for (const line of linesOf(print, steps, session.io.clock.wall())) print.line(line);
    });
  });
}

async function allOf({ hf }: Looking, id: string): Promise<readonly RunStep[]> {
  const steps: RunStep[] = [];
  for (let after: number | null = 0; after !== null; ) {
    const page: Awaited<ReturnType<typeof hf.runs.steps>> = await hf.runs.steps(id, { after });
    steps.push(...page.steps);
    after = page.next;
  }
  return steps;
}

function linesOf(print: Printer, steps: readonly RunStep[], now: number): readonly string[] {
  if (steps.length === 0) return [];
  const columns: readonly Column<RunStep>[] = [
    { title: 'STEP', text: ({ key }) => key, elastic: true },
    {
      title: 'STATE',
      text: ({ state }) => state,
      paint: (text, { state }) => print.style(styles[state], text),
    },
    { title: 'ATTEMPT', text: ({ attempt }) => String(attempt), right: true },
    { title: 'TRIES', text: ({ tries }) => String(tries), right: true, optional: true },
    { title: 'BEGUN', text: ({ begunAt }) => formatSince(begunAt, now) },
    {
      title: 'TOOK',
      text: ({ begunAt, endedAt }) => (endedAt === null ? '-' : formatDuration(endedAt - begunAt)),
      right: true,
    },
    { title: 'NOTE', text: (step) => noteOf(step, now), elastic: true },
  ];
  return tableLines(steps, columns, print.columns, (text) => print.style('dim', text));
}

/** What it waits for, gave, or threw. */
function noteOf({ state, wakeAt, event, token, value, error }: RunStep, now: number): string {
  if (error !== null) return harmlessLine(`${error.message} [${error.code}]`);
  if (state === 'returned') {
    const text = value === null ? '' : JSON.stringify(value);
    return text.length <= valueCharsMax ? text : `${text.slice(0, valueCharsMax)}…`;
  }
  const until = wakeAt === null ? [] : [`until ${formatSince(wakeAt, now)}`];
  const what = event === null ? [] : [`event ${event}`];
  const who = token === null ? [] : [`token ${token}`];
  return harmlessLine([...what, ...who, ...until].join(', '));
}
