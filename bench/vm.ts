/**
 * What a sandbox costs: the time of a call that does nothing, calls a second with 16 at once, VMs
 * made a second, and memory of a VM, for scripts in JavaScript and Lua and for threads; beside the
 * bare libraries, and piscina for threads. The bare ones reuse one realm, without JSON, limits of
 * output, grants or a new realm for each call: they are the limit, not the same promise. A VM of a
 * script has its share of its tenant's process. Nothing is stored: the class says nothing here.
 * Checked: every call gave its input back.
 */
import { type Bench, interleave, numberOf, type Player, type Stage } from './bench.ts';
import { packageVersion } from './machine.ts';
import { fromRounds, type Measure, type Metric } from './measure.ts';
import type { Peers } from './result.ts';

/** What is measured, whose it is, and what it is called. */
const SIDES = {
  js: { side: 'ours', word: 'JavaScript' },
  lua: { side: 'ours', word: 'Lua' },
  thread: { side: 'ours', word: 'thread' },
  'isolated-vm': { side: 'isolated-vm', word: 'JavaScript' },
  wasmoon: { side: 'wasmoon', word: 'Lua' },
  piscina: { side: 'piscina', word: 'thread' },
} as const;
type Which = keyof typeof SIDES;

const METRICS: readonly (Omit<Metric, 'name'> & { readonly name: string; readonly key: string })[] =
  [
    { key: 'callUs', name: 'a call', unit: 'us', better: 'lower' },
    { key: 'perSecond', name: 'calls, 16 at once', unit: 'calls/s', better: 'higher' },
    { key: 'madePerSecond', name: 'VMs made', unit: 'VMs/s', better: 'higher' },
    { key: 'mbEach', name: 'memory of a VM', unit: 'MB', better: 'lower' },
  ];

export const vm: Bench = {
  name: 'vm',
  about: 'calls, VMs made and memory of scripts and threads, beside bare libraries and piscina',
  storeless: true,
  ...{ peers, run },
};

function peers(): Peers {
  const settings = 'one realm for all calls, no JSON, no bounds of output, no grants';
  const bare = (name: string) => ({ version: packageVersion(name), server: 'nothing', settings });
  const threads = { ...bare('piscina'), settings: 'threads of its own, results copied' };
  return { 'isolated-vm': bare('isolated-vm'), wasmoon: bare('wasmoon'), piscina: threads };
}

async function run(stage: Stage): Promise<readonly Measure[]> {
  const players: (Player & { readonly which: Which })[] = [];
  for (const which of Object.keys(SIDES) as readonly Which[]) {
    const process = await stage.openCase('vm', { which }, which);
    players.push({ side: SIDES[which].side, durability: 'full', process, which });
  }
  const counts = { rounds: stage.size(5, 2), warmUps: 1 };
  const ask = { calls: stage.size(2_000, 200), vms: stage.size(16, 4) };
  const played = await interleave(stage, players, counts, ({ process }) => process.ask(ask));
  return players.flatMap((player) => {
    const rounds = played.get(player) ?? [];
    return METRICS.map(({ key, name, unit, better }) =>
      fromRounds(
        player,
        { name: `${SIDES[player.which].word}: ${name}`, unit, better },
        rounds.map((answer) => numberOf(answer, key)),
      ),
    );
  });
}
