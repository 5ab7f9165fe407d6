/** Owns `holdfast parts`: what a run's handler emitted, and with --follow what it goes on to. */
import type { Command } from 'commander';
import { base64Of } from '../../engine/part-text.ts';
import type { RunPart } from '../../runtime/parts.ts';
import type { Printer } from '../printer.ts';
import { harmless } from '../printer.ts';
import type { Looking, Session } from '../session.ts';
import { withStore } from '../session.ts';
import { parseCount } from '../words.ts';

interface Options {
  readonly follow?: boolean;
  readonly from?: string;
}

export function addParts(program: Command, session: Session): void {
  const command = program.command('parts').description('show what a run emitted');
  command
    .argument('<id>', 'the run')
    .option('-f, --follow', 'go on until the run has ended')
    .option('--from <offset>', 'the first part to show', '0')
    .action(async (id: string, { follow = false, from: given = '0' }: Options) => {
      const from = parseCount('--from', given, 0, Number.MAX_SAFE_INTEGER);
      await withStore(session, command, async (looking) => {
        const { hf, print } = looking;
        if (!follow) await showAll(looking, id, from);
        else {
          for await (const part of hf.runs.parts(id, { from })) show(print, part);
        }
        print.endText();
      });
    });
}

/** Page by page up to what is there now. */
async function showAll({ hf, print }: Looking, id: string, first: number): Promise<void> {
  for (let from = first; ; ) {
    const { parts, next, ended } = await hf.runs.partPage(id, { from });
    for (const part of parts) show(print, part);
    if (ended || parts.length === 0) return;
    from = next;
  }
}

function show(print: Printer, { offset, attempt, data, truncated }: RunPart): void {
  if (truncated !== undefined) {
    if (print.json) print.record({ offset, attempt, truncated });
    print.note(`${truncated} parts over the limit are gone`);
  } else if (print.json) {
    const content = typeof data === 'string' ? { text: data } : { base64: base64Of(data) };
    print.record({ offset, attempt, ...content });
  } else if (typeof data === 'string') print.text(harmless(data));
  else print.text(`[${data.byteLength} bytes]`);
}
