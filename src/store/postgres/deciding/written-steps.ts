/**
 * Owns the text that tells `apply_steps` what a decision has changed.
 *
 * W1 A text that several rows share is written once: an event may end hundreds of waits with it.
 */
import { stepColumnList, stepTupleOf } from '../../step-tuple.ts';
import { jsonParam } from '../json-param.ts';
import type { DecidedEvents, DecidedSteps, StepChange } from './steps.ts';

/** The text, or null when nothing changed. */
export function stepsText(decided: {
  readonly steps: DecidedSteps;
  readonly events: DecidedEvents;
}): string | null {
  const text: Record<string, unknown> = {};
  const { steps, events } = decided;
  const changes = [...steps.changes.values()];
  const fresh = changes.filter(({ isNew }) => isNew).map(rowOf);
  const known = changes.filter(({ isNew }) => !isNew).map(rowOf);
  if (fresh.length > 0) text.steps_in = fresh;
  if (known.length > 0) Object.assign(text, shared(known));
  if (steps.copies.length > 0) text.copies = steps.copies;
  const inserted = [...events.inserted.values()];
  if (inserted.length > 0) {
    text.events_in = inserted.map(({ open, ...event }) => ({ ...event, open: open ? 1 : 0 }));
    const { lastN, kept, lastAt } = events.tally();
    text.tally = [lastN, kept, lastAt];
  }
  const closed = [...events.closed].filter((n) => !events.inserted.has(n));
  if (closed.length > 0) text.events_up = closed;
  return Object.keys(text).length === 0 ? null : jsonParam(text);
}

type Row = Readonly<Record<string, unknown>>;

function rowOf({ seq, tenant, row }: StepChange): Row {
  const values = stepTupleOf(seq, row);
  const named = Object.fromEntries(stepColumnList.map((column, at) => [column, values[at]]));
  return { ...named, tenant: row.wait !== null && row.wait.event !== null ? tenant : null };
}

/** W1: places in the list are numbered from 1. */
function shared(rows: readonly Row[]): { readonly texts: string[]; readonly steps_up: Row[] } {
  const times = new Map<unknown, number>();
  for (const { value } of rows) times.set(value, (times.get(value) ?? 0) + 1);
  const places = new Map<string, number>();
  const steps_up = rows.map(({ value, ...row }) => {
    if (typeof value !== 'string' || times.get(value) === 1) return { ...row, value };
    const place = places.get(value) ?? places.size + 1;
    places.set(value, place);
    return { ...row, text_at: place };
  });
  return { texts: [...places.keys()], steps_up };
}
