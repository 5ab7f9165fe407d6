/**
 * Owns the guards of calls and of their line protocol that the mutation gate takes out.
 */
import type { Mutant } from './mutants.ts';

const board = 'src/engine/calls/switchboard.ts';
const places = 'src/engine/calls/places.ts';

/** Each with the stage that is likely to notice. */
export const callMutants: readonly Mutant[] = [
  {
    name: 'calls: duplicates first',
    guards: 'a duplicate is found before anything else is asked',
    stage: 'calls',
    file: board,
    from: 'if (duplicate !== null) return',
    to: 'if (duplicate !== null && now < 0) return',
  },
  {
    name: 'calls: lane after settling',
    guards: 'G4: a lane is free when its call was answered and its code has settled',
    stage: 'calls',
    file: 'src/core/call/transition.ts',
    from: '{ answer: kind, signal: true, lingers: true }',
    to: '{ answer: kind, signal: true, freeSlot: true, freePlaces: true }',
  },
  {
    name: 'calls: quarantine',
    guards: 'nobody new waits behind code that does not end',
    stage: 'calls',
    file: places,
    from: 'this.#lanes.get(wanted.lane)?.quarantined === true',
    to: 'wanted.laneWidth < 0',
  },
  {
    name: 'calls: places of who never began',
    guards: 'G6: a slot that was given and not used comes back',
    stage: 'calls',
    file: places,
    from: '      this.#busy -= 1;\n      return;',
    to: '      return;',
  },
  {
    name: 'calls: refusals leave no trace',
    guards: 'an id that was rejected can be used again',
    stage: 'calls',
    file: board,
    from: "if (kind !== 'rejected') this.#tombstones",
    to: 'this.#tombstones',
  },
  {
    name: 'calls: access',
    guards: 'a caller without the bits of access is refused',
    stage: 'calls',
    file: board,
    from: '(access & needed) !== needed',
    to: 'access < 0',
  },
  {
    name: 'calls: resolvers fail closed',
    guards: 'nothing is executed without what a resolver has to add',
    stage: 'calls',
    file: 'src/engine/calls/interceptors.ts',
    from: "throw refused(name, 'failed', cause);",
    to: 'continue;',
  },
  {
    name: 'calls: code that interceptors left',
    guards: 'G4: what stands around the code does not free its lane',
    stage: 'calls',
    file: 'src/engine/calls/call-code.ts',
    from: "call.work = 'within';",
    to: '',
  },
  {
    name: 'calls: concurrency of what is replaced',
    guards: 'G6: two functions in one place count together',
    stage: 'calls',
    file: 'src/runtime/calls/call-target.ts',
    from: 'before?.gate ?? new Gate(name, width)',
    to: 'new Gate(name, width)',
  },
  {
    name: 'calls: rate',
    guards: 'G6: a tenant calls no more often than the function lets it',
    stage: 'calls',
    file: board,
    from: 'if (!taken.ok) return rateError(',
    to: 'if (!taken.ok && place === null) return rateError(',
  },
  {
    name: 'calls: lines are left once',
    guards: 'G6: what is refused behind a late check gives back what it took, and no more',
    stage: 'calls',
    file: places,
    from: '      call.tenant = null;\n      call.lane = null;\n',
    to: '',
  },
  {
    name: 'calls: time of code after its answer',
    guards: 'G5: code that goes on after an early answer is told to stop at the deadline',
    stage: 'calls',
    file: board,
    from: '        call.abort(deadlineError(call.target));\n',
    to: '',
  },
  {
    name: 'stdio: body behind a long header',
    guards: 'nothing in a body is obeyed, whatever its header was',
    stage: 'calls',
    file: 'src/stdio/frame-parser.ts',
    from: ' `)) this.#open = nobody;',
    to: ' `)) return;',
  },
  {
    name: 'stdio: uid under way',
    guards: 'G2: nothing is written for a line with the uid of a call under way',
    stage: 'calls',
    file: 'src/stdio/session.ts',
    from: 'if (this.#live.has(uid)) this.#duplicate(uid);',
    to: 'if (uid === this.toString()) this.#duplicate(uid);',
  },
  {
    name: 'stdio: frame guard',
    guards: 'a result never ends its own frame',
    stage: 'calls',
    file: 'src/stdio/frames.ts',
    from: 'if (before < 0 || bytes[before] === lf) return true;',
    to: 'if (before < -1) return true;',
  },
  {
    name: 'stdio: strict bodies',
    guards: 'nothing in a body is obeyed',
    stage: 'calls',
    file: 'src/stdio/frame-parser.ts',
    from: 'if (!this.#compat) return false;',
    to: '',
  },
];
