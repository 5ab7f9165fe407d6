/**
 * What the tour has to say, counted from the entries of its ledger. Pure: entries in, text out.
 */
import type { Ended, Entry } from './ledger.ts';

/** The truth about the runs, by the ledger alone. */
export interface Audit {
  readonly runs: number;
  readonly accepted: ReadonlySet<string>;
  readonly succeeded: number;
  /** Ended, but their file could not be read. */
  readonly unreadable: number;
  /** Accepted, and no effect. */
  readonly lost: readonly string[];
  /** More than one effect. */
  readonly doubled: readonly string[];
  readonly effects: ReadonlyMap<string, Ended>;
}

/** Counts the effects of every accepted run. */
export function audit(entries: readonly Entry[]): Audit {
  const accepted = new Set<string>();
  const effects = new Map<string, Ended>();
  const doubled = new Set<string>();
  for (const entry of entries) {
    if (entry.event === 'accepted') accepted.add(entry.run);
    if (entry.event !== 'end') continue;
    if (effects.has(entry.run)) doubled.add(entry.run);
    else effects.set(entry.run, entry);
  }
  const ends = [...effects.values()];
  return {
    runs: accepted.size,
    accepted,
    succeeded: ends.filter((end) => end.measure !== null).length,
    unreadable: ends.filter((end) => end.measure === null).length,
    lost: [...accepted].filter((run) => !effects.has(run)),
    doubled: [...doubled],
    effects,
  };
}

/** What the killed worker held, and how it went on. */
export interface Takeover {
  /** Runs that the worker had begun and not ended. */
  readonly held: readonly string[];
  /** Of those, when and where they were begun again, in that order. */
  readonly resumed: readonly { readonly node: string; readonly at: number }[];
  /** Runs that it had ended, but not yet reported: taken over too, and their effect found. */
  readonly found: number;
  /** When the last effect of all was written. */
  readonly doneAt: number;
}

/** Follows the runs that the process `pid` held when it was killed. */
export function takeover(entries: readonly Entry[], pid: number): Takeover {
  const held = new Set<string>();
  const resumed = new Map<string, { node: string; at: number }>();
  let [found, doneAt] = [0, 0];
  for (const entry of entries) {
    if (entry.event === 'accepted') continue;
    const { event, run, node, at } = entry;
    if (event === 'end') doneAt = Math.max(doneAt, at);
    if (event === 'found') found += 1;
    if (entry.pid === pid) {
      if (event === 'begin') held.add(run);
      else held.delete(run);
    } else if (event === 'begin' && held.has(run) && !resumed.has(run)) {
      resumed.set(run, { node, at });
    }
  }
  return { held: [...held], resumed: [...resumed.values()], found, doneAt };
}

/** Milliseconds from the kill until everything that the dead worker held was running again. */
export const takeoverMs = ({ resumed }: Takeover, killedAt: number): number =>
  Math.round(Math.max(killedAt, ...resumed.map(({ at }) => at)) - killedAt);

const kindsMax = 12;

interface Row {
  readonly kind: string;
  files: number;
  lines: number;
  bytes: number;
  gzipBytes: number;
}

const emptyRow = (kind: string): Row => ({ kind, files: 0, lines: 0, bytes: 0, gzipBytes: 0 });

function add(row: Row, more: Omit<Row, 'kind'>): void {
  row.files += more.files;
  row.lines += more.lines;
  row.bytes += more.bytes;
  row.gzipBytes += more.gzipBytes;
}

/** The table of what was found, the largest kinds first. */
export function tableOf({ effects }: Audit): string[] {
  const kinds = new Map<string, Row>();
  const total = emptyRow('total');
  for (const { lane, measure } of effects.values()) {
    if (measure === null) continue;
    const row = kinds.get(lane) ?? emptyRow(lane);
    kinds.set(lane, row);
    for (const sum of [row, total]) add(sum, { files: 1, ...measure });
  }
  const rows = [...kinds.values()].sort((a, b) => b.bytes - a.bytes);
  const shown = rows.slice(0, kindsMax);
  const others = emptyRow(`${rows.length - shown.length} more kinds`);
  for (const row of rows.slice(kindsMax)) add(others, row);
  if (others.files > 0) shown.push(others);
  return layOut([
    ['kind', 'files', 'lines', 'bytes', 'gzip'],
    ...[...shown, total].map((row) => [
      row.kind,
      count(row.files),
      count(row.lines),
      count(row.bytes),
      row.bytes === 0 ? '-' : `${((100 * row.gzipBytes) / row.bytes).toFixed(0)}%`,
    ]),
  ]);
}

/** The first column stands on the left, the others on the right. */
function layOut(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, index) =>
    Math.max(...rows.map((row) => row[index]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, index) => {
        const width = widths[index] ?? 0;
        return index === 0 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  '),
  );
}

/** A whole number with its thousands apart. */
export const count = (value: number): string => value.toLocaleString('en-US');

/** The last line of the tour. Its format does not change: scripts read it. */
export const lastLine = (found: Audit, ms: number): string =>
  `tour: runs=${found.runs} succeeded=${found.succeeded} lost=${found.lost.length} ` +
  `doubled=${found.doubled.length} takeover_ms=${ms}`;
