/** A walk over every state and every event of a call. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { CallState } from './call.ts';
import * as states from './call.ts';
import { type CallEvent, callEvents } from './event.ts';
import { transition } from './transition.ts';

const events: readonly CallEvent[] = Object.values(callEvents);

const all: readonly CallState[] = [
  ...[states.queued, states.running, states.runningStopping],
  ...[states.awaiting, states.awaitingStopping],
  ...Object.values(states.doneStates).flatMap(({ settled, lingering }) => [settled, lingering]),
];

const rules = { cancelQueued: true };

const shown = (state: CallState): string => {
  if (state.status === 'done') return `${state.kind}${state.lingering ? ', lingering' : ''}`;
  return 'stopping' in state && state.stopping ? `${state.status}, stopping` : state.status;
};

/** What each event does, in one line: the state after it, and its effects. */
function told(state: CallState, event: CallEvent, cancelQueued = true): string {
  const step = transition(state, { cancelQueued }, event);
  if (!step.ok) return step.why;
  const { answer, ...flags } = step.effects;
  const words = Object.entries(flags).filter(([, on]) => on);
  const effects = [...(answer === null ? [] : [`answer ${answer}`]), ...words.map(([one]) => one)];
  return `${shown(step.next)}: ${effects.join(' ')}`.replace(/: $/, '');
}

const table: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  queued: {
    start: 'running',
    reject: 'rejected: answer rejected leave freePlaces',
    cancel: 'cancelled: answer cancelled leave freePlaces',
    'deadline-passed': 'timed-out: answer timed-out leave freePlaces',
    'give-up': 'cancelled: answer cancelled leave freePlaces',
  },
  running: {
    returned: 'succeeded: answer succeeded freeSlot freePlaces',
    threw: 'failed: answer failed freeSlot freePlaces',
    deferred: 'awaiting-result: freeSlot',
    'answer succeeded': 'succeeded, lingering: answer succeeded',
    'answer failed': 'failed, lingering: answer failed',
    cancel: 'running, stopping: signal grace',
    'deadline-passed': 'timed-out, lingering: answer timed-out signal lingers',
    'give-up': 'cancelled, lingering: answer cancelled signal lingers',
  },
  'running, stopping': {
    returned: 'succeeded: answer succeeded freeSlot freePlaces',
    threw: 'cancelled: answer cancelled freeSlot freePlaces',
    deferred: 'awaiting-result, stopping: freeSlot',
    'answer succeeded': 'succeeded, lingering: answer succeeded',
    'answer failed': 'failed, lingering: answer failed',
    cancel: 'running, stopping',
    'grace-over': 'cancelled, lingering: answer cancelled signal lingers',
    'deadline-passed': 'cancelled, lingering: answer cancelled signal lingers',
    'give-up': 'cancelled, lingering: answer cancelled signal lingers',
  },
  'awaiting-result': {
    'answer succeeded': 'succeeded: answer succeeded freePlaces',
    'answer failed': 'failed: answer failed freePlaces',
    cancel: 'awaiting-result, stopping: signal grace',
    'deadline-passed': 'timed-out: answer timed-out signal freePlaces',
    'give-up': 'cancelled: answer cancelled signal freePlaces',
  },
  'awaiting-result, stopping': {
    'answer succeeded': 'succeeded: answer succeeded freePlaces',
    'answer failed': 'failed: answer failed freePlaces',
    cancel: 'awaiting-result, stopping',
    'grace-over': 'cancelled: answer cancelled signal freePlaces',
    'deadline-passed': 'cancelled: answer cancelled signal freePlaces',
    'give-up': 'cancelled: answer cancelled signal freePlaces',
  },
};

const nameOf = (event: CallEvent): string =>
  event.type === 'answer' ? `answer ${event.kind}` : event.type;

describe('what happens to a call', () => {
  for (const state of all.filter(({ status }) => status !== 'done')) {
    it(`while it is ${shown(state)} is as the table says`, () => {
      for (const event of events) {
        const expected = table[shown(state)]?.[nameOf(event)] ?? 'illegal';
        assert.equal(told(state, event), expected, nameOf(event));
      }
    });
  }

  it('while it waits leaves it alone if it may not be cancelled', () => {
    assert.equal(told(states.queued, { type: 'cancel' }, false), 'kept');
  });

  it('after its answer changes nothing but that its code settles (X1)', () => {
    for (const state of all) {
      if (state.status !== 'done') continue;
      for (const event of events) {
        const step = transition(state, rules, event);
        if (!step.ok) continue;
        assert.ok(step.next.status === 'done' && step.next.kind === state.kind);
        assert.equal(step.effects.answer, null);
        const settles = ['returned', 'threw', 'deferred'].includes(event.type);
        assert.equal(step.next.lingering, state.lingering && !settles);
      }
    }
  });

  it('is decided without making anything: the same steps are the same objects (X4)', () => {
    for (const state of all) {
      for (const event of events) {
        assert.equal(transition(state, rules, event), transition(state, rules, event));
      }
    }
  });
});

describe('any order of events', () => {
  it('gives one answer, frees the slot and the places once, and never before the answer', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...events), { maxLength: 30 }), (given) => {
        let state: CallState = states.queued;
        let [answers, slots, places, starts] = [0, 0, 0, 0];
        for (const event of given) {
          const step = transition(state, rules, event);
          if (!step.ok) continue;
          state = step.next;
          if (step.effects.answer !== null) answers += 1;
          if (event.type === 'start') starts += 1;
          if (step.effects.freeSlot) slots += 1;
          if (step.effects.freePlaces) {
            places += 1;
            assert.equal(answers, 1);
          }
        }
        assert.ok(answers <= 1 && slots <= starts && places <= 1);
        assert.equal(answers === 1, state.status === 'done');
        if (state.status === 'done') assert.equal(places === 1, !state.lingering);
      }),
    );
  });
});
