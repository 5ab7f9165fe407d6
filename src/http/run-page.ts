/**
 * Owns one page of a list of runs, as a caller may see it.
 *
 * P1 A key of a tenant lists that tenant's runs; asked for another's, it finds none.
 * P2 A cursor is of its list, its filter and the tenant of the key (see `cursor.ts`).
 */
import type { Digestible } from '../core/digest.ts';
import type { RunSummary } from '../runtime/views.ts';
import { type Given, given } from './given.ts';
import type { Answer, Services } from './route.ts';
import { summaryBody } from './views.ts';

/** What every list of runs may be asked. */
interface ListQuery {
  readonly tenant?: string | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** The page that a query asks for. `read` gives the runs of a filter, from a place on. */
export async function runPage<Query extends ListQuery>(
  {
    caller: { tenant },
    cursors,
  }: Pick<Services, 'cursors'> & { caller: { tenant: string | null } },
  list: string,
  query: Query,
  read: (
    ask: Given<Query>,
  ) => Promise<{ readonly runs: readonly RunSummary[]; readonly next: string | null }>,
): Promise<Answer> {
  if (tenant !== null && query.tenant !== undefined && query.tenant !== tenant) {
    return { status: 200, body: { runs: [], next: null } };
  }
  const { limit, cursor, ...words } = query;
  const filter = given(tenant === null ? words : { ...words, tenant });
  const listed = { list, tenant, of: filter as Readonly<Record<string, Digestible>> };
  const from = cursor === undefined ? undefined : await cursors.open(listed, cursor);
  const page = await read({ ...filter, ...given({ limit, cursor: from }) } as Given<Query>);
  const next = page.next === null ? null : await cursors.seal(listed, page.next);
  return { status: 200, body: { runs: page.runs.map(summaryBody), next } };
}
