/**
 * Owns what the durable part of an attempt does next. Pure, total, synchronous.
 *
 * D1 While something that is recorded was not asked for, nothing new is done: the code may be
 *    another than the one that did it.
 * D2 An end is given when the code has had its turn since the last one, so that parallel branches
 *    and races come out as before.
 * D3 Code that waits for something else than what is recorded has diverged, but not before its
 *    patience is over: it may be about to ask, after something of its own.
 * D4 An attempt that only waits is parked; one that is told to leave ends when nothing of it is
 *    under way, and its code is given nothing more.
 * D5 After a stop that ends the run nothing is compared any more: the code cleans up.
 */

/** How an attempt stands. */
export interface Standing {
  /** `stopping`: the run will end, and clean-up runs on. `leaving`: a later attempt goes on. */
  readonly mode: 'working' | 'stopping' | 'leaving';
  /** What is recorded is being read. */
  readonly reading: boolean;
  /** The code has had its turn since it was last given something. */
  readonly turned: boolean;
  /** It may still be about to ask for what is recorded. */
  readonly patient: boolean;
  /** The end whose turn it is: not there, not known yet, asked for by the code, or not. */
  readonly next: 'none' | 'missing' | 'asked' | 'unasked';
  /** Recorded steps that the code has not asked for. */
  readonly unasked: number;
  /** What the code asks for and was not begun. */
  readonly held: number;
  /** Approvals whose token is on its way. */
  readonly opening: number;
  /** Steps under way. */
  readonly steps: number;
  /** Something is on its way to the store. */
  readonly writing: boolean;
  /** Waits that the code waits for. */
  readonly waits: number;
  /** Everything that the code asked for and was not given. */
  readonly open: number;
}

/**
 * `give` the next end, `read` what others ended, `begin` what is held, `be-patient`, `diverge`,
 * `watch` the waits beside what is under way, `park`, `leave`, or `rest` until something happens.
 */
export type Move =
  | 'rest'
  | 'give'
  | 'read'
  | 'begin'
  | 'be-patient'
  | 'diverge'
  | 'watch'
  | 'park'
  | 'leave';

/** Whether the code has been given everything that is kept, by what is to be done then. */
export const isCaughtUp = (move: Move): boolean =>
  move === 'begin' || move === 'watch' || move === 'park' || move === 'diverge';

/** What is to be done. The same arguments give the same answer. */
export function moveOf(standing: Standing): Move {
  if (standing.mode === 'leaving') return leaving(standing);
  if (standing.reading) return 'rest';
  switch (standing.mode) {
    case 'stopping':
      return giving(standing) ?? (standing.held > 0 ? 'begin' : 'rest');
    case 'working':
      return giving(standing) ?? working(standing);
  }
}

function leaving({ turned, steps, writing, open }: Standing): Move {
  return turned && steps === 0 && !writing && open > 0 ? 'leave' : 'rest';
}

/** Y1, D2: null when no end can be given. */
function giving({ next, turned, opening }: Standing): Move | null {
  if (next === 'missing') return 'read';
  if (next !== 'asked') return null;
  if (!turned) return 'rest';
  // A token that was never kept is asked for anew before the end is given: else neither ever is.
  return opening === 0 ? 'give' : null;
}

function working(standing: Standing): Move {
  const { next, unasked, held, turned, patient, steps, writing, opening, waits } = standing;
  if (next === 'unasked' || unasked > 0) {
    if (!turned || held + waits === 0) return 'rest';
    return patient ? 'be-patient' : 'diverge';
  }
  if (held > 0) return 'begin';
  if (waits === 0 || !turned) return 'rest';
  return steps === 0 && !writing && opening === 0 ? 'park' : 'watch';
}
