/**
 * The tour: `npm start [-- <folder>] [--exit]`.
 *
 * Three processes share the files of a folder as durable runs; one of them is killed while it holds
 * work; the others take its runs over. At the end the tour counts the effects of all runs in a
 * ledger that the functions keep themselves, and prints what it found.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Holdfast } from 'holdfast';
import { Crew } from './crew.ts';
import { type Found, findFiles } from './files.ts';
import { openLedger } from './ledger.ts';
import { progress } from './progress.ts';
import { hint, introduce, report } from './speech.ts';
import { workThrough } from './work.ts';

const crewSize = 3;
/** Fewer files than this are held back from the first on; of more, the first quarter goes ahead. */
const filesFew = 40;

const usage = 'usage: npm start [-- [folder] [--exit]]';

/** What was asked for on the command line. npm says from where it was called. */
function read(words: readonly string[]): { folder: string | undefined; exits: boolean } {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: { exit: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const [folder, ...more] = positionals;
  if (more.length > 0) throw new Error(`one folder at most; '${more[0]}' is one too many`);
  const from = process.env.INIT_CWD ?? process.cwd();
  const hasTerminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
  return {
    folder: folder === undefined ? undefined : resolve(from, folder),
    exits: values.exit || !hasTerminal,
  };
}

/** Resolves with the exit code when the tour is asked to end: Ctrl-C, or SIGTERM. */
const interruption = (): Promise<number> =>
  new Promise((end) => {
    process.once('SIGINT', () => end(130));
    process.once('SIGTERM', () => end(143));
  });

async function tour(folder: string | undefined, exits: boolean): Promise<number> {
  const found = await findFiles(folder);
  let stopped: number | null = null;
  const interrupted = interruption().then((exit) => {
    stopped = exit;
    return exit;
  });
  const place = await mkdtemp(join(tmpdir(), 'holdfast-tour-'));
  const crew = new Crew();
  try {
    introduce(found, crewSize);
    const exit = await Promise.race([take(found, crew, place, exits), interrupted]);
    if (!exits && stopped === null) await interrupted;
    return exit;
  } catch (error) {
    // Ctrl-C reaches the workers too, and may end one before the tour hears of it.
    if (stopped === null) throw error;
    return stopped;
  } finally {
    progress('');
    await crew.close(stopped !== null);
    await rm(place, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Goes through with it, and gives the exit code. */
async function take(
  { root, files }: Found,
  crew: Crew,
  place: string,
  exits: boolean,
): Promise<number> {
  const [store, ledgerPath] = [join(place, 'tour.db'), join(place, 'ledger')];
  openLedger(ledgerPath).close();
  const holdFrom = files.length < filesFew ? 0 : Math.floor(files.length / 4);
  await crew.start(crewSize, { root, store, ledgerPath, holdFrom });
  await using hf = await Holdfast.open({ store, execute: false });
  const worked = await workThrough(hf, ledgerPath, files, crew);
  const exit = await report(hf, worked);
  if (!exits) hint(store, worked);
  return exit;
}

let exit = 2;
try {
  const { folder, exits } = read(process.argv.slice(2));
  exit = await tour(folder, exits);
} catch (error) {
  console.error(`tour: ${error instanceof Error ? error.message : error}`);
  console.error(usage);
}
// Whatever an interrupted tour left open ends here.
process.exit(exit);
