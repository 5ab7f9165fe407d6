/**
 * Owns the verbs over access keys, and over the secrets that stand in `meta`.
 *
 * V1 Each is one statement; all but the note of use are on the disk before they are answered.
 * V2 Of several who propose a secret at once the first one's is kept, and given to all of them.
 */
import type { KeyRow, KeyVerbs, SecretName } from '../../ports/store-keys.ts';
import { keysFull, keyTaken, usedEveryMs } from '../verbs/keys.ts';
import type { Queries } from './queries.ts';
import type { VerbBase } from './run-verbs.ts';
import { tried } from './tried.ts';

/** The verbs. */
export function openKeyVerbs({ pool, s, busyPatienceMs, call }: VerbBase): KeyVerbs {
  const write = <T>(work: (queries: Queries) => Promise<T>): Promise<T> =>
    call(() => tried(busyPatienceMs, () => pool.write(work)));
  return {
    async putKey(key) {
      const answer = await write((queries) =>
        queries.committed<string>(`select ${s}.put_key($1) as value`, [JSON.stringify(key)]),
      );
      if (answer === 'taken') throw keyTaken(key.id);
      return answer === 'full' ? keysFull : { ok: true };
    },
    keys: () =>
      call(() =>
        tried(busyPatienceMs, () =>
          pool.read((queries) =>
            queries.rows<KeyRow>(
              `select id, name, hash, scope, tenant, created_at as "createdAt",
                 used_at as "usedAt" from ${s}.access_keys order by id collate "C"`,
            ),
          ),
        ),
      ),
    revokeKey: (id) =>
      write((queries) =>
        queries.committed<boolean>(
          `with gone as (delete from ${s}.access_keys where id = $1 returning 1)
           select exists (select 1 from gone) as value`,
          [id],
        ),
      ),
    touchKey: (id) =>
      write(async (queries) => {
        await queries.rows(
          `update ${s}.access_keys set used_at = ${s}.wall()
           where id = $1 and (used_at is null or used_at <= ${s}.wall() - ${usedEveryMs})`,
          [id],
        );
      }),
    secret: (name, proposed) => write((queries) => secretOf(queries, s, name, proposed)),
  };
}

/** V2. Looked for first: to meet a row that is there would write it anew. */
async function secretOf(
  queries: Queries,
  s: string,
  name: SecretName,
  proposed: string,
): Promise<string> {
  const key = `secret of ${name}`;
  const [kept] = await queries.rows<{ readonly value: string }>(
    `select value from ${s}.meta where key = $1`,
    [key],
  );
  if (kept !== undefined) return kept.value;
  return queries.committed<string>(
    `insert into ${s}.meta as m (key, value) values ($1, $2)
     on conflict (key) do update set value = m.value returning value`,
    [key, proposed],
  );
}
