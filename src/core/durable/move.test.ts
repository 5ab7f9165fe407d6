import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type Move, moveOf, type Standing } from './move.ts';

const count = fc.integer({ min: 0, max: 3 });
const standing: fc.Arbitrary<Standing> = fc.record({
  mode: fc.constantFrom('working', 'stopping', 'leaving'),
  reading: fc.boolean(),
  turned: fc.boolean(),
  patient: fc.boolean(),
  next: fc.constantFrom('none', 'missing', 'asked', 'unasked'),
  unasked: count,
  held: count,
  opening: count,
  steps: count,
  writing: fc.boolean(),
  waits: count,
  open: count,
});

/** Whenever a move is made, this held. */
function whenever(moves: readonly Move[], check: (at: Standing) => boolean): void {
  fc.assert(
    fc.property(standing, (at) => !moves.includes(moveOf(at)) || check(at)),
    { numRuns: 5_000 },
  );
}

/** Whenever this holds, one of these moves is made. */
function then(moves: readonly Move[], when: (at: Standing) => boolean): void {
  fc.assert(
    fc.property(standing, (at) => !when(at) || moves.includes(moveOf(at))),
    { numRuns: 5_000 },
  );
}

const isBehind = ({ next, unasked }: Standing): boolean => next === 'unasked' || unasked > 0;

describe('moveOf', () => {
  it('answers, and the same for the same', () => {
    fc.assert(fc.property(standing, (at) => moveOf(at) === moveOf({ ...at })));
  });

  it('D1: begins nothing while something recorded was not asked for, but for a clean-up', () => {
    whenever(['begin'], (at) => at.mode === 'stopping' || !isBehind(at));
  });

  it('D2: gives an end only after the code has had its turn, and tokens before', () => {
    whenever(['give'], ({ turned, opening, next }) => turned && opening === 0 && next === 'asked');
  });

  it('D2: a token that is not kept yet is begun before an end that waits for it', () => {
    then(['begin'], (at) => {
      const { mode, next, reading, turned, opening, held } = at;
      const waits = mode === 'working' && next === 'asked' && !reading && turned && opening > 0;
      return waits && held > 0 && !isBehind(at);
    });
  });

  it('D2: an end that is not known is read before anything else is given or begun', () => {
    then(['read', 'rest', 'leave'], ({ next }) => next === 'missing');
  });

  it('D3: diverges only when the code waits, has had its turn and its patience', () => {
    whenever(
      ['diverge'],
      (at) => isBehind(at) && at.turned && !at.patient && at.held + at.waits > 0,
    );
    then(['be-patient', 'diverge'], (at) => {
      const waits = at.held + at.waits > 0 && at.turned && !at.reading;
      return (
        at.mode === 'working' && isBehind(at) && waits && ['none', 'unasked'].includes(at.next)
      );
    });
  });

  it('D4: parks only when nothing is left but waits', () => {
    whenever(['park'], (at) => {
      const nothing = at.steps + at.held + at.opening + at.unasked === 0 && !at.writing;
      return at.mode === 'working' && at.waits > 0 && nothing && at.turned && at.next === 'none';
    });
  });

  it('D4: leaves only when nothing is under way, and gives nothing before', () => {
    whenever(['leave'], (at) => at.mode === 'leaving' && at.steps === 0 && !at.writing);
    then(['leave', 'rest'], ({ mode }) => mode === 'leaving');
  });

  it('D5: compares and parks nothing while the run is stopping', () => {
    whenever(['diverge', 'be-patient', 'park', 'watch'], ({ mode }) => mode === 'working');
  });

  it('never rests while it could give, begin or park', () => {
    then(['give', 'begin', 'park', 'watch', 'read'], (at) => {
      const free = at.mode === 'working' && at.turned && !at.reading && at.opening === 0;
      return free && !isBehind(at) && (at.next !== 'none' || at.held + at.waits > 0);
    });
  });
});
