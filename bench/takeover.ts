/**
 * How long work stands still when the process that does it dies. Two worker processes share runs;
 * the one that holds more of them gets a SIGKILL, at a random moment of its heartbeat; measured
 * is the time from the signal to the first line of the handler of its first and of its last run
 * in the other process.
 *
 * The peer is measured with the quickest settings that its maintainers call sound (5 s for its
 * lock and for its check; pull request 3249 of taskforcesh/bullmq), and with its defaults (30 s
 * each).
 */
import type { Bench, Player, Stage } from './bench.ts';
import { numberOf } from './bench.ts';
import { type Answer, type Ask, verify } from './case.ts';
import { hostMs, pause } from './cases/waits.ts';
import { type Durability, durabilities, fromRounds, type Measure, type Metric } from './measure.ts';
import { median } from './spread.ts';

const RUNS = 8;
const WAIT_MS_MAX = 180_000;
const PEER_QUICKEST_MS = 5_000;
const PEER_DEFAULT_MS = 30_000;
const OUR_HEARTBEAT_MS = 3_000;

export const takeover: Bench = {
  name: 'takeover',
  about: 'SIGKILL of a worker process: time to the restart of its runs in another',
  run,
};

interface Setting {
  readonly side: Player['side'];
  readonly durability: Durability;
  readonly samples: number;
  /** Put behind the names of the metrics. */
  readonly suffix: string;
  readonly params: Ask;
  /** The signal is sent within this time after the runs began. */
  readonly phaseMs: number;
}

/** Times from the signal, of the first and the last run of the dead process. */
interface Taken {
  readonly firstMs: number;
  readonly lastMs: number;
}

async function run(stage: Stage): Promise<readonly Measure[]> {
  const measures: Measure[] = [];
  for (const setting of settingsOf(stage)) {
    stage.say(`${setting.side} ${setting.durability}${setting.suffix}: ${setting.samples} kills`);
    const starter = await stage.open(`takeover-${setting.side}`, setting, setting.params);
    const place = await starter.process.ask({ do: 'place' });
    const taken: Taken[] = [];
    for (let sample = 0; sample < setting.samples; sample += 1) {
      taken.push(await killOne(stage, setting, starter, { ...setting.params, ...place }));
    }
    await starter.process.close();
    measures.push(...toMeasures(setting, taken));
  }
  return measures;
}

function settingsOf(stage: Stage): readonly Setting[] {
  const peer = stage.sides.includes('bullmq');
  return durabilities.flatMap((durability) => {
    const ours: Setting = {
      ...{ side: 'ours', durability, samples: stage.size(10, 4), suffix: '' },
      ...{ params: {}, phaseMs: OUR_HEARTBEAT_MS },
    };
    const bullmq = (suffix: string, ms: number, samples: number): Setting => ({
      ...{ side: 'bullmq', durability, samples, suffix },
      ...{ params: { lockDuration: ms, stalledInterval: ms }, phaseMs: PEER_QUICKEST_MS },
    });
    const quickest = bullmq('', PEER_QUICKEST_MS, stage.size(5, 1));
    // The class changes nothing in the default's half a minute, so once is enough.
    const defaults =
      stage.quick || durability !== 'full' ? [] : [bullmq(' (defaults)', PEER_DEFAULT_MS, 3)];
    return peer ? [ours, quickest, ...defaults] : [ours];
  });
}

async function killOne(
  stage: Stage,
  setting: Setting,
  starter: Player,
  params: Ask,
): Promise<Taken> {
  const module = `takeover-${setting.side}`;
  const workers = [
    await Worker.open(stage, module, setting, params),
    await Worker.open(stage, module, setting, params),
  ] as const;
  await starter.process.ask({ do: 'start', count: RUNS });
  await Worker.untilHeld(workers, RUNS);
  await pause(Math.random() * setting.phaseMs);

  const [one, two] = workers;
  const [victim, heir] = one.held.size >= two.held.size ? [one, two] : [two, one];
  const orphans = [...victim.held.keys()];
  const killedAtMs = hostMs();
  await victim.player.process.kill('SIGKILL');
  await heir.untilHolds(orphans);
  const after = orphans.map((n) => (heir.held.get(n) ?? Number.NaN) - killedAtMs);

  await heir.player.process.ask({ do: 'release' });
  const ends = await starter.process.ask({ do: 'ends' });
  verify(numberOf(ends, 'succeeded') === RUNS, 'every run succeeded, those of the dead as well');
  await heir.player.process.close();
  return { firstMs: Math.min(...after), lastMs: Math.max(...after) };
}

/** A worker process, and which runs it has begun, when. */
class Worker {
  readonly player: Player;
  readonly held = new Map<number, number>();
  #changed: () => void = () => {};

  private constructor(player: Player) {
    this.player = player;
    player.process.onEvent((event: Answer) => {
      this.held.set(numberOf(event, 'n'), numberOf(event, 'atMs'));
      this.#changed();
    });
  }

  static async open(stage: Stage, module: string, setting: Setting, params: Ask): Promise<Worker> {
    return new Worker(await stage.open(module, setting, { ...params, worker: true }));
  }

  static untilHeld(workers: readonly Worker[], count: number): Promise<void> {
    const held = () => workers.reduce((sum, worker) => sum + worker.held.size, 0);
    return wait(workers, () => held() >= count);
  }

  untilHolds(numbers: readonly number[]): Promise<void> {
    return wait([this], () => numbers.every((n) => this.held.has(n)));
  }

  static listen(workers: readonly Worker[], changed: () => void): void {
    for (const worker of workers) worker.#changed = changed;
  }
}

function wait(workers: readonly Worker[], holds: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const give = () => reject(new Error(`no takeover within ${WAIT_MS_MAX} ms`));
    const deadline = setTimeout(give, WAIT_MS_MAX);
    const look = () => {
      if (!holds()) return;
      clearTimeout(deadline);
      resolve();
    };
    Worker.listen(workers, look);
    look();
  });
}

function toMeasures(setting: Setting, taken: readonly Taken[]): readonly Measure[] {
  const firsts = taken.map(({ firstMs }) => firstMs);
  const lasts = taken.map(({ lastMs }) => lastMs);
  const measure = (name: string, rounds: readonly number[], value: number): Measure => {
    const metric: Metric = { name: `${name}${setting.suffix}`, unit: 'ms', better: 'lower' };
    return { ...fromRounds(setting, metric, rounds), value: Math.round(value) };
  };
  return [
    measure('first run restarted, median', firsts, median(firsts)),
    measure('last run restarted, median', lasts, median(lasts)),
    measure('last run restarted, longest', lasts, Math.max(...lasts)),
  ];
}
