/**
 * Owns how a result is shown: as a table for a terminal, or as one in Markdown.
 */
import { type Durability, durabilities, type Figure } from './measure.ts';
import type { Result } from './result.ts';

/** What a class means, in the words of both sides. */
export const classNames: Readonly<Record<Durability, string>> = {
  full: '`full` beside Redis `appendfsync always`',
  relaxed: '`relaxed` beside Redis `appendfsync everysec`',
};

/** A figure with its unit and how far its rounds lie apart. */
function showFigure(figure: Figure | undefined): string {
  if (figure === undefined) return '–';
  const { value, min, max, unit } = figure;
  const spread = min === max ? '' : ` (${digits(min)} to ${digits(max)})`;
  return `${digits(value)} ${unit}${spread}`;
}

/** Thousands in groups, as people read them. */
export function digits(value: number): string {
  return value.toLocaleString('en-US', { maximumSignificantDigits: 4 });
}

/** The rows of one class: metric, ours, peer, ratio. */
export function rowsOf(result: Result, durability: Durability): readonly (readonly string[])[] {
  const ours = result.ours[durability] ?? {};
  const peer = result.peers.bullmq?.figures[durability] ?? {};
  const ratios = result.ratios[durability] ?? {};
  const metrics = [...new Set([...Object.keys(ours), ...Object.keys(peer)])];
  return metrics.map((metric) => {
    const times = ratios[metric];
    return [
      metric,
      showFigure(ours[metric]),
      showFigure(peer[metric]),
      times === undefined ? '–' : `${digits(times)}x`,
    ];
  });
}

/** What stands over the rows. */
export const heads = ['metric', 'holdfast', 'BullMQ', 'better by'] as const;

/** The whole result for a terminal. */
export function showResult(result: Result): string {
  const { machine } = result;
  const lines = [
    `${result.name}: ${machine.cores} cores (${machine.cpu}), ${machine.memoryGiB} GiB, ` +
      `${machine.os}, Node ${machine.node}`,
    `disk: ${machine.diskBefore.syncsPerSecond} fdatasyncs/s before, ` +
      `${machine.diskAfter.syncsPerSecond} after; load before: ${machine.loadBefore}`,
  ];
  for (const durability of durabilities) {
    const rows = rowsOf(result, durability);
    if (rows.length === 0) continue;
    lines.push('', classNames[durability].replaceAll('`', ''), ...align([heads, ...rows]));
  }
  if (result.aims.length > 0) lines.push('', 'aims', ...showAims(result));
  return lines.join('\n');
}

function showAims(result: Result): readonly string[] {
  return align(
    result.aims.map(({ aim, durability, got, unit, met }) => {
      const miss = result.misses.find((one) => one.aim === aim && one.durability === durability);
      return [
        met === null ? '  not judged' : met ? '  met' : '  missed',
        `${aim} (${durability})`,
        got === null ? '' : `got ${digits(got)} ${unit}`,
        miss?.reason ?? '',
      ];
    }),
  );
}

function align(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
