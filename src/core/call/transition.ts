/**
 * Owns the one function that decides what an event does to a call. Pure, total, synchronous.
 *
 * Nothing here depends on the time: whoever keeps the time says that it has come.
 *
 * X1 `done` never changes again, except that its lingering code settles. So there is one answer.
 * X2 Places are free when the call was answered and its code has settled, whichever comes last.
 * X3 The code's own answer wins over a stop for as long as nothing was answered in its place; what
 *    it throws after the signal is the stop obeyed.
 * X4 Every step exists once: a decision allocates nothing.
 */
import { assertNever } from '../errors.ts';
import type { OutcomeKind } from '../outcome.ts';
import {
  type AwaitingCall,
  awaiting,
  awaitingStopping,
  type CallState,
  type DoneCall,
  doneStates,
  type GivenKind,
  type OwnKind,
  type QueuedCall,
  type RunningCall,
  running,
  runningStopping,
} from './call.ts';
import type { CallEffects, CallEvent, CallRules, CallStep } from './event.ts';

const none: CallEffects = {
  answer: null,
  signal: false,
  grace: false,
  leave: false,
  freeSlot: false,
  freePlaces: false,
  lingers: false,
  late: false,
};

const step = (next: CallState, effects: Partial<CallEffects> = {}): CallStep => ({
  ok: true,
  next,
  effects: { ...none, ...effects },
});

const illegal: CallStep = { ok: false, why: 'illegal' };
const kept: CallStep = { ok: false, why: 'kept' };

const begun = step(running);
const askedToStop = {
  running: step(runningStopping, { signal: true, grace: true }),
  awaiting: step(awaitingStopping, { signal: true, grace: true }),
};
const stoppingStill = { running: step(runningStopping), awaiting: step(awaitingStopping) };
const deferred = {
  going: step(awaiting, { freeSlot: true }),
  stopping: step(awaitingStopping, { freeSlot: true }),
};

/** One step for each outcome. */
const byKind = <Kind extends OutcomeKind>(
  kinds: readonly Kind[],
  make: (kind: Kind) => CallStep,
): Readonly<Record<Kind, CallStep>> =>
  Object.fromEntries(kinds.map((kind) => [kind, make(kind)])) as Record<Kind, CallStep>;

const own: readonly OwnKind[] = ['succeeded', 'failed'];
const given: readonly GivenKind[] = ['cancelled', 'timed-out', 'rejected'];

/** Nothing of it was executed. */
const fromQueue = byKind(given, (kind) =>
  step(doneStates[kind].settled, { answer: kind, leave: true, freePlaces: true }),
);
/** The code answers by settling. */
const settledWith = byKind([...own, 'cancelled'], (kind) =>
  step(doneStates[kind].settled, { answer: kind, freeSlot: true, freePlaces: true }),
);
/** `later` answers while the code goes on, which is as it should be. */
const answeredEarly = byKind(own, (kind) => step(doneStates[kind].lingering, { answer: kind }));
/** It is answered in its code's place, which goes on. */
const overtaken = byKind(given, (kind) =>
  step(doneStates[kind].lingering, { answer: kind, signal: true, lingers: true }),
);
/** The code has settled before. */
const answeredLater = byKind(own, (kind) =>
  step(doneStates[kind].settled, { answer: kind, freePlaces: true }),
);
const givenLater = byKind(given, (kind) =>
  step(doneStates[kind].settled, { answer: kind, signal: true, freePlaces: true }),
);
const settledAtLast = byKind([...own, ...given], (kind) => {
  const { settled } = doneStates[kind];
  return step(settled, { freeSlot: true, freePlaces: true, late: !settled.own });
});
/** The same, of code that gave no result. */
const leftAtLast = byKind([...own, ...given], (kind) =>
  step(doneStates[kind].settled, { freeSlot: true, freePlaces: true }),
);
const unchanged = {
  settled: byKind([...own, ...given], (kind) => step(doneStates[kind].settled)),
  lingering: byKind([...own, ...given], (kind) => step(doneStates[kind].lingering)),
};
const dropped = {
  settled: byKind([...own, ...given], (kind) => step(doneStates[kind].settled, { late: true })),
  lingering: byKind([...own, ...given], (kind) => step(doneStates[kind].lingering, { late: true })),
};

/** What `event` does to `call` under `rules`. The same arguments give the same answer. */
export function transition(call: CallState, rules: CallRules, event: CallEvent): CallStep {
  switch (call.status) {
    case 'queued':
      return onQueued(call, rules, event);
    case 'running':
      return onRunning(call, event);
    case 'awaiting-result':
      return onAwaiting(call, event);
    case 'done':
      return onDone(call, event);
    default:
      return assertNever(call);
  }
}

function onQueued(_: QueuedCall, { cancelQueued }: CallRules, event: CallEvent): CallStep {
  switch (event.type) {
    case 'start':
      return begun;
    case 'reject':
      return fromQueue.rejected;
    case 'cancel':
      return cancelQueued ? fromQueue.cancelled : kept;
    case 'deadline-passed':
      return fromQueue['timed-out'];
    case 'give-up':
      return fromQueue.cancelled;
    case 'returned':
    case 'threw':
    case 'deferred':
    case 'answer':
    case 'grace-over':
      return illegal;
    default:
      return assertNever(event);
  }
}

function onRunning({ stopping }: RunningCall, event: CallEvent): CallStep {
  switch (event.type) {
    case 'returned':
      return settledWith.succeeded;
    case 'threw':
      return stopping ? settledWith.cancelled : settledWith.failed;
    case 'deferred':
      return stopping ? deferred.stopping : deferred.going;
    case 'answer':
      return answeredEarly[event.kind];
    case 'cancel':
      return stopping ? stoppingStill.running : askedToStop.running;
    case 'grace-over':
      return stopping ? overtaken.cancelled : illegal;
    case 'deadline-passed':
      return stopping ? overtaken.cancelled : overtaken['timed-out'];
    case 'give-up':
      return overtaken.cancelled;
    case 'start':
    case 'reject':
      return illegal;
    default:
      return assertNever(event);
  }
}

function onAwaiting({ stopping }: AwaitingCall, event: CallEvent): CallStep {
  switch (event.type) {
    case 'answer':
      return answeredLater[event.kind];
    case 'cancel':
      return stopping ? stoppingStill.awaiting : askedToStop.awaiting;
    case 'grace-over':
      return stopping ? givenLater.cancelled : illegal;
    case 'deadline-passed':
      return stopping ? givenLater.cancelled : givenLater['timed-out'];
    case 'give-up':
      return givenLater.cancelled;
    case 'start':
    case 'reject':
    case 'returned':
    case 'threw':
    case 'deferred':
      return illegal;
    default:
      return assertNever(event);
  }
}

/** A call is never `lost`: whoever would have to say so is gone with it. */
function onDone({ kind, lingering }: DoneCall, event: CallEvent): CallStep {
  if (kind === 'lost') return illegal;
  switch (event.type) {
    case 'returned':
    case 'threw':
      return lingering ? settledAtLast[kind] : illegal;
    case 'deferred':
      return lingering ? leftAtLast[kind] : illegal;
    case 'answer':
      return dropped[lingering ? 'lingering' : 'settled'][kind];
    case 'cancel':
    case 'grace-over':
    case 'deadline-passed':
    case 'give-up':
      return unchanged[lingering ? 'lingering' : 'settled'][kind];
    case 'start':
    case 'reject':
      return illegal;
    default:
      return assertNever(event);
  }
}
