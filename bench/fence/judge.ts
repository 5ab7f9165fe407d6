/**
 * Owns what a recorded round means, and what several of them mean together. Pure.
 *
 * J1 The store decides, not the words of a process: the stale owner won if the job's result is its
 *    own, or if the job was over while the next owner was still running it.
 * J2 A round in which the stale owner never tried, or the next one began too early, proves nothing
 *    and is a defect of the test.
 */
import { type History, type Moment, STALE } from './history.ts';

/** From the best to the worst. */
export const verdicts = ['refused', 'no recovery', 'result lost', 'stale owner won'] as const;
export type Verdict = (typeof verdicts)[number];

export interface Judgement {
  readonly verdict: Verdict;
  /** Who gave the job to the next owner: the system by itself, or an operator. */
  readonly recovery: 'own' | 'forced' | 'none';
  /** From the freeze to the beginning of the next execution. */
  readonly takeoverMs: number | null;
  readonly why: string;
}

/** What became of the stale owner's late result. */
export function judge({ moments }: History): Judgement {
  const frozen = indexOf(moments, ({ what }) => what === 'frozen');
  const heir = indexOf(moments, (one) => one.what === 'begun' && one.actor === 'B');
  if (frozen < 0) throw new Error('the round has no freeze');
  if (heir >= 0 && heir < frozen) throw new Error('the next owner began before the freeze');
  const forced = moments.some(({ what }) => what === 'unlocked');
  if (heir < 0) {
    const why = 'nobody took over the job of the frozen owner';
    return { verdict: 'no recovery', recovery: 'none', takeoverMs: null, why };
  }
  if (!moments.some((one) => one.what === 'returned' && one.actor === 'A')) {
    throw new Error('the stale owner did not try');
  }
  return {
    ...ending(moments, heir),
    recovery: forced ? 'forced' : 'own',
    takeoverMs: (moments[heir]?.atMs ?? 0) - (moments[frozen]?.atMs ?? 0),
  };
}

/** J1. */
function ending(
  moments: readonly Moment[],
  heir: number,
): { readonly verdict: Verdict; readonly why: string } {
  const back = indexOf(moments, (one) => one.what === 'returned' && one.actor === 'B');
  const whileRunning = moments.slice(heir, back < 0 ? undefined : back).find(isOver);
  const last = moments.findLast(({ what }) => what === 'seen');
  if (last?.what !== 'seen') throw new Error('nobody looked at the job');
  if (whileRunning?.what === 'seen') {
    const result = whileRunning.by === null ? 'no result' : `the result of ${whileRunning.by}`;
    const over = whileRunning.state === 'gone' ? 'deleted as done' : whileRunning.state;
    const why = `the job was over (${over}), with ${result}, while B was still running it`;
    return { verdict: 'stale owner won', why };
  }
  if (last.by === STALE) {
    return { verdict: 'stale owner won', why: `the job's result is that of ${STALE}` };
  }
  if (back < 0) throw new Error('the next owner did not return');
  if (!isOver(last) || last.state === 'failed') {
    const why = `the job is ${last.state} after the next owner returned`;
    return { verdict: 'result lost', why };
  }
  const why = last.by === null ? 'the job ended with B' : `the job's result is that of ${last.by}`;
  return { verdict: 'refused', why };
}

function isOver(moment: Moment): boolean {
  if (moment.what !== 'seen') return false;
  return moment.state !== 'waiting' && moment.state !== 'running';
}

/** Several rounds of one system. */
export interface Standing {
  /** The worst of all rounds. */
  readonly verdict: Verdict;
  /** In so many of them. */
  readonly count: number;
  readonly rounds: number;
  readonly why: string;
}

/** The worst that happened, and how often; undefined without rounds. */
export function standingOf(judgements: readonly Judgement[]): Standing | undefined {
  const rank = ({ verdict }: Judgement): number => verdicts.indexOf(verdict);
  const worst = judgements.toSorted((a, b) => rank(b) - rank(a)).at(0);
  if (worst === undefined) return undefined;
  const { verdict, why } = worst;
  const count = judgements.filter((one) => one.verdict === verdict).length;
  return { verdict, count, rounds: judgements.length, why };
}

function indexOf(moments: readonly Moment[], fits: (moment: Moment) => boolean): number {
  return moments.findIndex(fits);
}
