/**
 * Runs benchmarks beside their peer.
 *
 *   npm run bench -- list                      what there is
 *   npm run bench -- <name>... [--quick]       run them; --quick takes under a minute each
 *   npm run bench -- postgres                  all parts of the group, but for the long one
 *   npm run bench -- all
 *   npm run bench -- report                    write the newest results into docs/benchmarks.md
 *
 * --json   makes the last line of each the result as JSON
 * --alone  leaves the peers out, and keeps no result
 * --only   measures the named sides only (`holdfast`, `graphile`, ...), of the group `postgres`
 *          also the named parts only (`b1`, `burndown`, ...); a part that lacks sides is not kept
 * --dir    puts the stores below this folder, to measure its disk (default: the temporary one)
 *
 * Exit codes: 0 measured (aims met or not), 1 a benchmark failed or what it measured did not
 * verify, 2 the command line is wrong.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Bench, Stage } from './bench.ts';
import { catalogue } from './catalogue.ts';
import { describeMachine, diskSpeed, packageVersion } from './machine.ts';
import { peerTitles } from './measure.ts';
import { showResult } from './print.ts';
import { redisVersion } from './redis-server.ts';
import { writeReport } from './report.ts';
import { keepResult, type Peers, type Result, toResult } from './result.ts';

interface Options {
  readonly quick: boolean;
  readonly json: boolean;
  readonly alone: boolean;
  readonly only: readonly string[];
  readonly dir: string;
}

/** The word for our own side. */
const OURS = 'holdfast';
const sideWords: readonly string[] = [OURS, ...Object.keys(peerTitles)];
const partWords = catalogue.flatMap(({ words = [] }) => words);

/** Above this load average the machine is not ours alone. */
const LOAD_QUIET_MAX = 1;

const say = (line: string): void => console.error(line);

process.exitCode = await main();

async function main(): Promise<number> {
  const parsed = read();
  if (typeof parsed === 'string') {
    say(parsed);
    return 2;
  }
  const { words, options } = parsed;
  if (words.length === 0 || words.includes('list')) {
    for (const { name, about } of catalogue) console.log(`${name.padEnd(11)} ${about}`);
    return 0;
  }
  if (words.includes('report')) {
    console.log(writeReport());
    return 0;
  }
  let failed = false;
  for (const bench of chosen(words, options.only)) {
    const result = await play(bench, options);
    if (result === undefined) failed = true;
    else console.log(options.json ? JSON.stringify(result) : showResult(result));
  }
  return failed ? 1 : 0;
}

function chosen(words: readonly string[], only: readonly string[]): readonly Bench[] {
  const parts = only.filter((word) => partWords.includes(word));
  return catalogue.filter(({ name, group = '', words: own = [], long = false }) => {
    if (words.includes(name)) return true;
    if (!words.includes(group) && !words.includes('all')) return false;
    return parts.length === 0 ? !long : own.some((word) => parts.includes(word));
  });
}

function read(): { words: readonly string[]; options: Options } | string {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        alone: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
        dir: { type: 'string', default: tmpdir() },
      },
    });
    const groups = new Set(catalogue.flatMap(({ group = [] }) => group));
    const known = ['list', 'all', 'report', ...groups, ...catalogue.map(({ name }) => name)];
    const only = values.only.flatMap((words) => words.split(',').filter((word) => word !== ''));
    return (
      unknownWord('benchmark', positionals, known) ??
      unknownWord('side or part', only, [...sideWords, ...partWords]) ?? {
        words: positionals,
        options: { ...values, only },
      }
    );
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function unknownWord(what: string, words: readonly string[], known: readonly string[]) {
  const unknown = words.filter((word) => !known.includes(word));
  if (unknown.length === 0) return undefined;
  return `no such ${what}: ${unknown.join(', ')}\nthere are: ${known.join(', ')}`;
}

/** Runs one benchmark; undefined when it failed. */
async function play(bench: Bench, options: Options): Promise<Result | undefined> {
  const { quick, alone, dir: parent } = options;
  const dir = mkdtempSync(join(parent, 'holdfast-bench-'));
  const redis = redisVersion();
  const only = alone ? [OURS] : options.only.filter((word) => sideWords.includes(word));
  const whole = only.length === 0 && redis !== undefined;
  if (redis === undefined && !alone) {
    say('redis-server is not on the PATH: BullMQ on it is not measured');
    say('(apt-get install redis-server)');
  }
  const stage = new Stage({ quick, dir, withPeer: !alone && redis !== undefined, only, say });
  const clearUp = () => rmSync(dir, { recursive: true, force: true });
  process.once('exit', clearUp);
  try {
    const before = describeMachine(dir);
    if (before.loadBefore > LOAD_QUIET_MAX) {
      say(
        `the load of the last minute is ${before.loadBefore}: if others are at work, wait for them`,
      );
    }
    say(`${bench.name}: ${bench.about}${quick ? ' (quick)' : ''}`);
    const measures = await bench.run(stage);
    await stage.clear();
    const machine = { ...before, diskAfter: diskSpeed(dir) };
    const peers = bench.peers?.() ?? redisPeer();
    const result = toResult(bench.name, machine, peers, measures, { quick });
    const date = new Date().toISOString().slice(0, 10);
    // Half of a result must not take the place of a whole one.
    if (whole) say(`kept in ${keepResult({ ...result, date, quick, raw: measures })}`);
    return result;
  } catch (error) {
    say(`${bench.name} failed: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  } finally {
    await stage.clear();
    clearUp();
    process.off('exit', clearUp);
  }
}

/** The one peer of most benchmarks, if its server is here. */
function redisPeer(): Peers {
  const server = redisVersion();
  if (server === undefined) return {};
  return { bullmq: { version: packageVersion('bullmq'), server: `Redis ${server}` } };
}
