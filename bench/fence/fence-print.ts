/**
 * Owns how the fence test is shown: as a table for a terminal, and as a section in Markdown.
 */
import { align } from '../print.ts';
import type { FenceResult, Tested } from './fence-result.ts';
import { type History, type Manner, manners } from './history.ts';
import { type Judgement, judge, type Standing, standingOf } from './judge.ts';

const mannerTitles: Readonly<Record<Manner, string>> = {
  computing: 'woken in the middle of a computation',
  waiting: 'woken while it waits',
};
const heads = ['system', 'version', ...manners.map((manner) => mannerTitles[manner]), 'taken over'];
const WORDS_MAX = 2;

interface Row {
  readonly tested: Tested;
  readonly cells: readonly string[];
  /** Why the verdict is what it is, and what the processes said about it. */
  readonly why: string;
}

/** The whole result for a terminal. */
export function showFence(result: FenceResult): string {
  const rows = rowsOf(result);
  const lines = rows.map(({ tested, cells }) => [tested.title, tested.version, ...cells]);
  return [
    `Who lets a stale owner win (${machineOf(result)})`,
    '',
    ...align([heads, ...lines]),
    '',
    ...rows.flatMap(({ tested, why }) => [
      `${tested.title} (${tested.server}): ${tested.settings}`,
      `  ${why}`,
    ]),
  ].join('\n');
}

const ABOUT = `### Who lets a stale owner win

A process takes a job and is frozen (\`SIGSTOP\`) for longer than its lease; another process takes
the job over; the first is woken (\`SIGCONT\`) and hands in its late result while the other still
works. It is frozen once while its handler computes, so that the late result is the first thing to
leave the process, and once while it waits, so that the system's own timers come first. Whoever
fences refuses the late result, \`A1\`, and ends with that of the next owner, \`B1\`.
\`npm run bench:fence\` repeats it; \`-- --only holdfast\` needs neither Redis nor a peer.
`;

/** The section of docs/benchmarks.md: of this result, or that there is none yet. */
export function fenceSection(result: FenceResult | undefined): string {
  return `${ABOUT}\n${result === undefined ? 'Not tested yet.\n' : tableOf(result)}`;
}

function tableOf(result: FenceResult): string {
  const rows = rowsOf(result);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    `Tested ${result.date}: ${machineOf(result)}.`,
    '',
    line(heads),
    line(heads.map(() => '---')),
    ...rows.map(({ tested, cells }) => line([tested.title, tested.version, ...cells])),
    '',
    ...rows.map(
      ({ tested, why }) => `- ${tested.title} (${tested.server}): ${tested.settings}. ${why}.`,
    ),
    '',
  ].join('\n');
}

function machineOf({ machine, rounds }: FenceResult): string {
  return (
    `${rounds} rounds of each; ${machine.cores} cores (${machine.cpu}), ` +
    `${machine.memoryGiB} GiB, ${machine.os}, Node ${machine.node}, ` +
    `load ${machine.loadBefore} before`
  );
}

function rowsOf({ tested, histories }: FenceResult): readonly Row[] {
  return tested.map((one) => {
    const own = histories.filter(({ system }) => system === one.system);
    const judged = own.map(judge);
    const cells = manners.map((manner) =>
      cellOf(standingOf(own.filter((history) => history.manner === manner).map(judge))),
    );
    const standing = standingOf(judged);
    const why = [capital(standing?.why ?? 'not tested'), ...wordsOf(own)].join('; ');
    return { tested: one, cells: [...cells, takeoverOf(one, judged)], why };
  });
}

function cellOf(standing: Standing | undefined): string {
  if (standing === undefined) return '–';
  return `${standing.verdict}, ${standing.count} of ${standing.rounds}`;
}

/** Who gave the job to the next owner, and when. */
function takeoverOf({ recoveryMsMax, operator }: Tested, judged: readonly Judgement[]): string {
  const bound = `${recoveryMsMax / 1_000} s`;
  const times = judged.flatMap(({ takeoverMs }) => (takeoverMs === null ? [] : [takeoverMs]));
  const spread = `${seconds(Math.min(...times))} to ${seconds(Math.max(...times))} s`;
  if (judged.some(({ recovery }) => recovery === 'forced')) {
    return `no recovery within ${bound}; then by an operator, with ${operator ?? 'SQL'}`;
  }
  if (judged.some(({ recovery }) => recovery === 'none')) return `no recovery within ${bound}`;
  return times.length === 0 ? '–' : `after ${spread}`;
}

/** What the stale owner's process had to say, the most frequent first. */
function wordsOf(histories: readonly History[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { moments } of histories) {
    for (const moment of moments) {
      if (moment.what !== 'said' || moment.actor !== 'A') continue;
      const words = general(moment.words);
      counts.set(words, (counts.get(words) ?? 0) + 1);
    }
  }
  const often = [...counts].sort(([, a], [, b]) => b - a).slice(0, WORDS_MAX);
  return often.map(([words]) => `its process said "${words}"`);
}

/** The same words for every job: without its id. */
function general(words: string): string {
  return words.replace(/\b[0-9a-f]{8}-[0-9a-f-]{27}\b/g, '…').replace(/\bjob \d+\b/g, 'job …');
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(1);
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
