/**
 * Owns the verbs over parts.
 *
 * V1 Parts are kept in a short call, which is tried again after an unknown end as well: what was
 *    kept by then is found by how many parts its owner has sent.
 */
import type {
  AppendItem,
  AppendVerdict,
  PartsAsk,
  PartsPage,
  PartVerbs,
} from '../../ports/store-parts.ts';
import { gap } from '../verbs/parts.ts';
import { jsonParam } from './json-param.ts';
import { notDurable } from './reads.ts';
import type { VerbBase } from './run-verbs.ts';
import { tried } from './tried.ts';

type Said =
  | readonly ['kept', kept: number, truncated: boolean]
  | readonly ['gap', id: string, sent: number]
  | readonly ['stale', id: string, fence: number]
  | null;

interface Found {
  readonly pages: readonly (PartsPage | null)[];
  readonly pending: boolean;
}

/** The verbs. */
export function openPartVerbs(base: VerbBase): PartVerbs {
  const { call } = base;
  return {
    append: (items) => call(() => appendParts(base, items)),
    parts: (asks) => call(() => readParts(base, asks)),
  };
}

async function appendParts(
  { short, s, busyPatienceMs }: VerbBase,
  items: readonly AppendItem[],
): Promise<readonly AppendVerdict[]> {
  if (items.length === 0) return [];
  const text = jsonParam(items.map(({ from, ...item }, ord) => ({ ord, ...item, sent: from })));
  const { value } = await tried(busyPatienceMs, () =>
    short.ask<readonly Said[]>(`select ${s}.append_parts($1) as value`, [text], { flush: 'yes' }),
  );
  return items.map((item, at) => verdictOf(item, value[at] ?? null));
}

function verdictOf({ seq, fence, from }: AppendItem, said: Said): AppendVerdict {
  if (said === null) {
    return { ok: false, code: 'run.not_found', message: `run number ${seq} is not in the store` };
  }
  switch (said[0]) {
    case 'kept':
      return { ok: true, next: said[1], truncated: said[2] };
    case 'gap':
      return { ok: false, code: 'parts.gap', message: gap(said[1], from, said[2]) };
    case 'stale': {
      const message = `run '${said[1]}' stands under fence ${said[2]}; fence ${fence} is over`;
      return { ok: false, code: 'fence.stale', message };
    }
  }
}

async function readParts(
  { pool, s, busyPatienceMs }: VerbBase,
  asks: readonly PartsAsk[],
): Promise<readonly (PartsPage | null)[]> {
  if (asks.length === 0) return [];
  const rows = asks.map(({ id, from, charsMax }, ord) => ({ ord, id, from, chars: charsMax }));
  return tried(busyPatienceMs, () =>
    pool.read(async (queries) => {
      const { pages, pending } = await queries.one<Found>(
        `select json_build_object('pending', ${notDurable}, 'pages',
         json_agg(case when r.seq is null then null else json_build_object(
           'blocks', case when x."from" < coalesce(p.kept, 0)
             then ${s}.part_blocks(r.seq, x."from", x.chars) else '[]'::json end,
           'kept', coalesce(p.kept, 0), 'dropped', coalesce(p.dropped, 0),
           'ended', exists (select 1 from ${s}.ended e where e.seq = r.seq)
         ) end order by x.ord)) as value
         from json_to_recordset($1) as x(ord integer, id text, "from" bigint, chars bigint)
         left join ${s}.runs r on r.id = x.id
         left join ${s}.part_sums p on p.seq = r.seq`,
        [jsonParam(rows)],
      );
      // What a reader has seen must not be undone by a crash of the server.
      const seen = pages.some((page) => page !== null && (page.ended || page.blocks.length > 0));
      if (pending && seen) await queries.flushed();
      return pages;
    }),
  );
}
