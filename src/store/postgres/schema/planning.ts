/**
 * Owns how the database plans what our functions ask.
 *
 * P1 Every query of a function relies on an index. A table whose dead rows a held snapshot keeps is
 *    large with few live rows; there the server comes to believe that reading all of it is cheaper,
 *    once statistics are taken anew, and the cost of each call grows with the dead rows. So reading
 *    a whole table, or gathering its pages first, is what a function does only without an index.
 * P2 The setting belongs to the functions that clients call; what these call inherits it. Making a
 *    function anew takes it away, so that this stands at the end of each step that does.
 */

/** What clients call, each time from the outside. */
const verbs = [
  'start_plain',
  'succeed_plain',
  'succeed_kin',
  'park_plain',
  'park_pinned',
  'claim',
  'record',
  'record_pinned',
  'record_pinned',
  'load',
  'load_kin',
  'load_signals',
  'load_flows',
  'apply',
  'apply_steps',
  'apply_signals',
  'apply_flows',
  'apply_kin',
  'load_kin',
  'apply_kin',
  'emit_plain',
  'wake_plain',
  'to_sweep',
  'closings_left',
  'beat',
  'note',
  'note_state',
  'append_parts',
  'prune_runs',
  'prune_step',
  'prune_rest',
  'prune_events',
  'prune_flows',
] as const;

export const planningSql = (s: string): string => `
do $$
declare
  f record;
begin
  for f in
    select p.oid::regprocedure::text as of from pg_proc p
    where p.pronamespace = '${s}'::regnamespace
      and p.proname in (${verbs.map((name) => `'${name}'`).join(', ')})
  loop
    execute 'alter function ' || f.of || ' set enable_seqscan = off';
    execute 'alter function ' || f.of || ' set enable_bitmapscan = off';
  end loop;
end
$$;
`;
