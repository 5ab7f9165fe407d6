/**
 * Owns the comparison of what left with what arrived: line by line, in the order of both.
 *
 * C1 What is at one place only, or not the same at both, is a defect and ends the move.
 */
import { createHash } from 'node:crypto';
import { HoldfastError } from '../core/errors.ts';
import { limits } from '../core/limits.ts';
import {
  type EventLine,
  eventLineOf,
  type MovedRun,
  payloadDigest,
  type RunLine,
  type StepCursor,
  type StepLine,
  stepLineOf,
} from '../store/moving.ts';
import type { Arrival } from '../store/postgres/arriving.ts';
import type { Leaving } from '../store/sqlite/leaving.ts';

const rowsMax = 5_000;
const charsMax = 8 * limits.inputBytesMax;

/** Both sides of one kind of rows: those behind a place, at most so many. */
interface Sides<Line, Place> {
  readonly what: string;
  readonly first: Place;
  readonly placeOf: (line: Line) => Place;
  /** May give fewer than there are. */
  readonly own: (after: Place, rowsMax: number) => readonly Line[];
  readonly kept: ((after: Place, rowsMax: number) => Promise<readonly Line[]>) | null;
}

/**
 * Compares both sides; gives the number of runs and the digest over all lines. Without an arrival
 * it reads the one side alone.
 */
export async function compare(
  leaving: Leaving,
  arrival: Arrival | null,
  progress: (text: string) => void,
): Promise<{ readonly runs: number; readonly digest: string }> {
  const digest = createHash('sha256');
  const add = (text: string) => void digest.update(`${text}\n`);
  const runs: Sides<RunLine, number> = {
    what: 'run',
    first: 0,
    placeOf: ([seq]) => seq,
    own: (after, max) => leaving.page(after, max, charsMax).map(runLineOf),
    kept: arrival && ((after, max) => arrival.lines(after, max)),
  };
  const steps: Sides<StepLine, StepCursor> = {
    what: 'step',
    first: [0, 0],
    placeOf: ([seq, ord]) => [seq, ord],
    own: (after, max) => leaving.steps(after, max, charsMax).map(stepLineOf),
    kept: arrival && ((after, max) => arrival.stepLines(after, max)),
  };
  const events: Sides<EventLine, number> = {
    what: 'event',
    first: 0,
    placeOf: ([n]) => n,
    own: (after, max) => leaving.events(after, max, charsMax).map(eventLineOf),
    kept: arrival && ((after, max) => arrival.eventLines(after, max)),
  };
  const count = await compareSides(runs, add, progress);
  await compareSides(steps, add, progress);
  await compareSides(events, add, progress);
  return { runs: count, digest: digest.digest('hex') };
}

async function compareSides<Line extends readonly unknown[], Place>(
  sides: Sides<Line, Place>,
  add: (text: string) => void,
  progress: (text: string) => void,
): Promise<number> {
  let after = sides.first;
  let count = 0;
  for (;;) {
    const kept = sides.kept === null ? null : await sides.kept(after, rowsMax);
    const own = ownLines(sides, after, kept === null ? rowsMax : Math.max(1, kept.length));
    const length = Math.max(own.length, kept?.length ?? 0);
    for (let at = 0; at < length; at += 1) {
      const text = JSON.stringify(own[at]);
      if (kept !== null && text !== JSON.stringify(kept[at])) {
        throw different(sides.what, own[at], kept[at]);
      }
      add(text);
    }
    const last = own.at(-1);
    if (last === undefined) return count;
    count += own.length;
    after = sides.placeOf(last);
    progress(`compared ${count} ${sides.what}s`);
  }
}

/** So many lines of the source, whatever its pages hold. */
function ownLines<Line, Place>(
  { own, placeOf }: Sides<Line, Place>,
  after: Place,
  max: number,
): readonly Line[] {
  const lines: Line[] = [];
  let from = after;
  while (lines.length < max) {
    const page = own(from, max - lines.length);
    const last = page.at(-1);
    if (last === undefined) break;
    lines.push(...page);
    from = placeOf(last);
  }
  return lines;
}

const runLineOf = ({ run, input, result }: MovedRun): RunLine => [
  run[0],
  run[1],
  run[2],
  run[12],
  run[30],
  run[13],
  run[14],
  payloadDigest(input),
  result === null ? null : payloadDigest(result),
  run[34],
];

function different(
  what: string,
  own: readonly unknown[] | undefined,
  kept: readonly unknown[] | undefined,
): HoldfastError {
  const [first, second] = own ?? kept ?? [];
  const name = what === 'run' ? `run '${second}'` : `${what} ${first} ${second}`;
  const where = own === undefined ? 'only at the new place' : 'only at the old place';
  const found = own === undefined || kept === undefined ? where : 'not the same at both places';
  const message = `${name} is ${found}; nothing was opened, and the old place is whole`;
  return new HoldfastError('internal.defect', message, { details: { own, kept } });
}
