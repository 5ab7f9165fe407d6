/**
 * What the tour says to the person in front of it.
 */
import { styleText } from 'node:util';
import type { Holdfast } from 'holdfast';
import type { Kill } from './crew.ts';
import type { Found } from './files.ts';
import { count, lastLine, type Takeover, tableOf, takeoverMs } from './report.ts';
import type { Worked } from './work.ts';

const shownMax = 5;

const say = (line = ''): void => void process.stdout.write(`${line}\n`);
const bold = (text: string): string => styleText('bold', text, { stream: process.stdout });
const few = (items: readonly string[]): string => {
  const more = items.length > shownMax ? ` and ${count(items.length - shownMax)} more` : '';
  return `${items.slice(0, shownMax).join(', ')}${more}`;
};

/** What will happen. */
export function introduce({ files, source, closed }: Found, workers: number): void {
  say(`${bold('holdfast tour')}: every file is a durable run; ${source}: ${count(files.length)}`);
  say(`${workers} worker processes share them: lane by extension, tenant by top folder.`);
  say('One of them is killed with SIGKILL while it holds work. So that it surely holds some, the');
  say('runs in flight at that moment wait for it; nothing else is slowed down.');
  if (closed.length > 0) say(`left out, cannot be read: ${few(closed)}`);
}

/** What was found; gives the exit code. */
export async function report(hf: Holdfast, worked: Worked): Promise<number> {
  const { audit, takeover, kill, differences } = worked;
  say();
  for (const line of tableOf(audit)) say(line);
  say();
  say(bold('takeover'));
  for (const line of await timeline(hf, kill, takeover)) say(line);
  say();
  if (audit.unreadable > 0) say(`failed, as they should: ${audit.unreadable} unreadable files`);
  if (audit.lost.length > 0) say(`LOST: ${few(audit.lost)}`);
  if (audit.doubled.length > 0) say(`DOUBLED: ${few(audit.doubled)}`);
  if (differences.length > 0) say(`LEDGER AND STORE DISAGREE: ${few(differences)}`);
  else say('counted from the ledger that the functions keep; the store says the same of every run');
  say(lastLine(audit, takeoverMs(takeover, kill.at)));
  return audit.lost.length + audit.doubled.length + differences.length === 0 ? 0 : 1;
}

/** When the worker was killed, when the others had proof, and when its work went on. */
async function timeline(hf: Holdfast, kill: Kill, taken: Takeover): Promise<string[]> {
  const { node, pid } = kill.victim;
  const { held, found, resumed, doneAt } = taken;
  const moments: [ms: number, what: string][] = [
    [0, `${node} (pid ${pid}) killed with SIGKILL while it held ${runs(held.length)}`],
    [doneAt - kill.at, 'all runs done'],
  ];
  const proof = await proofOf(hf, held);
  if (proof !== null) moments.push([proof.at - kill.wallAt, `proven dead: ${proof.words}`]);
  const [first, last] = [resumed[0], resumed.at(-1)];
  if (first !== undefined && last !== undefined) {
    const nodes = [...new Set(resumed.map((one) => one.node))].sort().join(' and ');
    if (resumed.length > 1) {
      moments.push([first.at - kill.at, `the first of them is running again, on ${first.node}`]);
    }
    const what = resumed.length === 1 ? 'it is' : `all ${resumed.length} of them are`;
    moments.push([last.at - kill.at, `${what} running again, on ${nodes}`]);
  }
  const lines = moments
    .sort(([a], [b]) => a - b)
    .map(([ms, what]) => `${count(Math.round(ms)).padStart(8)} ms  ${what}`);
  lines.push(`taken over: ${few(held)}`);
  if (found > 0) lines.push(`effects that stood already, and were not repeated: ${found}`);
  return lines;
}

const runs = (length: number): string => (length === 1 ? '1 run' : `${length} runs`);

/** The earliest crash that the store has on record for one of the runs. */
async function proofOf(
  hf: Holdfast,
  held: readonly string[],
): Promise<{ at: number; words: string } | null> {
  let earliest: { at: number; words: string } | null = null;
  for (const id of held) {
    const run = await hf.runs.get(id);
    for (const { end, endedAt, error } of run?.attempts ?? []) {
      if (end !== 'crashed' || (earliest !== null && earliest.at <= endedAt)) continue;
      earliest = { at: endedAt, words: error?.message ?? 'no evidence kept' };
    }
  }
  return earliest;
}

/** What to try next, in another terminal. */
export function hint(store: string, { takeover: { held } }: Worked): void {
  const hf = (words: string): void => say(`  npm run -s hf -- ${words} --store ${store}`);
  say();
  say('The other two workers are still up. In another terminal, try:');
  hf('ls --limit 5');
  for (const run of held.slice(0, 1)) hf(`show '${run}'`);
  hf('nodes --all');
  hf('doctor');
  hf(`start file.measure '{"path":"README.md"}' --wait --app examples/tour/app.ts`);
  say('Ctrl-C ends the tour and removes its files.');
}
