/**
 * What a node costs that has nothing to do: the statements that it sends to the server, by the
 * server's own count (`pg_stat_statements`). All contestants are idle beside each other, each on
 * a database of its own.
 */
import type { Bench, Stage } from '../bench.ts';
import { pause } from '../cases/waits.ts';
import { fromRounds, type Measure } from '../measure.ts';
import { Field, type Ground } from './field.ts';
import { type Entry, peerVersions, rosterOf } from './roster.ts';

const SLOTS = 24;
/** What happens right after opening is not idleness. */
const SETTLE_MS = 10_000;

export const postgresIdle: Bench = {
  name: 'postgres-idle',
  about: 'statements a second of an idle node',
  ...{ group: 'postgres', words: ['idle'], peers: peerVersions, run },
};

async function run(stage: Stage): Promise<readonly Measure[]> {
  const field = await Field.open(stage);
  const ms = stage.size(30_000, 10_000);
  const entries = rosterOf(stage.only, ({ side }) => side !== 'bullmq');
  const grounds = new Map<Entry, Ground>();
  for (const entry of entries) {
    const ground = await field.ground(entry);
    grounds.set(entry, ground);
    const work = { do: 'work', slots: SLOTS, style: 'latency', telling: 'counts' };
    await (await field.seat(entry, 0)).ask({ ...work, place: ground.place });
  }
  await pause(SETTLE_MS);
  const rounds = new Map<Entry, number[]>(entries.map((entry) => [entry, []]));
  for (const ground of grounds.values()) await ground.statements();
  for (let round = 1; round <= stage.size(3, 1); round += 1) {
    stage.say(`round ${round}`);
    await pause(ms);
    for (const [entry, ground] of grounds) {
      rounds.get(entry)?.push(((await ground.statements()) / ms) * 1e3);
    }
  }
  return entries.map((entry) =>
    fromRounds(
      entry,
      { name: 'statements of an idle node', unit: 'queries/s', better: 'lower' },
      rounds.get(entry) ?? [],
    ),
  );
}
