/**
 * Owns the stored form of steps and events in stores that have tables: the order of their columns.
 *
 * W1 The words of kinds and ends are a stored format.
 * W2 `event`, `paths`, `vals` and `after_n` stand together or not at all; so do `how`, `nth` and
 *    `ended_at`. `waits` says that a step is a wait, whatever for.
 */
import type { ErrorDetail } from '../core/outcome.ts';
import type { WallMs } from '../core/time.ts';
import type { StepEnd, StepKind, StepRow } from '../ports/store-steps.ts';
import type { KeptEvent } from './verbs/tables.ts';

/** The columns of `steps` but the last, `tenant`, in the order of `StepTuple`. */
export const stepColumnList = [
  ...['seq', 'ord', 'key', 'kind', 'attempt', 'tries', 'begun_at', 'waits', 'wake_at', 'event'],
  ...['paths', 'vals', 'after_n', 'token', 'how', 'nth', 'ended_at', 'value', 'error'],
] as const;

/** A step as a store gives it. */
export type StepTuple = readonly [
  seq: number,
  ord: number,
  key: string,
  kind: StepKind,
  attempt: number,
  tries: number,
  begunAt: number,
  waits: number,
  wakeAt: number | null,
  event: string | null,
  paths: string | null,
  values: string | null,
  after: number | null,
  token: string | null,
  how: StepEnd['how'] | null,
  nth: number | null,
  endedAt: number | null,
  value: string | null,
  error: string | null,
];

/** A stored step. */
export function stepOf(tuple: StepTuple): StepRow {
  const [, ord, key, kind, attempt, tries, begunAt] = tuple;
  const base = { key, ord, kind, attempt, tries, begunAt: begunAt as WallMs };
  return { ...base, wait: waitOf(tuple), end: endOf(tuple) };
}

function waitOf(tuple: StepTuple): StepRow['wait'] {
  const [, , , , , , , waits, wakeAt, name, paths, values, after, token] = tuple;
  if (waits === 0) return null;
  const event =
    name === null ? null : { name, paths: paths ?? '', values: values ?? '', after: after ?? 0 };
  return { wakeAt: wakeAt as WallMs | null, event, token };
}

function endOf(tuple: StepTuple): StepRow['end'] {
  const [how, nth, at, value, error] = tuple.slice(14) as unknown as [
    ...[how: StepEnd['how'] | null, nth: number | null, at: number | null],
    ...[value: string | null, error: string | null],
  ];
  if (how === null) return null;
  const detail = error === null ? null : (JSON.parse(error) as ErrorDetail);
  return { how, value, error: detail, nth: nth ?? 0, at: (at ?? 0) as WallMs };
}

/** A step as it is stored. */
export function stepTupleOf(seq: number, { wait, end, ...row }: StepRow): StepTuple {
  const event = wait?.event ?? null;
  const error = end?.error ?? null;
  return [
    seq,
    row.ord,
    row.key,
    row.kind,
    row.attempt,
    row.tries,
    row.begunAt,
    wait === null ? 0 : 1,
    wait?.wakeAt ?? null,
    event?.name ?? null,
    event?.paths ?? null,
    event?.values ?? null,
    event?.after ?? null,
    wait?.token ?? null,
    end?.how ?? null,
    end?.nth ?? null,
    end?.at ?? null,
    end?.value ?? null,
    error === null ? null : JSON.stringify(error),
  ];
}

/** The columns of `events`, in the order of `EventTuple`. */
export const eventColumnList = ['n', 'tenant', 'id', 'name', 'data', 'at', 'open'] as const;

/** An event as a store gives it. */
export type EventTuple = readonly [
  n: number,
  tenant: string,
  id: string,
  name: string,
  data: string,
  at: number,
  open: number,
];

/** A stored event. */
export const eventOf = ([n, tenant, id, name, data, at, open]: EventTuple): KeptEvent => ({
  ...{ n, tenant, id, name, data },
  at: at as WallMs,
  open: open === 1,
});
