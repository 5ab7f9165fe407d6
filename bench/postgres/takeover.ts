/**
 * B4. How long work stands still when a process that does it is killed under load. Two processes
 * with 16 slots each share 80 jobs a second that take 200 ms each; the one that holds more of them
 * gets a SIGKILL, at a random moment of its heartbeat. Measured is the time from the signal to the
 * first line of the handler of the first and of the last job that it held, in the other process.
 *
 * K1 Near: both are processes of one host. Far: each looks as if it ran on a host of its own, so
 *    that only its lease can prove its death. Peers do not tell the two apart; theirs is the same
 *    figure.
 * K2 Doubled is a job that began once more than it had to. A job that the dead process held had to
 *    begin again, and so had one whose outcome may have died with it, told done in its last
 *    moments.
 * K3 Leaked is a job that counts as running when all are done.
 * K4 graphile-worker frees the jobs of a dead worker after four hours (sooner in its paid edition),
 *    DBOS when its paid Conductor or an operator asks for it. They are not measured.
 */
import { type Bench, numberOf, type Stage } from '../bench.ts';
import { verify } from '../case.ts';
import type { CaseProcess } from '../case-process.ts';
import { hostMs, pause } from '../cases/waits.ts';
import { fromRounds, type Measure, type Metric } from '../measure.ts';
import { median } from '../spread.ts';
import type { Place } from './contestant.ts';
import { Field } from './field.ts';
import { Lives } from './lives.ts';
import { type Entry, peerVersions, rosterOf } from './roster.ts';
import { takeTurns } from './turns.ts';

const SLOTS = 16;
const HOLD_MS = 200;
const PER_SECOND = 80;
const WARM_UP_MS = 2_000;
const PHASE_MS = 3_000;
/** Words of a process that is dead by now may still be on their way. */
const LAST_WORDS_MS = 100;
const WAIT_MS_MAX = 90_000;
const RECOVERS = ['ours', 'pg-boss', 'bullmq', 'bullmq-postgres'];

export const postgresTakeover: Bench = {
  name: 'postgres-takeover',
  about: 'SIGKILL of a process under load: time to the restart of its runs in another',
  ...{ group: 'postgres', words: ['b4', 'takeover'], peers: peerVersions, run },
};

interface Taken {
  readonly firstMs: number;
  readonly lastMs: number;
  readonly doubled: number;
  readonly leaked: number;
}

const distances = ['near', 'far'] as const;
type Distance = (typeof distances)[number];

async function run(stage: Stage): Promise<readonly Measure[]> {
  const field = await Field.open(stage);
  const entries = rosterOf(
    stage.only,
    ({ side, durability }) => RECOVERS.includes(side) && durability === 'full',
  );
  const played = await takeTurns(stage, entries, 1, async (entry) => {
    const ours = entry.side === 'ours';
    const near = await kills(field, entry, 'near', stage.size(ours ? 10 : 3, ours ? 3 : 1));
    const far = ours ? await kills(field, entry, 'far', stage.size(5, 1)) : near;
    return measuresOf(entry, near, far);
  });
  return [...played.values()].flat(2);
}

async function kills(field: Field, entry: Entry, distance: Distance, samples: number) {
  const taken: Taken[] = [];
  for (let sample = 1; sample <= samples; sample += 1) {
    const one = await killOne(field, entry, distance === 'far');
    taken.push(one);
    const { firstMs, lastMs, doubled, leaked } = one;
    const [first, last] = [Math.round(firstMs), Math.round(lastMs)];
    field.stage.say(
      `${entry.title}, ${distance}, kill ${sample} of ${samples}: ${first} to ${last} ms, ` +
        `${doubled} doubled, ${leaked} leaked`,
    );
  }
  return taken;
}

async function killOne(field: Field, entry: Entry, far: boolean): Promise<Taken> {
  const ground = await field.ground(entry);
  const { place } = ground;
  const starter = await field.seat(entry, 0);
  const workers = [await field.stranger(entry), await field.stranger(entry)] as const;
  const lives = new Lives(workers);
  const work = { do: 'work', place, slots: SLOTS, style: 'takeover', telling: 'lives' };
  for (const worker of workers) await worker.ask({ ...work, holdMs: HOLD_MS, far });
  await starter.ask({ do: 'produce', place, style: 'takeover' });
  const stream = { tenant: 'default', perSecond: PER_SECOND, burstMs: 10 };
  await starter.ask({ do: 'load', streams: [stream] });
  await pause(WARM_UP_MS + Math.random() * PHASE_MS);

  const [one, two] = workers;
  const [victim, heir] = lives.held(one).length >= lives.held(two).length ? [one, two] : [two, one];
  const killedAtMs = hostMs();
  await victim.kill('SIGKILL');
  await pause(LAST_WORDS_MS);
  const orphans = lives.held(victim);
  verify(orphans.length > 0, 'the dead process held jobs');
  await within(lives.until(() => lives.began(heir, orphans, killedAtMs).length === orphans.length));
  const after = lives.began(heir, orphans, killedAtMs).map((beganMs) => beganMs - killedAtMs);

  const sent = numberOf(await starter.ask({ do: 'unload' }), 'sent');
  await starter.ask({ do: 'produced' });
  await within(lives.until(() => lives.ended >= sent));
  const leaked = await left(heir, place);
  await heir.close();
  await ground.drop();
  return {
    ...{ firstMs: Math.min(...after), lastMs: Math.max(...after), leaked },
    doubled: lives.doubled(victim, killedAtMs),
  };
}

/** Jobs that count as running when all have ended and had a second to be written down. */
async function left(seat: CaseProcess, place: Place): Promise<number> {
  const givesUpAt = hostMs() + 1_000;
  for (;;) {
    const survey = await seat.ask({ do: 'survey', place });
    const active = numberOf(survey, 'active');
    if (active === 0 || hostMs() > givesUpAt) return active;
  }
}

function within(wait: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error(`no takeover within ${WAIT_MS_MAX} ms`));
    const deadline = setTimeout(late, WAIT_MS_MAX);
    wait.then(() => {
      clearTimeout(deadline);
      resolve();
    }, reject);
  });
}

function measuresOf(
  entry: Entry,
  near: readonly Taken[],
  far: readonly Taken[],
): readonly Measure[] {
  const figure = (name: string, unit: string, rounds: readonly number[], value: number) => {
    const metric: Metric = { name, unit, better: 'lower' };
    return { ...fromRounds(entry, metric, rounds), value: Math.round(value) };
  };
  const sum = (values: readonly number[]) => values.reduce((all, one) => all + one, 0);
  return distances.flatMap((distance) => {
    const taken = distance === 'near' ? near : far;
    const lasts = taken.map(({ lastMs }) => lastMs);
    const doubled = taken.map((one) => one.doubled);
    const leaked = taken.map((one) => one.leaked);
    return [
      figure(`${distance}: last run restarted, median`, 'ms', lasts, median(lasts)),
      figure(`${distance}: last run restarted, longest`, 'ms', lasts, Math.max(...lasts)),
      figure(`${distance}: doubled starts`, 'runs', doubled, sum(doubled)),
      figure(`${distance}: leaked slots`, 'slots', leaked, sum(leaked)),
    ];
  });
}
