/** Owns `holdfast emit`: an event, for every run that waits for it. */
import type { Command } from 'commander';
import type { Session } from '../session.ts';
import { withStore } from '../session.ts';
import { readJson } from '../words.ts';

interface Options {
  readonly data: string;
  readonly id?: string;
  readonly tenant?: string;
}

export function addEmit(program: Command, session: Session): void {
  const command = program
    .command('emit')
    .description('tell an event to every run that waits for it');
  command
    .argument('<event>', 'its name')
    .option('--data <json>', 'JSON, @file, or - for standard input', 'null')
    .option('--id <id>', 'telling the same id again is the same event')
    .option('--tenant <tenant>', 'whose runs hear it (default: default)')
    .action(async (name: string, { data, id, tenant }: Options) => {
      const value = await readJson(session.io, data);
      await withStore(session, command, async ({ hf, print }) => {
        const emitted = await hf.emit(name, value, {
          ...(id === undefined ? {} : { id }),
          ...(tenant === undefined ? {} : { tenant }),
        });
        if (print.json) print.document(emitted);
        else print.line(emitted.created ? emitted.id : `${emitted.id} was told before`);
      });
    });
}
