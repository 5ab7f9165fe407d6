/**
 * Owns the statements that read what arrived back as lines, with digests made by the server from
 * what it keeps. The lines are those of `src/store/moving.ts`.
 */

const digest = (text: string): string => `encode(sha256(convert_to(${text}, 'UTF8')), 'hex')`;

/** Of runs behind a seq: $1, at most $2. */
export const runLinesText = (s: string): string =>
  `select json_build_array(v.seq, v.id, v.fn, v.stage, v.outcome, v.attempt, v.fence,
     ${digest('r.input')}, ${digest('e.result')}, v.pin) as line
   from ${s}.run_rows v
     join ${s}.runs r on r.seq = v.seq
     left join ${s}.ended e on e.seq = v.seq
   where v.seq > $1 order by v.seq limit $2`;

const stepTexts = ['kind', 'event', 'paths', 'vals', 'after_n', 'token', 'value', 'error', 'tenant']
  .map((column) => `coalesce(k.${column}::text, '')`)
  .join(" || E'\\n' || ");

/** Of steps behind a run and a place in it: $1, $2, at most $3. */
export const stepLinesText = (s: string): string =>
  `select json_build_array(k.seq, k.ord, k.key, k.attempt, k.tries, k.begun_at, k.wake_at, k.how,
     k.nth,
     ${digest(stepTexts)}) as line
   from ${s}.steps k where (k.seq, k.ord) > ($1, $2) order by k.seq, k.ord limit $3`;

/** Of events behind a number: $1, at most $2. */
export const eventLinesText = (s: string): string =>
  `select json_build_array(e.n, e.tenant, e.id, e.name, e.at, e.open, ${digest('e.data')}) as line
   from ${s}.events e where e.n > $1 order by e.n limit $2`;
