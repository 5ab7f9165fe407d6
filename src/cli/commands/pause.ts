/** Owns `holdfast pause` and `holdfast resume`: a function or a lane is held back, and let go. */
import { Argument, type Command } from 'commander';
import type { PauseView } from '../../ports/store-reads.ts';
import { formatSince } from '../duration.ts';
import { usageError } from '../failure.ts';
import { harmlessLine } from '../printer.ts';
import type { Looking, Session } from '../session.ts';
import { withStore } from '../session.ts';

type Kind = PauseView['kind'];
const kinds: readonly Kind[] = ['function', 'lane'];

export function addPause(program: Command, session: Session): void {
  const command = program
    .command('pause')
    .summary('hold back a function or a lane')
    .description(
      'hold back the runs of a function or a lane; without arguments, list what is held',
    );
  command
    .addArgument(new Argument('[kind]', 'what to hold back').choices(kinds))
    .argument('[key]', 'its name or key')
    .option('--reason <text>', 'why; shown to those who ask')
    .action(async (kind: Kind | undefined, key: string | undefined, { reason }) => {
      if (kind !== undefined && key === undefined) {
        throw usageError(`which ${kind} to pause was not said`, `holdfast pause ${kind} <key>`);
      }
      await withStore(session, command, async (looking) => {
        const { hf, print } = looking;
        if (kind === undefined || key === undefined) return await showPauses(session, looking);
        await (kind === 'lane' ? hf.lanes.pause(key, reason) : hf.functions.pause(key, reason));
        if (print.json) print.document({ kind, key, paused: true });
        else print.line(`paused ${kind} '${key}'; what runs already goes on`);
      });
    });
}

async function showPauses({ io }: Session, { hf, print }: Looking): Promise<void> {
  const pauses = await hf.pauses();
  if (print.json) return print.document({ pauses });
  const now = io.clock.wall();
  for (const { kind, key, reason, since } of pauses) {
    const why = reason === '' ? '' : `: ${harmlessLine(reason)}`;
    print.line(`${kind} '${key}' paused ${formatSince(since, now)}${why}`);
  }
  if (pauses.length === 0) print.note('nothing is paused');
}

export function addResume(program: Command, session: Session): void {
  const command = program.command('resume').description('let a paused function or lane go on');
  command
    .addArgument(new Argument('<kind>', 'what to let go').choices(kinds))
    .argument('<key>', 'its name or key')
    .action(async (kind: Kind, key: string) => {
      await withStore(session, command, async ({ hf, print }) => {
        await (kind === 'lane' ? hf.lanes.resume(key) : hf.functions.resume(key));
        if (print.json) print.document({ kind, key, paused: false });
        else print.line(`resumed ${kind} '${key}'`);
      });
    });
}
