/**
 * Owns how a result is shown: as a table for a terminal, or as one in Markdown.
 */
import { catalogue } from './catalogue.ts';
import { type Durability, durabilities, type Figure, type Peer, peerTitles } from './measure.ts';
import type { Figures, Result } from './result.ts';

/** What a class means beside BullMQ on Redis. */
const besideRedis: Readonly<Record<Durability, string>> = {
  full: '`full` beside Redis `appendfsync always`',
  relaxed: '`relaxed` beside Redis `appendfsync everysec`',
};

/** What a class means beside several peers. */
const besideMany: Readonly<Record<Durability, string>> = {
  full: '`full`: answered after an fsync, on every side',
  relaxed: '`relaxed`: the last moments may go with the machine',
};

const nothingKept: Readonly<Record<Durability, string>> = {
  full: 'Nothing is kept',
  relaxed: 'Nothing is kept',
};

/** A table of one class: its title, its heads and its rows. */
export interface Table {
  readonly title: string;
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/**
 * The tables of a result, a class each. Beside several peers, a row is a system; of ours alone, it
 * is a metric.
 */
export function tablesOf(result: Result): readonly Table[] {
  const bench = catalogue.find(({ name }) => name === result.name);
  const titles = bench?.storeless === true ? nothingKept : besideMany;
  return durabilities
    .map((durability) =>
      bench?.peers !== undefined
        ? { title: titles[durability], ...systemsOf(result, durability) }
        : { title: besideRedis[durability], heads, rows: rowsOf(result, durability) },
    )
    .filter(({ rows }) => rows.length > 0);
}

const onRedis = `${peerTitles.bullmq} on Redis`;

/** Every system with figures in a class, ours first. */
function sidesOf(result: Result, durability: Durability) {
  const named: readonly (readonly [string, Figures])[] = [
    ['holdfast', result.ours],
    ...Object.entries(result.peers).map(
      ([peer, { figures }]) =>
        [peer === 'bullmq' ? onRedis : peerTitles[peer as Peer], figures] as const,
    ),
  ];
  return named
    .map(([title, figures]) => ({ title, figures: figures[durability] ?? {} }))
    .filter(({ figures }) => Object.keys(figures).length > 0);
}

function systemsOf(result: Result, durability: Durability): Omit<Table, 'title'> {
  const sides = sidesOf(result, durability);
  const metrics = [...new Set(sides.flatMap(({ figures }) => Object.keys(figures)))];
  const [first, ...others] = sides;
  if (first !== undefined && others.length === 0) {
    const rows = metrics.map((metric) => [metric, showFigure(first.figures[metric])]);
    return { heads: alone, rows };
  }
  return {
    heads: ['', ...metrics],
    rows: sides.map(({ title, figures }) => [
      title,
      ...metrics.map((metric) => showFigure(figures[metric])),
    ]),
  };
}

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

/** The rows of one class beside one peer: metric, ours, peer, ratio. */
function rowsOf(result: Result, durability: Durability): readonly (readonly string[])[] {
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
const heads = ['metric', 'holdfast', 'BullMQ', 'better by'] as const;

const alone = ['metric', 'holdfast'] as const;

/** The whole result for a terminal. */
export function showResult(result: Result): string {
  const { machine } = result;
  const lines = [
    `${result.name}: ${machine.cores} cores (${machine.cpu}), ${machine.memoryGiB} GiB, ` +
      `${machine.os}, Node ${machine.node}`,
    `disk: ${machine.diskBefore.syncsPerSecond} fdatasyncs/s before, ` +
      `${machine.diskAfter.syncsPerSecond} after; load before: ${machine.loadBefore}`,
  ];
  for (const table of tablesOf(result)) {
    const asIs = table.heads === heads || table.heads === alone;
    const rows = asIs ? [table.heads, ...table.rows] : stacked(table);
    lines.push('', table.title.replaceAll('`', ''), ...align(rows));
  }
  if (result.aims.length > 0) lines.push('', 'aims', ...showAims(result));
  return lines.join('\n');
}

/** A table whose rows are systems, turned for a terminal: a metric, and the systems below it. */
function stacked({ heads: [, ...metrics], rows }: Table): readonly (readonly string[])[] {
  return metrics.flatMap((metric, index) => [
    [metric],
    ...rows.map(([title = '', ...figures]) => [`  ${title}`, figures[index] ?? '']),
  ]);
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

/** Rows as columns of a fixed width. */
export function align(rows: readonly (readonly string[])[]): readonly string[] {
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
