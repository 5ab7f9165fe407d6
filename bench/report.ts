/**
 * Owns the generated part of docs/benchmarks.md: the newest full-size result of each benchmark,
 * between two markers. Everything around it is written by hand and left alone.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { judge } from './aims.ts';
import { catalogue } from './catalogue.ts';
import { fenceSection } from './fence/fence-print.ts';
import { newestFence } from './fence/fence-result.ts';
import { type Peer, peerTitles } from './measure.ts';
import { digits, tablesOf } from './print.ts';
import { newestResult, type StoredResult } from './result.ts';

const document = fileURLToPath(new URL('../docs/benchmarks.md', import.meta.url));
const BEGIN = '<!-- results: written by `npm run bench -- report`, not by hand -->';
const END = '<!-- end of results -->';

/** Writes the newest results into the document; says what it did. */
export function writeReport(): string {
  const before = readFileSync(document, 'utf8');
  const after = withResults(before);
  writeFileSync(document, after);
  return before === after ? 'docs/benchmarks.md was up to date' : 'docs/benchmarks.md is rewritten';
}

/** The document with the newest results in place of the ones between the markers. */
export function withResults(text: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin)
    throw new Error(`docs/benchmarks.md has lost its markers: ${BEGIN}`);
  const fence = fenceSection(newestFence());
  return `${text.slice(0, begin + BEGIN.length)}\n\n${sections()}\n${fence}\n${text.slice(end)}`;
}

function sections(): string {
  return catalogue
    .map(({ name, about }) => {
      const result = newestResult(name);
      const title = `### ${name}\n\n${about}.\n\n`;
      return title + (result === undefined ? 'Not measured yet.\n' : section(result));
    })
    .join('\n');
}

function section(result: StoredResult): string {
  const { machine, date, peers } = result;
  const measured = Object.entries(peers).map(([peer, versions]) => ({
    ...{ ...versions, title: peerTitles[peer as Peer] },
  }));
  const many = measured.some(({ settings }) => settings !== undefined);
  const beside = measured.map((one) => `${one.title} ${one.version} on ${one.server}; `);
  const lines = [
    `Measured ${date}: ${machine.cores} cores (${machine.cpu}), ${machine.memoryGiB} GiB, ` +
      `${machine.filesystem}, ${machine.os}, Node ${machine.node}; ${many ? '' : beside.join('')}` +
      `${digits(machine.diskBefore.syncsPerSecond)} fdatasyncs/s before and ` +
      `${digits(machine.diskAfter.syncsPerSecond)} after, load ${machine.loadBefore} before.`,
    '',
  ];
  for (const { title, version, server, settings } of many ? measured : []) {
    lines.push(`- ${title} ${version} on ${server}: ${settings}`);
  }
  if (many) lines.push('');
  for (const { title, heads, rows } of tablesOf(result)) {
    lines.push(`${title}:`, '', ...markdown(heads, rows), '');
  }
  return [...lines, ...aimsOf(result)].join('\n');
}

/** Judged anew: aims and reasons are those of today, the measures those of then. */
function aimsOf({ name, raw, quick }: StoredResult): readonly string[] {
  const { aims, misses } = judge(name, raw, { quick });
  if (aims.length === 0) return [];
  const rows = aims.map(({ aim, durability, got, unit, met }) => {
    const miss = misses.find((one) => one.aim === aim && one.durability === durability);
    return [
      `${aim} (\`${durability}\`)`,
      got === null ? '–' : `${digits(got)} ${unit}`,
      met === null ? 'not judged' : met ? 'met' : `missed: ${miss?.reason ?? ''}`,
    ];
  });
  return [...markdown(['aim', 'got', ''], rows), ''];
}

function markdown(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}
