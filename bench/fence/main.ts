/**
 * The fence test: who lets a stale owner win.
 *
 *   npm run bench:fence                          all systems, three rounds of each kind
 *   npm run bench:fence -- --only holdfast       ours only; needs neither Redis nor a peer
 *   npm run bench:fence -- --only bullmq,pg-boss
 *
 * A process takes a job and is frozen (SIGSTOP) for longer than its lease; another one takes the
 * job over; the first is woken (SIGCONT) and returns its late result while the other still works.
 * A system that fences refuses the late result, and the job ends with the other's.
 *
 * --only    the systems whose name is one of these words or begins with it
 * --rounds  rounds of each kind (default 3)
 * --json    makes the last line the result as JSON
 * --dir     puts stores and servers below this folder (default: the temporary one)
 *
 * A result of all systems at three rounds or more is kept in bench/results.
 *
 * Exit codes: 0 holdfast refused every stale owner, 1 it did not or a round could not be played,
 * 2 the command line is wrong.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMachine, packageVersion } from '../machine.ts';
import { redisVersion } from '../redis-server.ts';
import { contenderOf, entryOf, isOurs, type System, systems } from './contender.ts';
import { showFence } from './fence-print.ts';
import { type FenceResult, keepFence, type Tested } from './fence-result.ts';
import { Grounds } from './ground.ts';
import { type History, type Manner, manners } from './history.ts';
import { judge } from './judge.ts';
import { cannotFreeze } from './owner.ts';
import { playRound } from './round.ts';

interface Options {
  readonly chosen: readonly System[];
  readonly rounds: number;
  readonly json: boolean;
  readonly dir: string;
}

const ROUNDS = 3;
const ROUNDS_MAX = 100;

const say = (line: string): void => console.error(line);

process.exitCode = await main();

async function main(): Promise<number> {
  const options = read();
  if (typeof options === 'string') {
    say(options);
    return 2;
  }
  if (cannotFreeze !== null) {
    say(`processes cannot be frozen here: ${cannotFreeze}`);
    return 1;
  }
  const dir = mkdtempSync(join(options.dir, 'holdfast-fence-'));
  const clearUp = () => rmSync(dir, { recursive: true, force: true });
  process.once('exit', clearUp);
  const machine = describeMachine(dir);
  const grounds = await Grounds.open(dir, options.chosen);
  try {
    // Nearly all of it is waiting, so all play at the same time, each in a place of its own.
    const played = await Promise.all(
      options.chosen.flatMap((system) =>
        manners.map((manner) => playRounds(grounds, system, manner, options.rounds)),
      ),
    );
    const result: FenceResult = {
      ...{ name: 'fence', date: new Date().toISOString().slice(0, 10), rounds: options.rounds },
      machine,
      tested: options.chosen.map((system) => testedOf(grounds, system)),
      histories: played.flatMap(({ histories }) => histories),
    };
    return conclude(
      result,
      played.flatMap(({ fault }) => fault ?? []),
      options,
    );
  } finally {
    await grounds.close();
    clearUp();
    process.off('exit', clearUp);
  }
}

function conclude(result: FenceResult, faults: readonly string[], options: Options): number {
  console.log(showFence(result));
  for (const fault of faults) say(`not played: ${fault}`);
  const ours = result.histories.filter(({ system }) => isOurs(system as System)).map(judge);
  const held = ours.every(({ verdict }) => verdict === 'refused');
  const whole = options.chosen.length === systems.length && options.rounds >= ROUNDS;
  if (whole && faults.length === 0) say(`kept in ${keepFence(result)}`);
  if (options.json) console.log(JSON.stringify(result));
  return held && faults.length === 0 ? 0 : 1;
}

/** All rounds of one kind, one after another, until one cannot be played. */
async function playRounds(
  grounds: Grounds,
  system: System,
  manner: Manner,
  rounds: number,
): Promise<{ histories: readonly History[]; fault?: string }> {
  const histories: History[] = [];
  try {
    const contender = await contenderOf(system);
    const url = await grounds.place(system, manner);
    await contender.prepare(url);
    const desk = await contender.desk(url);
    try {
      let { recoveryMsMax } = entryOf(system);
      for (let round = 1; round <= rounds; round += 1) {
        const history = await playRound({ system, url, desk, manner, recoveryMsMax });
        histories.push(history);
        const { verdict, recovery } = judge(history);
        say(`${entryOf(system).title}, ${manner}, round ${round}: ${verdict}`);
        // What happened must not have to be guessed.
        if (isOurs(system) && verdict !== 'refused') {
          for (const moment of history.moments) say(`  ${JSON.stringify(moment)}`);
        }
        // Shown once; from then on the operator does not wait.
        if (recovery === 'forced') recoveryMsMax = 0;
      }
    } finally {
      await desk.close();
    }
    return { histories };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { histories, fault: `${system}, ${manner}: ${why}` };
  }
}

function testedOf(grounds: Grounds, system: System): Tested {
  const { title, package: name, ground, settings, recoveryMsMax, operator } = entryOf(system);
  return {
    ...{ system, title, version: versionOf(name), server: grounds.server(ground), settings },
    ...{ recoveryMsMax, ...(operator === undefined ? {} : { operator }) },
  };
}

/** Ours is the one of this folder. */
function versionOf(name: string): string {
  if (name !== 'holdfast') return packageVersion(name);
  const manifest = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { readonly version: string }).version;
}

function read(): Options | string {
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', multiple: true, default: [] },
        rounds: { type: 'string', default: String(ROUNDS) },
        json: { type: 'boolean', default: false },
        dir: { type: 'string', default: tmpdir() },
      },
    });
    const rounds = Number(values.rounds);
    if (!Number.isInteger(rounds) || rounds < 1 || rounds > ROUNDS_MAX) {
      return `--rounds is '${values.rounds}'; give a whole number from 1 to ${ROUNDS_MAX}`;
    }
    const words = values.only.flatMap((given) => given.split(',').filter((word) => word !== ''));
    const fits = (system: System, word: string) => system === word || system.startsWith(`${word}-`);
    const unknown = words.find((word) => !systems.some((system) => fits(system, word)));
    if (unknown !== undefined) {
      return `no such system: ${unknown}\nthere are: ${systems.join(', ')}`;
    }
    const wanted = systems.filter(
      (system) => words.length === 0 || words.some((word) => fits(system, word)),
    );
    return { ...values, rounds, chosen: wanted.filter(isPossible) };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isPossible(system: System): boolean {
  if (entryOf(system).ground !== 'redis' || redisVersion() !== undefined) return true;
  say(`redis-server is not on the PATH: ${entryOf(system).title} is not tested`);
  say('(apt-get install redis-server)');
  return false;
}
