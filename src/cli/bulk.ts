/**
 * Owns the manner of bulk commands: count first, say so, ask, act, say what was done.
 *
 * B1 Nothing is changed before the count was shown and, on a terminal, agreed to; elsewhere
 *    `--yes`.
 * B2 The count is what matched a moment ago: what the act itself matched is said after it.
 */

import { limits } from '../core/limits.ts';
import type { Holdfast } from '../holdfast.ts';
import type { Changed, RunQuery } from '../runtime/runs.ts';
import { usageError } from './failure.ts';
import type { Printer } from './printer.ts';
import type { Looking, Session } from './session.ts';

/** A bulk command. */
export interface Bulk {
  /** `cancel` */
  readonly verb: string;
  /** `cancelled` */
  readonly past: string;
  readonly query: RunQuery;
  /** Without a status or an outcome only these runs are meant. */
  readonly standard: readonly RunQuery[];
  readonly yes: boolean;
  readonly act: () => Promise<Changed>;
  /** One page of what is meant, where that is no list of runs. */
  readonly page?: (cursor: string | undefined) => Promise<Page>;
}

/** What is counted. */
interface Page {
  readonly runs: readonly unknown[];
  readonly next: string | null;
}

/** Counts, asks, acts. */
export async function inBulk(session: Session, looking: Looking, bulk: Bulk): Promise<void> {
  const { hf, print } = looking;
  const { verb, past, yes, act } = bulk;
  const count = await countOf(hf, print, bulk);
  print.note(count === 1 ? '1 run matches' : `${count} runs match`);
  if (count > 0 && !yes && !(await agreed(session, `${verb} them? [y/N] `))) {
    print.note('nothing was changed');
    return;
  }
  if (count > 0) print.progress('working');
  const changed = count > 0 ? await act() : { matched: 0, changed: 0 };
  if (print.json) print.document(changed);
  else print.line(`${past} ${changed.changed} of ${changed.matched}`);
}

async function countOf(hf: Holdfast, print: Printer, bulk: Bulk): Promise<number> {
  const { query, standard, page: given } = bulk;
  const named = query.status !== undefined || query.outcome !== undefined || given !== undefined;
  let count = 0;
  for (const more of named ? [{}] : standard) {
    const listed = (cursor: string | undefined): Promise<Page> =>
      hf.runs.list({
        ...{ ...query, ...more, limit: limits.pageRowsMax },
        ...(cursor === undefined ? {} : { cursor }),
      });
    let cursor: string | undefined;
    do {
      const page: Page = await (given ?? listed)(cursor);
      count += page.runs.length;
      print.progress(`counting: ${count}`);
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
  }
  return count;
}

async function agreed({ io }: Session, question: string): Promise<boolean> {
  if (!io.canAsk) {
    throw usageError('nobody can be asked here, and --yes was not given', 'add --yes to go ahead');
  }
  return /^y(es)?$/i.test((await io.ask(question)).trim());
}
