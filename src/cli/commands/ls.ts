/** Owns `holdfast ls`: runs, newest first, a page at a time. */
import type { Command } from 'commander';
import { limits } from '../../core/limits.ts';
import { runTable } from '../run-text.ts';
import type { Session } from '../session.ts';
import { withStore } from '../session.ts';
import type { FilterWords } from '../where.ts';
import { addFilterOptions, filterOf } from '../where.ts';
import { parseCount } from '../words.ts';

interface Options extends FilterWords {
  readonly limit: string;
  readonly cursor?: string;
}

export function addLs(program: Command, session: Session): void {
  const command = program.command('ls').description('list runs, newest first');
  addFilterOptions(command)
    .option('--limit <count>', 'how many at most', '20')
    .option('--cursor <cursor>', 'go on where an earlier page ended')
    .action(async (options: Options) => {
      const limit = parseCount('--limit', options.limit, 1, limits.pageRowsMax);
      const now = session.io.clock.wall();
      const filter = filterOf(options, now);
      const cursor = options.cursor === undefined ? {} : { cursor: options.cursor };
      await withStore(session, command, async ({ hf, print }) => {
        const page = await hf.runs.list({ ...filter, limit, ...cursor });
        if (print.json) return print.document(page);
        for (const line of runTable(print, page.runs, now)) print.line(line);
        if (page.runs.length === 0) print.note('no run matches');
        if (page.next !== null) print.note(`more: add --cursor ${page.next}`);
      });
    });
}
