/**
 * Owns the passing of time in a schema in which nobody beats: the judge's clock is moved as the
 * heartbeats of a node would move it that is always about, but owns nothing and stands in no row.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { JudgeSight } from '../../src/store/judge-clock.ts';
import { systemClock } from '../../src/system/clock.ts';

type Query = (text: string, values?: readonly unknown[]) => Promise<Record<string, unknown>[]>;

/** At the least between two of these beats. */
const beatMs = 25;

/** Each call lets a moment pass. `s` is the quoted schema. */
export function othersBeat(query: Query, s: string): () => Promise<void> {
  const clock = systemClock();
  const sight = new JudgeSight();
  let lastAt = clock.mono();
  return async () => {
    await turn();
    const now = clock.mono();
    if (now - lastAt < beatMs) return;
    lastAt = now;
    const least = sight.least(now);
    if (least !== null) await query(`select ${s}.judge_on($1)`, [least.judge]);
    const [row] = await query(`select ${s}.judge() as judge`);
    sight.answered({ judge: Number(row?.judge), epoch: 0 }, clock.mono());
  };
}
