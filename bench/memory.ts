/**
 * How much memory is resident with 1,000,000 waiting runs: the peak of the process that started
 * them all, and the peak of a node that works on that backlog. For the peer also what its server
 * holds, since its queue lives there and nowhere else.
 */
import { type Bench, numberOf, type Stage } from './bench.ts';
import { durabilities, fromRounds, type Measure, type Metric, type Subject } from './measure.ts';

export const memory: Bench = {
  name: 'memory',
  about: 'resident memory at 1,000,000 waiting runs',
  run,
};

async function run(stage: Stage): Promise<readonly Measure[]> {
  const runs = stage.size(1_000_000, 50_000);
  const measures: Measure[] = [];
  for (const durability of durabilities) {
    for (const side of stage.sides) {
      measures.push(...(await measureOne(stage, { side, durability }, runs)));
    }
  }
  return measures;
}

async function measureOne(
  stage: Stage,
  subject: Subject,
  runs: number,
): Promise<readonly Measure[]> {
  stage.say(`${subject.side} ${subject.durability}: ${runs} runs`);
  const module = `memory-${subject.side}`;
  const starter = await stage.open(module, subject);
  const built = await starter.process.ask({ do: 'build', runs });
  const place = await starter.process.ask({ do: 'place' });
  const node = await stage.open(module, subject, { ...place, worker: true });
  const workMs = stage.size(5_000, 2_000);
  const worked = await node.process.ask({ do: 'work', ms: workMs });
  const left = await starter.process.ask({ do: 'left' });
  await node.process.close();
  await starter.process.close();

  const figure = (name: string, mb: number): Measure => {
    const metric: Metric = { name, unit: 'MB', better: 'lower' };
    return fromRounds(subject, metric, [mb]);
  };
  const nodeMb = numberOf(worked, 'peakMb');
  const serverMb = typeof left.serverMb === 'number' ? left.serverMb : null;
  return [
    figure('starting process', numberOf(built, 'peakMb')),
    figure('working node', nodeMb),
    ...(serverMb === null ? [] : [figure('server', serverMb)]),
    figure('working node with its server, if any', nodeMb + (serverMb ?? 0)),
  ];
}
