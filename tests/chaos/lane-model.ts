/**
 * Owns the sequential lane: a queue whose first `width` runs without an end may execute.
 *
 * A run is known by the number that the store gave it when it was accepted. That number is the
 * order of acceptance, so it may not run against real time either: a start that resolved before
 * another one was called has the smaller number.
 *
 * N1 (G4) Runs are accepted in the order of their numbers.
 * N2 (G4) An attempt begins only while fewer than `width` of those accepted before have no outcome.
 *    Retries, hand-backs and crashes keep the place.
 * N3 Nothing begins before it is accepted, or after it has its outcome.
 */
import type { Model } from './linearizability.ts';

/** One operation on a lane, by the number of its run. */
export interface LaneOp {
  readonly do: 'accept' | 'begin' | 'finish';
  readonly seq: number;
}

/** Runs without an outcome, in the order of acceptance, and the greatest number so far. */
export interface LaneState {
  readonly last: number;
  readonly open: readonly number[];
}

/** The model of one lane. */
export function laneModel(width: number): Model<LaneState, LaneOp> {
  return {
    init: { last: 0, open: [] },
    step: (state, op) => step(state, op, width),
    key: ({ last, open }) => `${last}:${open.join()}`,
  };
}

function step(state: LaneState, op: LaneOp, width: number): readonly LaneState[] {
  const { last, open } = state;
  if (op.do === 'accept') {
    return op.seq > last ? [{ last: op.seq, open: [...open, op.seq] }] : [];
  }
  const place = open.indexOf(op.seq);
  if (place < 0) return [];
  if (op.do === 'begin') return place < width ? [state] : [];
  return [{ last, open: open.toSpliced(place, 1) }];
}
