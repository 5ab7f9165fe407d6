/** Owns `holdfast signal`: something that a run is told, and what it says about it. */
import type { Command } from 'commander';
import type { SentSignal, SignalAnswer } from '../../runtime/signals.ts';
import { parseDuration } from '../duration.ts';
import { harmlessLine } from '../printer.ts';
import type { Session } from '../session.ts';
import { withStore } from '../session.ts';
import { readJson } from '../words.ts';

interface Options {
  readonly data: string;
  readonly id?: string;
  readonly wait?: string;
}

export function addSignal(program: Command, session: Session): void {
  const command = program
    .command('signal')
    .description('tell a run something, and hear its answer');
  command
    .argument('<run>', 'its id')
    .argument('<name>', 'the name of the signal, as its function declares it')
    .option('--data <json>', 'JSON, @file, or - for standard input', 'null')
    .option('--id <id>', 'sending the same id again is the same signal')
    .option('--wait <duration>', 'wait for the answer, such as 30s')
    .action(async (run: string, name: string, { data, id, wait }: Options) => {
      const value = await readJson(session.io, data);
      const timeoutMs = wait === undefined ? null : parseDuration('--wait', wait);
      await withStore(session, command, async ({ hf, print }) => {
        const sent = await hf.runs.signal(run, name, value, id === undefined ? {} : { id });
        const answer = timeoutMs === null ? null : await sent.answer({ timeoutMs });
        const { created } = sent;
        if (print.json) print.document({ id: sent.id, created, ...(answer && { answer }) });
        else print.line(harmlessLine(textOf(sent, answer)));
        if (answer !== null && answer.state !== 'accepted') session.exit = 1;
      });
    });
}

function textOf({ id, created }: SentSignal, answer: SignalAnswer | null): string {
  if (answer === null) return created ? id : `${id} was sent before`;
  if (answer.state === 'refused') return `refused: ${answer.reason}`;
  if (answer.state === 'unanswered') return 'the run ended without an answer';
  return answer.value === null ? 'accepted' : `accepted: ${JSON.stringify(answer.value)}`;
}
