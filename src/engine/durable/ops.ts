/**
 * Owns what the code of an attempt asks for and was not given yet: steps, and waits.
 *
 * Q1 What it is given is made from what is kept, so that it is the same in every later attempt.
 */
import { StepError } from '../../core/durable/step-error.ts';
import { HoldfastError } from '../../core/errors.ts';
import { limits } from '../../core/limits.ts';
import type { Payloads } from '../../core/payload.ts';
import type { MonoMs, WallMs } from '../../core/time.ts';
import type { EndOfAttempt } from '../../ports/store-runs.ts';
import type {
  EventWanted,
  StepEnd,
  StepKind,
  StepRow,
  StepWrite,
} from '../../ports/store-steps.ts';
import { failureOf } from '../failure.ts';
import { unreadableEnd } from '../unreadable.ts';
import type { StepPlan } from './step-tries.ts';

/** Where what is given goes. */
export interface Ear {
  readonly tell: (value: unknown) => void;
  readonly refuse: (error: unknown) => void;
}

/** A step that the code asks for. */
export interface StepOp {
  readonly kind: 'step';
  readonly key: string;
  readonly ear: Ear;
  readonly plan: StepPlan;
}

/** A wait that the code asks for. */
export interface WaitOp {
  readonly kind: Exclude<StepKind, 'step'>;
  readonly key: string;
  readonly ear: Ear;
  readonly wake: { readonly afterMs: number } | { readonly at: WallMs } | null;
  readonly event: EventWanted | null;
  readonly token: string | null;
  readonly askedAt: MonoMs;
  /** Gets the token of an approval, once that is kept; null from then on, and for other waits. */
  opened: Ear | null;
  /** As it is kept, if it is. */
  row: StepRow | null;
  /** A write about it is on its way. */
  writing: boolean;
}

export type Op = StepOp | WaitOp;

/** When a wait is over, in ms from now; below 0: since then. */
function remainingMs(op: WaitOp, mono: number, storeNow: number): number {
  if (op.row !== null) {
    const wakeAt = op.row.wait?.wakeAt ?? null;
    return wakeAt === null ? Number.POSITIVE_INFINITY : wakeAt - storeNow;
  }
  if (op.wake === null) return Number.POSITIVE_INFINITY;
  return 'at' in op.wake ? op.wake.at - storeNow : op.askedAt + op.wake.afterMs - mono;
}

/** The beginning of a wait, as it is written now; if it is kept already, that stands. */
export function waitWrite(op: WaitOp, mono: number): StepWrite {
  const { key, kind, event, token, wake } = op;
  const left =
    wake !== null && 'afterMs' in wake
      ? { afterMs: Math.max(0, Math.ceil(wake.afterMs - (mono - op.askedAt))) }
      : wake;
  return { does: 'wait', key, kind, wake: left, event, token };
}

/** The end of a wait whose time is over. */
function timeIsOver({ key, kind }: WaitOp): Extract<StepWrite, { does: 'end' }> {
  const sleeps = kind === 'sleep';
  const end: StepEnd = sleeps
    ? { how: 'returned', value: 'null', error: null }
    : { how: 'timed-out', value: null, error: null };
  return { does: 'end', key, kind, tries: 1, end };
}

/** What waits ask for now: writes, and when to look again; or the run can be parked. */
export interface Watch {
  readonly parks: boolean;
  readonly writes: readonly (readonly [WaitOp, StepWrite])[];
  readonly againMs: number;
}

/**
 * Ends waits whose time is over. `idle`: nothing else is under way, so the run is parked unless the
 * next time is near; else those that go on are kept, so that others can end them.
 */
export function watchOf(
  waits: Iterable<WaitOp>,
  mono: number,
  storeNow: number,
  idle: boolean,
): Watch {
  const writes: [WaitOp, StepWrite][] = [];
  const { sleepHeldMsMax } = limits;
  const open = [...waits]
    .filter(({ writing }) => !writing)
    .map((op) => ({ op, left: remainingMs(op, mono, storeNow) }))
    .sort((a, b) => a.left - b.left);
  const againMs = open.find(({ left }) => left > 0)?.left ?? Number.POSITIVE_INFINITY;
  const over = open.some(({ left }) => left <= 0);
  if (idle && !over && againMs > sleepHeldMsMax) return { parks: true, writes, againMs };
  for (const { op, left } of open) {
    const isKept = op.row !== null;
    // A wait for an event looks back, as its first deed, even if its time is over.
    if (left <= 0 && (isKept || op.event === null)) writes.push([op, timeIsOver(op)]);
    else if (!isKept && (op.event !== null || (!idle && left > sleepHeldMsMax))) {
      writes.push([op, waitWrite(op, mono)]);
    }
  }
  return { parks: false, writes, againMs };
}

/** Q1. Where what is kept cannot be read: tells nothing, and gives the end of the attempt. */
export function tell(op: Op, end: StepEnd, payloads: Payloads): EndOfAttempt | null {
  try {
    tellWhatIs(op, end, payloads);
    return null;
  } catch (error) {
    return unreadableEnd(error) ?? { how: 'failed', ...failureOf(error), chance: 0 };
  }
}

function tellWhatIs({ ear, key, kind }: Op, end: StepEnd, payloads: Payloads): void {
  const { how, value, error } = end;
  if (how === 'threw') {
    ear.refuse(new StepError(key, error ?? { code: 'attempt.failed', message: 'it failed' }));
  } else if (kind === 'approval') {
    const timedOut = { state: 'timed-out', by: null, data: null };
    ear.tell(how === 'returned' ? given(value, payloads) : timedOut);
  } else if (kind === 'sleep') {
    ear.tell(undefined);
  } else if (kind === 'event' || kind === 'signal') {
    ear.tell(how === 'returned' ? heard(value, payloads) : null);
  } else {
    ear.tell(how === 'returned' ? given(value, payloads) : null);
  }
}

const given = (value: string | null, payloads: Payloads): unknown =>
  value === null ? null : payloads.read(value);

/** Of an event or a signal, its data is what a codec wrote. */
function heard(value: string | null, payloads: Payloads): unknown {
  if (value === null) return null;
  const kept = JSON.parse(value) as { readonly data: unknown };
  return { ...kept, data: payloads.valueOf(kept.data) };
}

/** An error about what was asked within a step. */
export const nested = (what: string, around: string): HoldfastError =>
  new HoldfastError(
    'request.invalid',
    `ctx.${what} was called inside of '${around}'; steps do not nest, call it between them`,
    { details: { step: around } },
  );
