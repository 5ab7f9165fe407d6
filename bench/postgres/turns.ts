/**
 * Owns the order of play: round after round, every contestant in turn, so that all of them meet the
 * machine's moods.
 *
 * O1 A peer that fails is left out from then on, with a word, and has no figures: it must not cost
 *    the half hour of all others. When ours fails, the part fails.
 */
import type { Stage } from '../bench.ts';
import type { Entry } from './roster.ts';

/** What everybody who came through played, a value for each round. */
export async function takeTurns<Round>(
  stage: Stage,
  entries: readonly Entry[],
  count: number,
  play: (entry: Entry, round: number) => Promise<Round>,
): Promise<ReadonlyMap<Entry, readonly Round[]>> {
  const played = new Map<Entry, Round[]>(entries.map((entry) => [entry, []]));
  for (let round = 1; round <= count; round += 1) {
    for (const [entry, rounds] of [...played]) {
      try {
        rounds.push(await play(entry, round));
      } catch (error) {
        if (entry.side === 'ours') throw error;
        const why = error instanceof Error ? error.message : String(error);
        stage.say(`${entry.title} failed and is left out: ${why}`);
        played.delete(entry);
      }
    }
  }
  return played;
}
