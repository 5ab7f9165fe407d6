/**
 * Runs benchmarks beside their peer.
 *
 *   npm run bench -- list                      what there is
 *   npm run bench -- <name>... [--quick]       run them; --quick takes under a minute each
 *   npm run bench -- all
 *   npm run bench -- report                    write the newest results into docs/benchmarks.md
 *
 * --json   makes the last line of each the result as JSON
 * --alone  leaves the peer out, and keeps no result
 * --dir    puts the stores below this folder, to measure its disk (default: the temporary one)
 *
 * Exit codes: 0 measured (aims met or not), 1 a benchmark failed or what it measured did not
 * verify, 2 the command line is wrong.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Bench, Stage } from './bench.ts';
import { catalogue } from './catalogue.ts';
import { describeMachine, diskSpeed } from './machine.ts';
import { showResult } from './print.ts';
import { redisVersion } from './redis-server.ts';
import { writeReport } from './report.ts';
import { keepResult, type PeerVersions, type Result, toResult } from './result.ts';

interface Options {
  readonly quick: boolean;
  readonly json: boolean;
  readonly alone: boolean;
  readonly dir: string;
}

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
  const benches = catalogue.filter(({ name }) => words.includes(name) || words.includes('all'));
  for (const bench of benches) {
    const result = await play(bench, options);
    if (result === undefined) return 1;
    console.log(options.json ? JSON.stringify(result) : showResult(result));
  }
  return 0;
}

function read(): { words: readonly string[]; options: Options } | string {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        alone: { type: 'boolean', default: false },
        dir: { type: 'string', default: tmpdir() },
      },
    });
    const known = ['list', 'all', 'report', ...catalogue.map(({ name }) => name)];
    const unknown = positionals.filter((word) => !known.includes(word));
    if (unknown.length > 0) {
      return `no such benchmark: ${unknown.join(', ')}\nthere are: ${known.join(', ')}`;
    }
    return { words: positionals, options: values };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Runs one benchmark; undefined when it failed. */
async function play(bench: Bench, options: Options): Promise<Result | undefined> {
  const { quick, alone, dir: parent } = options;
  const dir = mkdtempSync(join(parent, 'holdfast-bench-'));
  const peer = alone ? null : peerVersions();
  if (peer === null && !alone) {
    say('redis-server is not on the PATH: the peer is not measured (apt-get install redis-server)');
  }
  const stage = new Stage({ quick, dir, withPeer: peer !== null, say });
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
    const result = toResult(bench.name, machine, peer, measures, { quick });
    const date = new Date().toISOString().slice(0, 10);
    // Half of a result must not take the place of a whole one.
    if (peer !== null) say(`kept in ${keepResult({ ...result, date, quick, raw: measures })}`);
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

function peerVersions(): PeerVersions {
  const server = redisVersion();
  if (server === undefined) return null;
  const manifest = new URL('../node_modules/bullmq/package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  return { version, server: `Redis ${server}` };
}
