/**
 * Owns how a start from SQL gets the terms of flow control that its function's nodes publish.
 *
 * S1 Static terms travel as they were told. A key that is computed from the input takes the
 *    definition, or is given as `flowKey`; to leave it out would let the run pass beside its terms,
 *    so it is refused.
 * S2 What decides when a run is due does not go with a due time of the caller's.
 */
import { limits } from '../../../core/limits.ts';
import { inboxStartSql } from './inbox.ts';

export const flowStartSql = (s: string): string => `
create function ${s}.published_flow(p_fn text, p_told jsonb, p_options jsonb)
returns jsonb language plpgsql stable as $$
declare
  v_flow jsonb := p_told->'flow';
  v_term text;
  v_key text := p_options->>'flowKey';
begin
  if length(v_key) > ${limits.keyCharsMax} or v_key = '' then
    raise exception using errcode = 'HF001', message = format(
      'holdfast: request.invalid: flowKey is not 1 to %s characters', ${limits.keyCharsMax});
  end if;
  if v_flow is null then return null; end if;
  if (v_flow ? 'debounce' or v_flow ? 'throttle')
    and (p_options ? 'dueAt' or p_options ? 'delayMs') then
    raise exception using errcode = 'HF001', message = format(
      'holdfast: request.invalid: %L decides itself when its runs are due', p_fn);
  end if;
  foreach v_term in array array['debounce', 'throttle', 'rateLimit', 'unique'] loop
    continue when not v_flow ? v_term;
    if v_key is not null then
      v_flow := jsonb_set(v_flow, array[v_term, 'key'], to_jsonb(v_key));
    elsif jsonb_typeof(v_flow->v_term->'key') is distinct from 'string' then
      raise exception using errcode = 'HF001', message = format(
        'holdfast: request.invalid: the key of %s of %L is computed; give flowKey', v_term, p_fn);
    end if;
  end loop;
  return v_flow;
end
$$;
${inboxStartSql(s, 'flow').replaceAll(/^create function /gm, 'create or replace function ')}`;
