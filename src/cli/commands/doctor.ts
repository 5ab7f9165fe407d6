/** Owns `holdfast doctor`: what is wrong with a store and its nodes, and what to do about it. */
import type { Command } from 'commander';
import type { StoreFinding } from '../../ports/store-reads.ts';
import type { Style } from '../printer.ts';
import { harmlessLine } from '../printer.ts';
import type { Session } from '../session.ts';
import { withStore } from '../session.ts';

const marks: Readonly<Record<StoreFinding['level'], readonly [string, Style]>> = {
  ok: ['ok  ', 'green'],
  warn: ['warn', 'yellow'],
  bad: ['BAD ', 'red'],
};

export function addDoctor(program: Command, session: Session): void {
  const command = program
    .command('doctor')
    .summary('say what is wrong, and what to do')
    .description(
      'examine the store, the clock, the nodes and the limits; exit 1 if all is not well',
    );
  command.action(async () => {
    await withStore(session, command, async ({ hf, print }) => {
      print.progress('examining');
      const findings = await hf.doctor();
      const bad = findings.filter((finding) => finding.level === 'bad').length;
      const warnings = findings.filter((finding) => finding.level === 'warn').length;
      if (bad > 0) session.exit = 1;
      if (print.json) return print.document({ healthy: bad === 0, findings });
      for (const { level, check, message } of findings) {
        const [mark, style] = marks[level];
        print.line(`${print.style(style, mark)} ${check}: ${harmlessLine(message)}`);
      }
      print.line(`${findings.length} checks, ${warnings} warnings, ${bad} bad`);
    });
  });
}
