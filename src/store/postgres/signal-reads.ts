/**
 * Owns the looking at signals and declared state: one statement each, on a snapshot, without the
 * gate.
 */
import { answerKind } from '../../core/durable/signals.ts';
import type { WallMs } from '../../core/time.ts';
import type { AnswerAsk, SignalStand, StateRow } from '../../ports/store-signals.ts';
import type { StepEnd } from '../../ports/store-steps.ts';
import { standOf } from '../verbs/signals.ts';
import type { Queries } from './queries.ts';
import { notDurable } from './reads.ts';

interface Found {
  readonly known: boolean;
  readonly how: StepEnd['how'] | null;
  readonly value: string | null;
  readonly done: boolean;
  readonly pending: boolean;
}

/** How signals stand, each in its place. */
export async function answers(
  queries: Queries,
  s: string,
  asks: readonly AnswerAsk[],
): Promise<readonly (SignalStand | null)[]> {
  const rows = await queries.rows<Found>(
    `select g.seq is not null as known, k.how, k.value, e.seq is not null as done,
       ${notDurable} as pending
     from unnest($1::text[], $2::text[]) with ordinality as u(run, id, at)
     left join ${s}.runs r on r.id = u.run
     left join ${s}.signals g on g.seq = r.seq and g.id = u.id
     left join ${s}.steps k on k.seq = r.seq and k.key = '${answerKind}/' || u.id
     left join ${s}.ended e on e.seq = r.seq
     order by u.at`,
    [asks.map(({ runId }) => runId), asks.map(({ id }) => id)],
  );
  // What the sender acts upon must not be undone by a crash of the server.
  if (rows.some(({ how, done, pending }) => pending && (how !== null || done))) {
    await queries.flushed();
  }
  return rows.map(({ known, how, value, done }) => {
    if (!known) return null;
    return standOf(how === null ? null : { how, value }, done);
  });
}

/** The declared state of a run. */
export async function state(
  queries: Queries,
  s: string,
  id: string,
): Promise<readonly StateRow[] | null> {
  const found = await queries.one<readonly StateRow[] | undefined>(
    `select coalesce((select json_agg(json_build_object('name', k.name, 'value', k.value,
        'attempt', k.attempt, 'at', k.at) order by k.name collate "C")
      from ${s}.run_state k where k.seq = r.seq), '[]'::json) as value
     from ${s}.runs r where r.id = $1`,
    [id],
  );
  return found?.map((row) => ({ ...row, at: row.at as WallMs })) ?? null;
}
